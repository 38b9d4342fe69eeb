/**
 * Writes prisma/kernel.sql: the roles, functions, policies, grants and triggers after all migrations, so that a review
 * shows what a migration changes in them.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { startEmbedded } from '@tenantry/embedded-postgres';
import { withClient } from '../src/kernel/database/owner-connection.js';
import { migrate } from '../src/kernel/database/preparation/prepare.js';
import { printKernel } from './kernel-sql/print-kernel.js';

const folder = await mkdtemp(join(tmpdir(), 'tenantry-kernel-sql-'));
try {
  const server = await startEmbedded(folder, { durable: false });
  const { superuser, app, operator } = server;
  try {
    await migrate({ owner: superuser, app, operator });
    await writeFile(
      new URL('../prisma/kernel.sql', import.meta.url),
      await withClient(superuser, (client) => printKernel(client)),
    );
  } finally {
    await server.stop();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
// Otherwise Node would wait for a ten-second timer of Prisma's engine.
process.exit();

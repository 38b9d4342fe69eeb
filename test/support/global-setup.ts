/**
 * Starts one PostgreSQL server for the whole run, with one template database: migrated and with the demo tenants. Every
 * test file clones it (see database.ts).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '@tenantry/embedded-postgres';
import { migrate } from '../../src/kernel/database/preparation/prepare.js';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { modules } from '../../src/modules.js';
import { seedDemo } from '../../src/services/operator/demo-seed.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { openDatabase } from '../../src/kernel/tenancy/database.js';
import { PATIENT } from './patience.js';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestPostgres;
  }
}

/** The URLs of this run's server. Each names the template database. */
export interface TestPostgres {
  readonly superuser: string;
  readonly app: string;
  readonly operator: string;
  readonly template: string;
  /** The key that contexts are signed with in the template. Undefined when they are not signed. */
  readonly contextKey: string | undefined;
}

const TEMPLATE = 'tenantry_template';
/** With this key, the whole suite runs with signed contexts. */
const CONTEXT_KEY = process.env['TEST_CONTEXT_KEY'];

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-test-'));
  const server = await startEmbedded(folder, { durable: false });
  const urls = {
    superuser: onDatabase(server.superuser, TEMPLATE),
    app: onDatabase(server.app, TEMPLATE),
    operator: onDatabase(server.operator, TEMPLATE),
  };
  const contextKey = CONTEXT_KEY;
  await migrate({ owner: urls.superuser, app: urls.app, operator: urls.operator }, contextKey);
  const database = openDatabase({ url: urls.app, poolSize: 2, limits: PATIENT, contextKey });
  await withOperatorConnection({ url: urls.operator, operator: 'demo-seed', contextKey }, (connection) =>
    seedDemo(connection, database, modules),
  );
  await database.close();

  project.provide('postgres', { ...urls, template: TEMPLATE, contextKey });
  // For tests that create their own databases.
  process.env['TENANTRY_TEST_POSTGRES'] = server.superuser;
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

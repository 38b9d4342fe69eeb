/**
 * Databases for the tests of migrations, which are dropped after the tests, and copies of prisma/ that tests change.
 */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, expect } from 'vitest';
import { PRISMA_FOLDER } from '../../src/kernel/database/migration/folder.js';
import { MigrationError } from '../../src/kernel/database/migration/migrations.js';

export const SUPERUSER = process.env['TENANTRY_TEST_POSTGRES'] ?? '';

export async function addMigration(prisma: string, name: string, sql: string): Promise<void> {
  await mkdir(join(prisma, 'migrations', name), { recursive: true });
  await writeFile(join(prisma, 'migrations', name, 'migration.sql'), sql);
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(sql)).rows);
}

/** The message of the MigrationError with which `work` is refused. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MigrationError);
  return (error as MigrationError).message;
}

export async function ownNames(): Promise<string[]> {
  const entries = await readdir(join(PRISMA_FOLDER, 'migrations'), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Call it at the top level. */
export function useMigratedDatabases() {
  const made: string[] = [];
  const folders: string[] = [];

  /** The URL of a database that does not exist yet. It is dropped after the tests. */
  function newDatabase(): string {
    const name = `mig_${randomBytes(6).toString('hex')}`;
    made.push(name);
    const url = new URL(SUPERUSER);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** A copy of prisma/ that a test may change. */
  async function prismaCopy(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'tenantry-prisma-'));
    folders.push(folder);
    await cp(PRISMA_FOLDER, folder, { recursive: true });
    return folder;
  }

  afterAll(async () => {
    await withClient(SUPERUSER, async (client) => {
      for (const name of made) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    });
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
  });

  return { newDatabase, prismaCopy };
}

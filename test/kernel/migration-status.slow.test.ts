/** Proves that `tenantry migrate --status` says what a database has, with the application's role, and changes nothing. */
import { describe, expect, inject, test } from 'vitest';
import { applyMigrations } from '../../src/kernel/database/migration/migrations.js';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { endChildrenAfterAll, runChild } from '../support/child.js';
import { connected } from '../support/demo-tenants.js';
import { useOwnDatabases } from '../support/own-databases.js';

endChildrenAfterAll();
const databases = useOwnDatabases();
const NEWER = '29990101000000_newer';

const nameOf = (url: string): string => new URL(url).pathname.slice(1);

/** The status that the command prints of the database, and its exit code. */
async function statusOf(url: string): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runChild('src/cli/main.ts', ['migrate', '--status'], {
    DATABASE_URL: onDatabase(inject('postgres').app, nameOf(url)),
  });
  expect(stderr).toBe('');
  return { code, ...(JSON.parse(stdout) as Record<string, unknown>) };
}

const forget = (url: string, change: string): Promise<unknown> =>
  connected(url, (client) =>
    client.query(`${change} WHERE migration_name = (SELECT max(migration_name) FROM _prisma_migrations)`),
  );

describe('tenantry migrate --status', () => {
  test('of a database that has everything', async () => {
    const url = await databases.newClone();
    const status = await statusOf(url);
    expect(status).toMatchObject({
      code: 0,
      database: nameOf(url),
      missing: [],
      newer: [],
      isUpToDate: true,
    });
    expect(status['applied']).toBeGreaterThan(0);
    expect(status).not.toHaveProperty('problem');
  });

  test('of one in which the last migration is missing', async () => {
    const url = await databases.newClone();
    await forget(url, 'DELETE FROM _prisma_migrations');
    expect(await statusOf(url)).toMatchObject({ code: 1, missing: [expect.any(String)], isUpToDate: false });
  });

  test('of one in which the last migration has failed, or was edited', async () => {
    const url = await databases.newClone();
    await forget(url, 'UPDATE _prisma_migrations SET finished_at = NULL');
    expect(await statusOf(url)).toMatchObject({
      code: 1,
      missing: [expect.any(String)],
      problem: expect.stringContaining('failed before') as string,
    });
    await forget(url, "UPDATE _prisma_migrations SET finished_at = now(), checksum = 'x'");
    expect(await statusOf(url)).toMatchObject({
      code: 1,
      missing: [],
      problem: expect.stringContaining('was edited') as string,
    });
  });

  test('of one that a newer version has migrated', async () => {
    const url = await databases.newClone();
    await applyMigrations(url, await databases.prismaWith(NEWER, 'CREATE TABLE newer (id int)'));
    expect(await statusOf(url)).toMatchObject({ code: 1, missing: [], newer: [NEWER] });
  });

  test('of one without a history, which it does not begin', async () => {
    const url = databases.newDatabase();
    await connected(onDatabase(url, 'postgres'), (client) => client.query(`CREATE DATABASE ${nameOf(url)}`));
    expect(await statusOf(url)).toMatchObject({ code: 1, applied: 0 });
    const tables = await connected(url, (client) =>
      client.query("SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
    );
    expect(tables.rowCount).toBe(0);
  });
});

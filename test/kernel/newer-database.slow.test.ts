/**
 * An older server on a database that a newer version has migrated. It starts, so that a roll-back and a crash during a
 * roll-out work. `migrate` refuses it, and every other unknown history is refused too.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { applyMigrations, differenceTo } from '../../src/kernel/database/migration/migrations.js';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import {
  migrate,
  prepareDatabase,
  type PreparedDatabase,
} from '../../src/kernel/database/preparation/prepare.js';
import { connected } from '../support/demo-tenants.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { useOwnDatabases } from '../support/own-databases.js';
import { TEST_SECRET } from '../support/server.js';

endChildrenAfterAll();
const databases = useOwnDatabases();
const NEWER = '29990101000000_newer';

const nameOf = (url: string): string => new URL(url).pathname.slice(1);
const appUrl = (url: string): string => onDatabase(inject('postgres').app, nameOf(url));
const envOf = (url: string, owner: boolean): Record<string, string> => ({
  DATABASE_URL: appUrl(url),
  ...(owner && { DATABASE_OWNER_URL: url }),
  ...(inject('postgres').contextKey !== undefined && { CONTEXT_SIGNING_KEY: inject('postgres').contextKey! }),
});
const prepare = (url: string, owner: boolean): Promise<PreparedDatabase> =>
  prepareDatabase(readConfig(envOf(url, owner)));

const WAYS = [
  ['with the owner’s URL', true],
  ['without it', false],
] as const;

describe.each(WAYS)('a server that starts %s', (_way, owner) => {
  test('takes a database that is newer, and says what it does not know', async () => {
    const url = await databases.newClone();
    await applyMigrations(url, await databases.prismaWith(NEWER, 'CREATE TABLE newer (id int)'));
    expect(await prepare(url, owner)).toMatchObject({ appliedMigrations: [], newerMigrations: [NEWER] });
  });

  test('takes a database on which the newer version has failed', async () => {
    const url = await databases.newClone();
    const prisma = await databases.prismaWith(NEWER, 'SELECT 1 / 0');
    await expect(applyMigrations(url, prisma)).rejects.toThrow('division by zero');
    expect(await prepare(url, owner)).toMatchObject({ newerMigrations: [NEWER] });
  });

  test('does not wait for a newer version that is migrating', async () => {
    const url = await databases.newClone();
    const prisma = await databases.prismaWith(NEWER, 'SELECT pg_advisory_xact_lock(2, 2)');
    await connected(url, async (client) => {
      await client.query('SELECT pg_advisory_lock(2, 2)');
      const applying = applyMigrations(url, prisma);
      await expect
        .poll(async () => (await prepare(url, owner)).newerMigrations, { timeout: 30_000 })
        .toEqual([NEWER]);
      await client.query('SELECT pg_advisory_unlock(2, 2)');
      expect(await applying).toEqual([NEWER]);
    });
  });

  test('takes one that is as old as itself, and has nothing to say', async () => {
    const url = await databases.newClone();
    expect(await prepare(url, owner)).toMatchObject({ appliedMigrations: [], newerMigrations: [] });
  });
});

describe('what is no newer version is refused', () => {
  test('an unknown migration that is older than ours: another branch', async () => {
    const url = await databases.newClone();
    await connected(url, (client) =>
      client.query(
        `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
         VALUES ('branch', 'x', '20260101000000_branch', now())`,
      ),
    );
    await expect(prepare(url, true)).rejects.toThrow('20260101000000_branch, which is unknown here');
  });

  test.each(WAYS)('a database made before the first release, %s: it says what to do', async (_way, owner) => {
    const url = await databases.newClone();
    await connected(url, (client) =>
      client.query(
        `UPDATE _prisma_migrations SET migration_name = '20261121000000_kernel'
         WHERE migration_name = (SELECT min(migration_name) FROM _prisma_migrations)`,
      ),
    );
    await expect(prepare(url, owner)).rejects.toThrow(
      /was made by a version before the first release .* delete it and start again/,
    );
  });

  test('a newer migration beside one of ours that is missing', async () => {
    const url = await databases.newClone();
    await applyMigrations(url, await databases.prismaWith(NEWER, 'SELECT 1'));
    await connected(url, (client) =>
      client.query(
        'DELETE FROM _prisma_migrations WHERE migration_name = (SELECT max(migration_name) FROM _prisma_migrations WHERE migration_name < $1)',
        [NEWER],
      ),
    );
    await expect(prepare(url, true)).rejects.toThrow(`${NEWER}, which is unknown here`);
    await expect(prepare(url, false)).rejects.toThrow('The database lacks the migrations');
  });

  test('one of ours that was edited', async () => {
    const url = await databases.newClone();
    const prisma = await databases.prismaWith(NEWER, 'SELECT 1');
    await applyMigrations(url, prisma);
    await writeFile(join(prisma, 'migrations', NEWER, 'migration.sql'), 'SELECT 2');
    await expect(applyMigrations(url, prisma, { acceptNewer: true })).rejects.toThrow('was edited after');
  });

  test('by `migrate`, whatever it is', async () => {
    const url = await databases.newClone();
    await applyMigrations(url, await databases.prismaWith(NEWER, 'SELECT 1'));
    const urls = { owner: url, app: appUrl(url), operator: undefined };
    await expect(migrate(urls)).rejects.toThrow(`${NEWER}, which is unknown here: it belongs to another`);
  });
});

test('an upgrade brings a migration that is older than those of the application', async () => {
  const url = await databases.newClone();
  const application = () =>
    databases.prismaWith('29990101000000_of_the_application', 'CREATE TABLE of_the_application (id int)');
  const [before, after] = [await application(), await application()];
  await applyMigrations(url, before);
  const upgrade = join(after, 'migrations/29980101000000_of_the_upgrade');
  await mkdir(upgrade);
  await writeFile(join(upgrade, 'migration.sql'), 'CREATE TABLE of_the_upgrade (id int)');
  expect(await applyMigrations(url, after)).toEqual(['29980101000000_of_the_upgrade']);
  const fresh = databases.newDatabase();
  // A new database has them in the order of their names.
  expect((await applyMigrations(fresh, after)).slice(-2)).toEqual([
    '29980101000000_of_the_upgrade',
    '29990101000000_of_the_application',
  ]);
  // The version before the upgrade: as the application's role it starts, as the owner it takes the migration for another branch's.
  await connected(url, async (client) => {
    expect(await differenceTo((sql) => client.query(sql), before)).toEqual({ pending: [], newer: [] });
  });
  await expect(applyMigrations(url, before, { acceptNewer: true })).rejects.toThrow(
    '29980101000000_of_the_upgrade, which is unknown here',
  );
});

test('the process says so in its log, and serves', { timeout: 150_000 }, async () => {
  const url = await databases.newClone();
  await applyMigrations(url, await databases.prismaWith(NEWER, 'SELECT 1'));
  const server = startChild('src/main.ts', [], { PORT: '0', JWT_SECRET: TEST_SECRET, ...envOf(url, true) });
  await server.says(new RegExp(`the database is newer than this version.*${NEWER}`));
  const [, port] = await server.says(/Tenantry is running\.[^]*?http:\/\/localhost:(\d+)\/graphql/);
  expect((await fetch(`http://127.0.0.1:${port!}/readyz`)).status).toBe(200);
  server.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0 });
});

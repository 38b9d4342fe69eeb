/** Proves that the server and its commands set up a user's own database, each step once. */
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbedded, type EmbeddedDatabase } from '@tenantry/embedded-postgres';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { makeDataFolder, removeDataFolder, startServer, tenantry } from '../support/running-server.js';
import { TEST_SECRET } from '../support/server.js';
import { until } from '../support/until.js';
import { start, expectSentence } from '../support/processes.js';

endChildrenAfterAll();

describe.concurrent('a database of one’s own', { timeout: 150_000 }, () => {
  let folder: string;
  let bare: EmbeddedDatabase;
  const urls = (database: string) => ({
    DATABASE_URL: onDatabase(bare.app, database),
    DATABASE_OWNER_URL: onDatabase(bare.superuser, database),
    DATABASE_OPERATOR_URL: onDatabase(bare.operator, database),
    TENANTRY_DATA_DIR: join(folder, 'unused'),
    JWT_SECRET: TEST_SECRET,
  });
  const passwords = () =>
    [bare.superuser, bare.owner, bare.app, bare.operator].map((url) => new URL(url).password);

  async function ask<Row extends pg.QueryResultRow>(database: string, sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: onDatabase(bare.superuser, database) });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    folder = await makeDataFolder();
    bare = await startEmbedded(folder, { durable: false });
  });
  afterAll(async () => {
    await bare.stop();
    await removeDataFolder(folder);
  });

  test(
    'is created, gets its roles and tables, is served, and is not seeded',
    { concurrent: false },
    async () => {
      expect(await ask('postgres', "SELECT FROM pg_roles WHERE rolname LIKE 'tenantry%'")).toEqual([]);
      const server = await startServer(urls('fresh'));
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
      expect(server.tokens).toEqual({});
      expect(await ask('fresh', 'SELECT FROM tenants')).toEqual([]);
      expect(
        await ask(
          'postgres',
          "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'tenantry%' ORDER BY rolname",
        ),
      ).toEqual([
        { rolname: 'tenantry_app', rolsuper: false, rolbypassrls: false },
        { rolname: 'tenantry_operator', rolsuper: false, rolbypassrls: true },
        { rolname: 'tenantry_owner', rolsuper: false, rolbypassrls: false },
      ]);
      const logins =
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'fresh' AND application_name LIKE 'tenantry%'";
      // A backend may end a moment after its connection.
      await expect.poll(() => ask('fresh', logins)).toEqual([{ usename: 'tenantry_app' }]);
      server.kill('SIGTERM');
      const { code, stdout, stderr } = await server.ended;
      expect(code).toBe(0);
      for (const password of passwords()) expect(stdout + stderr).not.toContain(password);
    },
  );

  test(
    'without migrations and without an owner’s URL is refused in one sentence, which says what to do',
    { concurrent: false },
    async () => {
      await ask('postgres', 'CREATE DATABASE unmigrated');
      const { DATABASE_URL } = urls('unmigrated');
      expectSentence(
        await start({ DATABASE_URL, JWT_SECRET: TEST_SECRET }),
        /migrate.*DATABASE_OWNER_URL/,
        ...passwords(),
      );
    },
  );

  test(
    'is migrated by `migrate`, and seeded by `seed`: each does its work once, and is harmless after that',
    { concurrent: false },
    async () => {
      const env = urls('by_command');
      const migrated = await tenantry(['migrate'], env);
      expect(migrated).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^Applied \d+\.\n$/) as string,
      });
      expect(migrated.stdout).toMatch(/^(\d{14}_\w+\n)+$/);
      const seeded = await tenantry(['seed'], env);
      expect(seeded).toMatchObject({ code: 0, stdout: '', stderr: 'Created acme and globex.\n' });
      const count =
        'SELECT (SELECT count(*) FROM memberships) AS members, (SELECT count(*) FROM audit_log) AS entries';
      const before = await ask('by_command', count);
      const [migratedAgain, seededAgain] = await Promise.all([
        tenantry(['migrate'], env),
        tenantry(['seed'], env),
      ]);
      expect(migratedAgain).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing to apply.\n' });
      expect(seededAgain).toMatchObject({ code: 0, stdout: '', stderr: 'The demo tenants exist already.\n' });
      expect(await ask('by_command', count)).toEqual(before);
    },
  );

  test('is left by `migrate` as soon as that is done', { concurrent: false }, async () => {
    const migrating = startChild('src/cli/main.ts', ['migrate'], urls('left_alone'));
    await migrating.says(/Applied \d+\./);
    let ended = false;
    void migrating.ended.then(() => {
      ended = true;
    });
    await until('the command ends', () => ended);
  });

  test('is not seeded in production', { concurrent: false }, async () => {
    const env = { ...urls('by_command'), NODE_ENV: 'production' };
    expectSentence(await tenantry(['seed'], env), /production/, ...passwords());
  });
});

/**
 * Proves that migrations are applied once and in order, also when several processes start at once, and that a refusal
 * says in one sentence what to do.
 */
import { createHash } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { PRISMA_FOLDER } from '../../src/kernel/database/migration/folder.js';
import {
  MigrationError,
  applyMigrations,
  differenceTo,
} from '../../src/kernel/database/migration/migrations.js';
import {
  SUPERUSER,
  addMigration,
  withClient,
  query,
  refusal,
  ownNames,
  useMigratedDatabases,
} from '../support/migrated-databases.js';

const { newDatabase, prismaCopy } = useMigratedDatabases();

describe('applyMigrations', () => {
  it('creates the database, applies everything once, and has nothing to do afterwards', async () => {
    const url = newDatabase();
    expect(await applyMigrations(url)).toEqual(await ownNames());
    expect(await applyMigrations(url)).toEqual([]);
  });

  it('leaves the history that Prisma would', async () => {
    const url = newDatabase();
    await applyMigrations(url);
    const rows = await query<{ migration_name: string; checksum: string; finished: boolean }>(
      url,
      `SELECT migration_name, checksum, finished_at >= started_at AS finished, applied_steps_count, logs, rolled_back_at
       FROM _prisma_migrations ORDER BY migration_name`,
    );
    const expected = await Promise.all(
      (await ownNames()).map(async (name) => ({
        migration_name: name,
        checksum: createHash('sha256')
          .update(await readFile(join(PRISMA_FOLDER, 'migrations', name, 'migration.sql')))
          .digest('hex'),
        finished: true,
        applied_steps_count: 1,
        logs: null,
        rolled_back_at: null,
      })),
    );
    expect(rows).toEqual(expected);
  });

  it('makes everything tenantry_owner’s, the database included, whoever logs in', async () => {
    const url = newDatabase();
    await applyMigrations(url);
    const owners = await query(
      url,
      `SELECT DISTINCT pg_get_userbyid(owner) AS owner FROM (
         SELECT relowner FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'tenantry'::regnamespace)
         UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'tenantry'::regnamespace
         UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'tenantry'
         UNION ALL SELECT datdba FROM pg_database WHERE datname = current_database()
       ) objects (owner)`,
    );
    expect(owners).toEqual([{ owner: 'tenantry_owner' }]);
  });

  it('is safe when five instances start at once on a server without the database', async () => {
    const url = newDatabase();
    const applied = await Promise.all(Array.from({ length: 5 }, () => applyMigrations(url)));
    expect(applied.filter((names) => names.length > 0)).toEqual([await ownNames()]);
    const [history] = await query<{ count: string }>(url, 'SELECT count(*) FROM _prisma_migrations');
    expect(Number(history?.count)).toBe((await ownNames()).length);
  });

  it('waits for an instance that is in the middle of a migration', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    await applyMigrations(url, prisma);
    const name = '29990101000000_slow';
    await addMigration(prisma, name, 'SELECT pg_advisory_xact_lock(1, 1);');
    await withClient(url, async (client) => {
      const until = async (sql: string): Promise<void> => {
        while ((await client.query(sql)).rowCount === 0);
      };
      const here = "datname = current_database() AND application_name = 'tenantry migrate'";
      await client.query('SELECT pg_advisory_lock(1, 1)');
      const first = applyMigrations(url, prisma);
      await until("SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 1 AND NOT granted");
      const second = applyMigrations(url, prisma);
      // The second process polls for the lock. Waiting inside a statement would hold a snapshot.
      await until(`SELECT FROM pg_stat_activity WHERE ${here} AND query LIKE '%pg_try_advisory_lock%'
        AND state = 'idle' AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)`);
      await client.query('SELECT pg_advisory_unlock(1, 1)');
      expect(await first).toEqual([name]);
      expect(await second).toEqual([]);
    });
  });

  it('names a migration that fails, the line and PostgreSQL’s words, and keeps nothing of it', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    const name = '29990101000000_broken';
    await addMigration(prisma, name, 'CREATE TABLE half (id int);\n\nSELECT missing FROM half;\n');

    expect(await refusal(applyMigrations(url, prisma))).toBe(
      `The migration ${name} failed at line 3: column "missing" does not exist.`,
    );
    expect(await query(url, "SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);
    expect(await withClient(url, (client) => differenceTo((sql) => client.query(sql), prisma))).toEqual({
      pending: [name],
      newer: [],
    });
  });

  it('says what to do about a migration that failed before, and goes on once that is done', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    const name = '29990101000000_broken';
    await addMigration(prisma, name, 'SELECT 1 / 0;');
    await refusal(applyMigrations(url, prisma));

    const sentence = await refusal(applyMigrations(url, prisma));
    expect(sentence).toContain(`The migration ${name} failed before`);
    const [, remedy = ''] = /(UPDATE .*;)$/.exec(sentence) ?? [];
    await query(url, remedy);
    await addMigration(prisma, name, 'SELECT 1;');
    expect(await applyMigrations(url, prisma)).toEqual([name]);
  });

  it('refuses when an applied migration was edited, but not for the line ends of a checkout', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    await applyMigrations(url, prisma);
    const [first = ''] = await ownNames();
    const script = join(prisma, 'migrations', first, 'migration.sql');

    await writeFile(script, (await readFile(script, 'utf8')).replaceAll('\n', '\r\n'));
    expect(await applyMigrations(url, prisma)).toEqual([]);
    await appendFile(script, '-- afterthought\n');
    expect(await refusal(applyMigrations(url, prisma))).toContain(`${first} was edited after it was applied`);
  });

  it('refuses a database that is ahead of this version', async () => {
    const url = newDatabase();
    const prisma = await prismaCopy();
    await addMigration(prisma, '29990101000000_future', 'SELECT 1;');
    await applyMigrations(url, prisma);
    expect(await refusal(applyMigrations(url))).toContain('29990101000000_future, which is unknown here');
  });

  it('refuses a database with tables of somebody else', async () => {
    const url = newDatabase();
    await query(SUPERUSER, `CREATE DATABASE ${new URL(url).pathname.slice(1)}`);
    await query(url, 'CREATE TABLE strangers (id int)');
    expect(await refusal(applyMigrations(url))).toContain('Tenantry needs a database of its own');
  });

  it('says in one sentence why there is no connection, without the password', async () => {
    const urls = [
      'postgres://someone:hunter2@127.0.0.1:1/x',
      'http://someone:hunter2@127.0.0.1/x',
      'hunter2',
    ];
    for (const url of urls) {
      const error: unknown = await applyMigrations(url).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(MigrationError);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
    }
    expect(await refusal(applyMigrations(urls[0] ?? ''))).toBe(
      'PostgreSQL at 127.0.0.1:1 cannot be reached (ECONNREFUSED).',
    );
  });
});

describe('differenceTo', () => {
  it('tells the application role what the database lacks', async () => {
    const url = newDatabase();
    const asApp = () =>
      withClient(url, async (client) => {
        await client.query('SET ROLE tenantry_app');
        return differenceTo((sql) => client.query(sql));
      });
    await withClient(SUPERUSER, (client) =>
      client.query(`CREATE DATABASE ${new URL(url).pathname.slice(1)}`),
    );
    expect(await asApp()).toEqual({ pending: await ownNames(), newer: [] });
    const fresh = newDatabase();
    await applyMigrations(fresh);
    expect(
      await withClient(fresh, async (client) => {
        await client.query('SET ROLE tenantry_app');
        return differenceTo((sql) => client.query(sql));
      }),
    ).toEqual({ pending: [], newer: [] });
  });
});

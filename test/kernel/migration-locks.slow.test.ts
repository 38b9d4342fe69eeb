/**
 * Proves that a migration that needs a strong lock does not stop requests while another session holds the table: it
 * gets the lock in the end, or gives up without having changed anything.
 */
import { expect, describe, test } from 'vitest';
import { applyMigrations } from '../../src/kernel/database/migration/migrations.js';
import { isOneTransaction } from '../../src/kernel/database/migration/patience.js';
import { connected } from '../support/demo-tenants.js';
import { useOwnDatabases } from '../support/own-databases.js';
import { until } from '../support/until.js';

const databases = useOwnDatabases();
const NAME = '29990101000000_wants_a_lock';
const ALTER =
  'ALTER TABLE memberships ADD COLUMN nickname text; ALTER TABLE tenants ADD COLUMN nickname text;';

test('requests are not stopped by a migration that waits, and it is applied once the lock is free', async () => {
  const url = await databases.newClone();
  const prisma = await databases.prismaWith(NAME, ALTER);
  await connected(url, async (holder) => {
    await holder.query('BEGIN; LOCK TABLE memberships IN ACCESS SHARE MODE');
    const applying = applyMigrations(url, prisma);
    await connected(url, async (client) => {
      // Longer than the migration waits for its lock. It fails when the migration blocks a request until it has the lock.
      await client.query("SET statement_timeout = '20s'");
      const waitsFor = async (): Promise<boolean> => {
        await client.query('SELECT count(*) FROM memberships');
        const { rowCount } = await client.query(
          `SELECT FROM pg_locks WHERE relation = 'memberships'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted`,
        );
        return rowCount === 1;
      };
      await until('the migration waits', waitsFor, 50_000);
      await until('it makes way', async () => !(await waitsFor()), 50_000);
    });
    await holder.query('COMMIT');
    expect(await applying).toEqual([NAME]);
    const { rows } = await holder.query('SELECT count(nickname) AS named FROM tenants');
    expect(rows).toEqual([{ named: '0' }]);
  });
});

test('a migration that never gets its lock says so, leaves nothing behind, and can be applied later', async () => {
  const url = await databases.newClone();
  const prisma = await databases.prismaWith(NAME, ALTER);
  const patience = { attempts: 3, lockMs: 20, longLockMs: 20, pauseMs: 1 };
  await connected(url, async (holder) => {
    // The second of the two tables. The first has been altered when the wait begins.
    await holder.query('BEGIN; LOCK TABLE tenants IN ACCESS SHARE MODE');
    await expect(applyMigrations(url, prisma, { patience })).rejects.toThrow(
      `The migration ${NAME} gave up after 3 attempts: other sessions hold a lock that it needs ` +
        '(canceling statement due to lock timeout). Nothing was changed. ' +
        'Look for a long transaction in pg_stat_activity, and run it again.',
    );
    const { rows } = await holder.query(
      "SELECT count(*) AS columns FROM pg_attribute WHERE attname = 'nickname' AND NOT attisdropped",
    );
    expect(rows).toEqual([{ columns: '0' }]);
    await holder.query('COMMIT');
  });
  expect(await applyMigrations(url, prisma, { patience })).toEqual([NAME]);
});

test('a script that ends transactions itself is run once, and waits as long as it says itself', async () => {
  const url = await databases.newClone();
  const prisma = await databases.prismaWith(
    NAME,
    `CREATE TABLE seen (lock_timeout text); COMMIT;
     INSERT INTO seen VALUES (current_setting('lock_timeout')); COMMIT;
     SET lock_timeout = '20ms'; LOCK TABLE memberships; COMMIT;`,
  );
  await connected(url, async (holder) => {
    await holder.query('BEGIN; LOCK TABLE memberships IN ACCESS SHARE MODE');
    await expect(applyMigrations(url, prisma)).rejects.toThrow(
      `The migration ${NAME} failed: canceling statement due to lock timeout.`,
    );
    await holder.query('COMMIT');
    expect((await holder.query('SELECT lock_timeout FROM seen')).rows).toEqual([{ lock_timeout: '0' }]);
  });
});

test('an index is built concurrently beside a long transaction', async () => {
  const url = await databases.newClone();
  const prisma = await databases.prismaWith(NAME, 'CREATE INDEX CONCURRENTLY by_nick ON memberships (email)');
  await connected(url, async (holder) => {
    await holder.query('BEGIN; UPDATE memberships SET email = email');
    const applying = applyMigrations(url, prisma);
    const { rows } = await connected(url, async (client) => {
      await until(
        'the index waits for the transaction',
        async () => {
          const { rowCount } = await client.query(
            "SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY by_nick%' AND wait_event_type = 'Lock'",
          );
          return rowCount === 1;
        },
        20_000,
      );
      return client.query(
        "SELECT count(*) AS timeouts FROM pg_stat_activity WHERE query LIKE 'SET lock_timeout%' AND datname = current_database()",
      );
    });
    expect(rows).toEqual([{ timeouts: '0' }]);
    await holder.query('COMMIT');
    expect(await applying).toEqual([NAME]);
  });
});

describe('what is one transaction', () => {
  const ONE: readonly string[] = [
    'ALTER TABLE a ADD COLUMN b text',
    "CREATE TABLE a (b text); SELECT tenantry.protect('a'); CREATE INDEX ON a (b)",
    "DO $$ BEGIN RAISE NOTICE 'COMMIT'; END $$; SELECT 1",
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''COMMIT''::text'",
    '-- COMMIT\nSELECT 1',
    '/* COMMIT; /* ; */ VACUUM; */ SELECT 1 /* ; */',
    `SELECT E'it\\'s; COMMIT', 'VACUUM;', "COMMIT;", $a$ ; COMMIT; $$ $a$ FROM a$b`,
    "SELECT '/*'; SELECT '*/ COMMIT'",
    'WITH gone AS (DELETE FROM a RETURNING b) INSERT INTO c SELECT b FROM gone; ANALYZE c;',
  ];
  const NOT_ONE: readonly string[] = [
    'BEGIN; ALTER TABLE a ADD COLUMN b text; COMMIT',
    'ALTER TABLE a ADD COLUMN b text; COMMIT; SELECT 1',
    'CREATE INDEX CONCURRENTLY ON a (b)',
    'DROP INDEX CONCURRENTLY a',
    'REINDEX TABLE CONCURRENTLY a',
    'ALTER TABLE a DETACH PARTITION b CONCURRENTLY',
    "CALL tenantry.backfill_tenant('a')",
    "DO $$ BEGIN CALL tenantry.patiently(ARRAY['a']::regclass[], 'SELECT 1'); END $$",
    'DO $$ BEGIN UPDATE a SET b = 1; COMMIT; END $$',
    'VACUUM a',
    'ALTER DATABASE a SET TABLESPACE b',
    'SELECT 1; /* COMMIT',
    "SELECT 'COMMIT",
    'SELECT $a$ COMMIT $b$',
    'DO $do$ BEGIN ROLLBACK; END $do$;',
    '/* COMMIT; */ SAVEPOINT a',
    'this is no SQL',
  ];
  for (const script of ONE) test(script, () => expect(isOneTransaction(script)).toBe(true));
  for (const script of NOT_ONE) test(script, () => expect(isOneTransaction(script)).toBe(false));
});

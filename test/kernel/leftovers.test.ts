/**
 * Proves that what a statement leaves on a pooled connection does not reach the next tenant: the connection is dropped.
 * Even before that, a temporary table, where these are allowed, is not used by any statement of the server.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkRuntimeRole } from '../../src/kernel/database/preparation/prepare.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { takeKey } from '../../src/services/idempotency/key-store.js';
import { PATIENT } from '../support/patience.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { bind, connected, refusalOf, useDemoTenants } from '../support/demo-tenants.js';
import { until } from '../support/until.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

let opened: Database;
let problems: string[];
beforeEach(() => {
  problems = [];
  opened = openTestDatabase({
    url: database().app,
    poolSize: 1,
    limits: PATIENT,
    onConnectionError: (error) => problems.push(error.message),
  });
});
afterEach(() => opened.close());

const acme = () => opened.forTenant(tenants().acme);
const globex = () => opened.forTenant(tenants().globex);
const connectionOf = async (db: ReturnType<typeof acme>): Promise<number> =>
  (await db.$queryRaw<{ pid: number }>(Prisma.sql`SELECT pg_backend_pid() AS pid`))[0]!.pid;

describe('a connection is dropped on which a statement has left', () => {
  test.each([
    ['a setting of the session', 'the setting enable_seqscan', Prisma.sql`SET enable_seqscan = off`],
    ['another time zone', 'the setting TimeZone', Prisma.sql`SET TimeZone = 'Europe/Berlin'`],
    ['another search_path', 'the setting search_path', Prisma.sql`SET search_path = pg_catalog`],
    ['another encoding', 'the setting client_encoding', Prisma.sql`SET client_encoding = 'LATIN1'`],
    [
      'a cursor',
      'a cursor',
      Prisma.sql`DECLARE held CURSOR WITH HOLD FOR SELECT email FROM public.memberships`,
    ],
    ['a prepared statement', 'a prepared statement', Prisma.sql`PREPARE mine AS SELECT 1`],
    ['an advisory lock', 'an advisory lock', Prisma.sql`DO 'BEGIN PERFORM pg_advisory_lock(1); END'`],
    ['a subscription', 'LISTEN', Prisma.sql`LISTEN tenantry_access`],
    ['a tenant', 'a bound tenant', Prisma.sql`SET app.current_tenant = 'somebody'`],
  ])('%s', async (_, found, statement) => {
    const before = await connectionOf(globex());
    await acme()
      .transaction((tx) => tx.$executeRaw(statement))
      .catch(() => undefined);
    expect(await connectionOf(globex())).not.toBe(before);
    expect(problems).toEqual([`dropped, for a statement had left ${found} on it`]);
  });

  test('one of the server’s own statements, prepared anew', async () => {
    await globex().membership.findMany();
    const before = await connectionOf(globex());
    await acme().transaction(async (tx) => {
      await tx.$executeRaw(Prisma.sql`DO $do$ DECLARE ours record; BEGIN
        FOR ours IN SELECT name FROM pg_prepared_statements WHERE statement LIKE '%memberships%' LOOP
          EXECUTE format('DEALLOCATE %I', ours.name);
          EXECUTE format('PREPARE %I AS SELECT 1', ours.name);
        END LOOP;
      END $do$`);
    });
    const members = await globex().membership.findMany();
    expect(new Set(members.map(({ tenantId }) => tenantId))).toEqual(new Set([tenants().globex.tenantId]));
    expect(await connectionOf(globex())).not.toBe(before);
  });

  test('temporary tables, where they are allowed', async () => {
    await database().withTemporaryTables(async () => {
      const before = await connectionOf(globex());
      await acme().$executeRaw(
        Prisma.sql`CREATE TEMPORARY TABLE notes AS SELECT email FROM public.memberships`,
      );
      expect(await connectionOf(globex())).not.toBe(before);
      expect(problems).toEqual(['dropped, for a statement had left temporary objects on it']);
    });
  });
});

test('a statement that leaves nothing is looked at once, and a failure is no reason to drop a connection', async () => {
  // Asks for the connection that ran the statement, because under load there may be a second one.
  const looks = async (pid: number) => {
    const [row] = await database().asSuperuser<{ calls: string }>(
      'SELECT count(*) AS calls FROM pg_stat_activity WHERE application_name = $1 AND query LIKE $2 AND pid = $3',
      ['tenantry', '%leftovers%', pid],
    );
    return Number(row!.calls);
  };
  const statement = async () => {
    const [row] = await acme().$queryRaw<{ pid: number }>(
      Prisma.sql`SELECT 1 AS harmless, pg_catalog.pg_backend_pid() AS pid`,
    );
    return row!.pid;
  };
  const first = await statement();
  // pg_stat_activity has the last statement of each connection.
  await until('the look behind the first', async () => (await looks(first)) === 1);
  const pid = await connectionOf(acme());
  await until('the look behind the second', async () => (await looks(pid)) === 1);
  expect(await looks(await statement())).toBe(0);
  await expect(acme().$queryRaw(Prisma.sql`SELECT 1 / 0`)).rejects.toThrow();
  expect(await connectionOf(acme())).toBe(pid);
  expect(problems).toEqual([]);
});

test('a server does not start where its role may make temporary tables', async () => {
  const { app, contextKey, name } = database();
  await checkRuntimeRole(app, contextKey);
  await database().withTemporaryTables(() =>
    expect(checkRuntimeRole(app, contextKey)).rejects.toThrow(
      `REVOKE TEMPORARY ON DATABASE "${name}" FROM PUBLIC, tenantry_app;`,
    ),
  );
});

test('a transaction has the time zone and the style of dates that the server is written for, whatever its session has', async () => {
  await connected(database().app, async (client) => {
    await client.query("SET TimeZone = 'America/New_York'; SET DateStyle = 'German'");
    await client.query('BEGIN');
    await bind(client, tenants().acme);
    const { rows } = await client.query("SELECT '2024-07-01 12:00'::timestamptz::text AS time");
    expect(rows).toEqual([{ time: '2024-07-01 12:00:00+00' }]);
    expect((await refusalOf(bind(client, tenants().globex))).state).toBe('25001');
    await client.query('ROLLBACK');
    expect((await client.query('SHOW TimeZone')).rows).toEqual([{ TimeZone: 'America/New_York' }]);
  });
});

test('a temporary table captures no statement of the server’s, not even in the same transaction', async () => {
  await database().withTemporaryTables(async () => {
    await acme().transaction(async (tx) => {
      await tx.$executeRaw(
        Prisma.sql`CREATE TEMPORARY TABLE idempotency_keys (LIKE public.idempotency_keys INCLUDING ALL EXCLUDING COMMENTS)`,
      );
      await tx.$executeRaw(Prisma.sql`CREATE TEMPORARY TABLE memberships (LIKE public.memberships)`);
      await tx.$executeRaw(
        Prisma.sql`INSERT INTO pg_temp.idempotency_keys (tenant_id, actor_type, actor, key, fingerprint, result, expires_at)
          VALUES (${tenants().acme.tenantId}::uuid, 'user', ${tenants().acme.actor.id}, 'key', 'forged', '{}', 'infinity')`,
      );
      expect(await tx.membership.count()).toBeGreaterThan(0);
      expect(await takeKey(tx, 'key', 'genuine')).toBeUndefined();
    });
    expect(
      await database().asSuperuser("SELECT fingerprint FROM public.idempotency_keys WHERE key = 'key'"),
    ).toEqual([{ fingerprint: 'genuine' }]);
  });
});

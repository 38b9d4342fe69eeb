/**
 * Attacks the counts of what tenants use: the server's role reads and changes none of another tenant, takes nothing back,
 * and adds nothing in a tenant's transaction, nothing unsigned and nothing to other times.
 */
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { PATIENT } from '../support/patience.js';
import { createSign } from '../../src/kernel/database/context-signature.js';
import { usageHistoryOf } from '../../src/platform/tenant/usage-history.js';
import { connected, refusalOf, useDemoTenants } from '../support/demo-tenants.js';
import { openTestDatabase, sign, useDatabase, type TestDatabase } from '../support/database.js';
import { INSUFFICIENT_PRIVILEGE, stateOf, useRefusals } from '../support/refusals.js';
import { sign as signForDatabase, useSignedContexts } from '../support/signed-contexts.js';

const { database, tenants, inAcme, unbound } = useRefusals();
const SERVER = '0190aaaa-0000-7000-8000-000000000001';
const ADD = 'SELECT tenantry.add_tenant_usage($1, $2, $3, $4, $5) AS added';
const hourNow = () => new Date().toISOString();
const counted = (tenantId: string, requests = 1, hour = hourNow()) =>
  JSON.stringify([[tenantId, hour, requests, 1, 1, 1, 1]]);

let batch = 0;
function valuesOf(usage: string, signing = sign, number = ++batch): unknown[] {
  const { expires, signature } = signing('add_tenant_usage', SERVER, String(number), usage);
  return [SERVER, number, usage, expires, signature];
}
const add = (usage: string, number?: number) =>
  unbound(
    async (client) =>
      (await client.query<{ added: boolean }>(ADD, valuesOf(usage, sign, number))).rows[0]!.added,
  );
const plant = (target: TestDatabase) =>
  target.asSuperuser(
    "INSERT INTO tenantry.tenant_usage SELECT id, 'day', '2026-01-01', 987654, 1, 1, 1, 1 FROM tenants WHERE slug = 'globex'",
  );

describe('the use of another tenant', () => {
  const bare = useDatabase();
  const bareTenants = useDemoTenants(bare);

  test('is not read, not even with its id, and not without a tenant', async () => {
    await plant(database());
    await inAcme(async (client) => {
      for (const sql of [
        'SELECT FROM tenantry.tenant_usage WHERE tenant_id = $1',
        'SELECT FROM tenants t JOIN tenantry.tenant_usage u ON u.tenant_id = $1',
      ]) {
        expect((await client.query(sql, [tenants().globex.tenantId])).rowCount, sql).toBe(0);
      }
    });
    await unbound(async (client) => {
      expect(await refusalOf(client.query('SELECT * FROM tenantry.tenant_usage'))).toEqual({
        state: INSUFFICIENT_PRIVILEGE,
        message: 'no tenant is bound to this transaction',
      });
    });
  });

  test.each(['with', 'without'])(
    'is not in the answer of Tenant.usageHistory %s row-level security',
    async (layer) => {
      if (layer === 'without') {
        await bare().asSuperuser(
          'ALTER TABLE tenantry.tenant_usage NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY',
        );
      } else await plant(bare());
      const opened = openTestDatabase({ url: bare().app, poolSize: 1, limits: PATIENT });
      try {
        const { acme, globex } = bareTenants();
        const db = opened.forTenant(acme);
        expect(await usageHistoryOf(acme.tenantId, {}, { db })).toEqual([]);
        expect(await usageHistoryOf(globex.tenantId, {}, { db: opened.forTenant(globex) })).toMatchObject([
          { requests: 987_654n },
        ]);
      } finally {
        await opened.close();
      }
    },
  );
});

describe('the server’s role', () => {
  test.each([
    'UPDATE tenantry.tenant_usage SET requests = 0',
    'DELETE FROM tenantry.tenant_usage',
    "INSERT INTO tenantry.tenant_usage VALUES (tenantry.current_tenant(), 'day', now(), 0, 0, 0, 0, 0)",
    'TRUNCATE tenantry.tenant_usage',
    'SELECT FROM tenantry.tenant_usage FOR UPDATE',
    'SELECT * FROM tenantry.usage_writers',
    'DELETE FROM tenantry.usage_writers',
  ])('may not: %s', async (sql) => {
    await inAcme(async (client) => {
      expect(await stateOf(client, sql)).toBe(INSUFFICIENT_PRIVILEGE);
    });
  });

  test('adds nothing in a tenant’s transaction, neither to its own tenant nor to another', async () => {
    const { acme, globex } = tenants();
    for (const { tenantId } of [acme, globex]) {
      await inAcme(async (client) => {
        expect(await stateOf(client, ADD, valuesOf(counted(tenantId)))).toBe(INSUFFICIENT_PRIVILEGE);
      });
    }
  });

  test('takes nothing back', async () => {
    const { tenantId } = tenants().acme;
    expect(await add(counted(tenantId, 5))).toBe(true);
    // A new hour and day, and those that are there.
    for (const hour of [hourNow(), new Date(Date.now() - 86_400_000).toISOString()]) {
      await expect(add(counted(tenantId, -1, hour)), hour).rejects.toThrow();
    }
  });

  test('adds a batch once, and none with a number before it', async () => {
    const { tenantId } = tenants().acme;
    const sum = async () =>
      (
        await database().asSuperuser<{ requests: number }>(
          "SELECT sum(requests)::int AS requests FROM tenantry.tenant_usage WHERE tenant_id = $1 AND period = 'day'",
          [tenantId],
        )
      )[0]!.requests;
    const number = (batch += 10);
    await add(counted(tenantId, 3), number);
    const before = await sum();
    expect(await add(counted(tenantId, 3), number)).toBe(false);
    expect(await add(counted(tenantId, 3), number - 1)).toBe(false);
    expect(await sum()).toBe(before);
  });

  test('adds to no other time than the present, and the last two days', async () => {
    const { tenantId } = tenants().globex;
    await database().asSuperuser('DELETE FROM tenantry.tenant_usage WHERE tenant_id = $1', [tenantId]);
    await add(counted(tenantId, 1, '2999-01-01T00:00:00Z'));
    await add(counted(tenantId, 1, '2020-01-01T00:00:00Z'));
    const rows = await database().asSuperuser<{ age: number }>(
      `SELECT extract(epoch FROM now() - starts_at)::float8 / 3600 AS age FROM tenantry.tenant_usage
       WHERE tenant_id = $1 AND period = 'hour' ORDER BY starts_at`,
      [tenantId],
    );
    expect(rows).toHaveLength(2);
    expect(rows[0]!.age).toBeGreaterThanOrEqual(47);
    expect(rows[0]!.age).toBeLessThan(51);
    expect(rows[1]!.age).toBeGreaterThanOrEqual(0);
    expect(rows[1]!.age).toBeLessThan(3);
  });
});

describe('where contexts are signed', () => {
  const { signed } = useSignedContexts();
  const asked = (client: pg.Client, values: readonly unknown[]) => refusalOf(client.query(ADD, [...values]));

  test('a batch needs the signature of a server for exactly this batch', async () => {
    const tenantId = await signed().tenantId('acme');
    const usage = counted(tenantId, 1);
    const own = valuesOf(usage, signForDatabase);
    const other = valuesOf(usage, createSign('another key that the database does not know!'));
    await connected(signed().app, async (client) => {
      for (const values of [
        [...own.slice(0, 3), null, null],
        other,
        [own[0], Number(own[1]) + 1, ...own.slice(2)],
        [own[0], own[1], counted(tenantId, 1_000), own[3], own[4]],
      ]) {
        expect(await asked(client, values)).toMatchObject({ state: INSUFFICIENT_PRIVILEGE });
      }
      expect((await client.query(ADD, own)).rows).toEqual([{ added: true }]);
    });
  });
});

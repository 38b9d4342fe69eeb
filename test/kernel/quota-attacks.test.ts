/**
 * Proves that the server's role neither reads nor writes another tenant's counters, nor any counter by itself, that plans
 * cannot be forged where contexts are signed, and that limit_rows refuses tables on which it could not count.
 */
import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { createSign } from '../../src/kernel/database/context-signature.js';
import { usageOf } from '../../src/platform/tenant/usage.js';
import { readPlans } from '../../src/services/limits/plans.js';
import { PATIENT } from '../support/patience.js';
import { bind, connected, refusalOf, useDemoTenants } from '../support/demo-tenants.js';
import { openTestDatabase, sign, useDatabase } from '../support/database.js';
import { counterOf, plansText, setPlans } from '../support/quotas.js';
import { INSUFFICIENT_PRIVILEGE, stateOf, useRefusals } from '../support/refusals.js';
import { useSignedContexts } from '../support/signed-contexts.js';

const { database, tenants, inAcme, unbound } = useRefusals();

describe('another tenant’s counter', () => {
  const bare = useDatabase();
  const bareTenants = useDemoTenants(bare);

  test('is not read, not even with its id', async () => {
    await inAcme(async (client) => {
      const { acme, globex } = tenants();
      const { rows } = await client.query('SELECT DISTINCT tenant_id FROM tenantry.resource_usage');
      expect(rows).toEqual([{ tenant_id: acme.tenantId }]);
      for (const sql of [
        'SELECT FROM tenantry.resource_usage WHERE tenant_id = $1',
        'SELECT FROM tenants t JOIN tenantry.resource_usage u ON u.tenant_id = $1',
      ]) {
        expect((await client.query(sql, [globex.tenantId])).rowCount, sql).toBe(0);
      }
    });
  });

  test('cannot be read without a tenant', async () => {
    await unbound(async (client) => {
      expect(await refusalOf(client.query('SELECT * FROM tenantry.resource_usage'))).toEqual({
        state: INSUFFICIENT_PRIVILEGE,
        message: 'no tenant is bound to this transaction',
      });
    });
  });

  test('does not change when rows are put into the other tenant', async () => {
    const before = await counterOf(database(), 'globex', 'members');
    await inAcme(async (client) => {
      const sql = "INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ($1, 'x', 'x', 'viewer')";
      expect(await stateOf(client, sql, [tenants().globex.tenantId])).toBe(INSUFFICIENT_PRIVILEGE);
      await client.query('DELETE FROM memberships');
    });
    expect(await counterOf(database(), 'globex', 'members')).toBe(before);
  });

  test.each(['with', 'without'])(
    'is not in the answer of Tenant.usage %s row-level security',
    async (layer) => {
      if (layer === 'without') {
        await bare().asSuperuser(
          'ALTER TABLE tenantry.resource_usage NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY',
        );
      }
      const { acme, globex } = bareTenants();
      await bare().asSuperuser(
        "UPDATE tenantry.resource_usage SET used = 987654 WHERE tenant_id = $1 AND resource = 'members'",
        [globex.tenantId],
      );
      const opened = openTestDatabase({ url: bare().app, poolSize: 1, limits: PATIENT });
      try {
        const usage = await usageOf(
          { id: acme.tenantId, plan: 'free' },
          {
            db: opened.forTenant(acme),
            plans: readPlans(),
            limitedResources: [{ resource: 'members', model: 'Membership' }],
          },
        );
        expect(usage).toMatchObject([{ resource: 'members', used: 4 }]);
      } finally {
        await opened.close();
      }
    },
  );
});

describe('the server’s role', () => {
  test.each([
    'UPDATE tenantry.resource_usage SET used = 0',
    'DELETE FROM tenantry.resource_usage',
    "INSERT INTO tenantry.resource_usage VALUES (tenantry.current_tenant(), 'forged', 0)",
    'TRUNCATE tenantry.resource_usage',
    'SELECT FROM tenantry.resource_usage FOR UPDATE',
    'SELECT * FROM tenantry.plans',
    "UPDATE tenantry.plans SET quotas = '{}'",
    "SELECT tenantry.add_use(tenantry.current_tenant(), 'members', -1)",
    "SELECT * FROM tenantry.check_use('members', true)",
    "SELECT tenantry.limit_rows('public.memberships', 'members')",
    "SELECT tenantry.unlimit_rows('public.memberships')",
    'ALTER TABLE memberships DISABLE TRIGGER count_added',
    'DROP TRIGGER count_added ON memberships',
  ])('may not: %s', async (sql) => {
    await inAcme(async (client) => {
      expect(await stateOf(client, sql)).toBe(INSUFFICIENT_PRIVILEGE);
    });
  });

  test('cannot attach the trigger’s function to a table of its own making', async () => {
    await inAcme(async (client) => {
      expect(await stateOf(client, 'CREATE TABLE public.own (tenant_id uuid, id uuid)')).toBe(
        INSUFFICIENT_PRIVILEGE,
      );
      const { rows } = await client.query(
        "SELECT bool_or(has_function_privilege(name, 'EXECUTE')) AS may FROM (VALUES ('tenantry.count_added()'), ('tenantry.count_changed()')) v (name)",
      );
      expect(rows).toEqual([{ may: false }]);
    });
  });
});

describe('plans', () => {
  const { signed } = useSignedContexts();
  const text = plansText({ free: { members: 1_000_000 } });
  const send = (client: pg.Client, values: readonly unknown[]) =>
    client.query('SELECT tenantry.set_plans($1, $2, $3)', [...values]);

  test('are refused without a signature, and with one for other plans, where contexts are signed', async () => {
    await setPlans(database(), { free: {} });
    await connected(signed().app, async (client) => {
      const { expires, signature } = createSign('another key that the database does not know!')(
        'set_plans',
        text,
      );
      for (const values of [
        [text, null, null],
        [text, expires, signature],
      ]) {
        expect(await refusalOf(send(client, values))).toMatchObject({ state: INSUFFICIENT_PRIVILEGE });
      }
    });
    expect(await signed().asSuperuser('SELECT * FROM tenantry.plans')).toEqual([]);
  });

  test('that are none, or no plans, are refused', async () => {
    for (const wrong of ['[]', '{}', '[{"name": null, "quotas": {}}]', '[{"name": "free"}]', 'x']) {
      await expect(setPlansText(wrong), wrong).rejects.toThrow();
    }
  });

  const setPlansText = async (wrong: string) => {
    const { expires, signature } = sign('set_plans', wrong);
    await connected(database().app, (client) => send(client, [wrong, expires, signature]));
  };
});

describe('limit_rows', () => {
  const asOwner = (work: (client: pg.Client) => Promise<void>) =>
    connected(database().superuser, async (client) => {
      await client.query('BEGIN');
      await client.query('SET LOCAL ROLE tenantry_owner');
      try {
        await work(client);
      } finally {
        await client.query('ROLLBACK');
      }
    });
  const NOTES = `CREATE TABLE public.notes (
    tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES public.tenants (id),
    id uuid NOT NULL DEFAULT tenantry.uuid_v7(), archived_at timestamptz, body text NOT NULL DEFAULT 'x',
    PRIMARY KEY (tenant_id, id))`;
  const used = async (client: pg.Client): Promise<unknown[]> =>
    (
      await client.query(
        `SELECT slug, used::int AS used FROM tenantry.resource_usage JOIN tenants ON id = tenant_id
         WHERE resource = 'notes' ORDER BY slug`,
      )
    ).rows as unknown[];

  test('counts the rows that are there, of every tenant, and may be called again', async () => {
    await asOwner(async (client) => {
      await client.query(NOTES);
      await client.query(
        `INSERT INTO notes (tenant_id, archived_at) SELECT t.id, CASE WHEN n > 5 THEN now() END
         FROM tenants t, generate_series(1, 7) AS n WHERE n <> 1 OR slug = 'acme'`,
      );
      await client.query("SELECT tenantry.protect('public.notes')");
      for (let round = 0; round < 2; round++) {
        await client.query("SELECT tenantry.limit_rows('public.notes', 'notes', 'archived_at')");
        expect(await used(client)).toEqual([
          { slug: 'acme', used: 5 },
          { slug: 'globex', used: 4 },
        ]);
      }
      await client.query('TRUNCATE notes');
      expect(await used(client)).toEqual([
        { slug: 'acme', used: 0 },
        { slug: 'globex', used: 0 },
      ]);
      await client.query("SELECT tenantry.unlimit_rows('public.notes')");
      expect(await used(client)).toEqual([]);
    });
  });

  test('makes the counter follow rows that are deleted with the row they belong to', async () => {
    await asOwner(async (client) => {
      await client.query(NOTES);
      await client.query(
        `CREATE TABLE public.lines (
           tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES public.tenants (id),
           id uuid NOT NULL DEFAULT tenantry.uuid_v7(), note_id uuid NOT NULL, PRIMARY KEY (tenant_id, id),
           FOREIGN KEY (tenant_id, note_id) REFERENCES public.notes (tenant_id, id) ON DELETE CASCADE)`,
      );
      for (const table of ['notes', 'lines'])
        await client.query('SELECT tenantry.protect($1)', [`public.${table}`]);
      await client.query("SELECT tenantry.limit_rows('public.lines', 'notes')");
      await bind(client, tenants().acme);
      await client.query('INSERT INTO notes DEFAULT VALUES');
      await client.query('INSERT INTO lines (note_id) SELECT id FROM notes, generate_series(1, 3)');
      await client.query('INSERT INTO notes DEFAULT VALUES');
      expect(await used(client)).toEqual([{ slug: 'acme', used: 3 }]);
      await client.query('DELETE FROM notes');
      expect(await used(client)).toEqual([{ slug: 'acme', used: 0 }]);
    });
  });

  test.each([
    ["SELECT tenantry.limit_rows('public.notes', 'notes')", '42P16'],
    [
      "SELECT tenantry.protect('public.notes'); SELECT tenantry.limit_rows('public.notes', 'no tes')",
      '42602',
    ],
    [
      "SELECT tenantry.protect('public.notes'); SELECT tenantry.limit_rows('public.notes', 'members')",
      '42710',
    ],
    [
      "SELECT tenantry.protect('public.notes'); SELECT tenantry.limit_rows('public.notes', 'notes', 'gone')",
      '42703',
    ],
    [
      "SELECT tenantry.protect('public.notes'); SELECT tenantry.limit_rows('public.notes', 'notes', 'body')",
      '42703',
    ],
  ])('refuses: %s', async (sql, state) => {
    await asOwner(async (client) => {
      await client.query(NOTES);
      expect(await stateOf(client, sql)).toBe(state);
    });
  });
});

describe('check_use', () => {
  beforeAll(async () => {
    await database().asSuperuser("UPDATE tenantry.resource_usage SET used = 77 WHERE resource = 'members'");
  });

  const check = (repair: boolean) =>
    connected(database().operator, async (client) => {
      await client.query('BEGIN');
      await bind(client, { ...tenants().acme, actor: { type: 'operator', id: 'somebody' } });
      const { rows } = await client.query(
        "SELECT used::int AS used, rows::int AS rows FROM tenantry.check_use('members', $1)",
        [repair],
      );
      await client.query('COMMIT');
      return rows as unknown[];
    });

  test('tells a counter from the rows, and repairs that of the bound tenant alone', async () => {
    expect(await check(false)).toEqual([{ used: 77, rows: 4 }]);
    expect(await check(true)).toEqual([{ used: 77, rows: 4 }]);
    expect(await check(false)).toEqual([{ used: 4, rows: 4 }]);
    expect(await counterOf(database(), 'globex', 'members')).toBe(77);
  });

  test('makes a counter that is missing', async () => {
    await database().asSuperuser("DELETE FROM tenantry.resource_usage WHERE resource = 'members'");
    expect(await check(false)).toEqual([{ used: 0, rows: 4 }]);
    await check(true);
    expect(await counterOf(database(), 'acme', 'members')).toBe(4);
  });

  test('needs a tenant', async () => {
    await connected(database().operator, async (client) => {
      expect(
        await refusalOf(client.query("SELECT * FROM tenantry.check_use('members', false)")),
      ).toMatchObject({
        message: 'no tenant is bound to this transaction',
      });
    });
  });
});

/**
 * Proves what PostgreSQL refuses to the server's own role, whatever the server asks: everything without a tenant,
 * whatever belongs to another tenant, every change of the rules, and every change of the audit log, which is refused
 * to its owner and to superusers as well. Raw SQL throughout, for the database has to hold alone.
 */
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { actingAsOwner } from '../../src/kernel/database/owner-connection.js';
import {
  BIND,
  bind,
  bindingValues,
  boundAndUndone,
  connected,
  contextOf,
  refusalOf,
  useDemoTenants,
} from '../support/demo-tenants.js';
import { sign, useDatabase } from '../support/database.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

/** Runs `work` as the server's role in a transaction that is bound to acme and undone. */
const inAcme = <Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> =>
  boundAndUndone(database().app, tenants().acme, work);

/** As the server's role, bound to nothing. */
const unbound = <Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> =>
  connected(database().app, work);

/** As the owner of all objects, in a transaction that is undone. */
const asOwner = <Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> =>
  connected(actingAsOwner(database().superuser), async (client) => {
    await client.query('BEGIN');
    try {
      return await work(client);
    } finally {
      await client.query('ROLLBACK');
    }
  });

/** The SQLSTATE of a refused statement, after which the transaction goes on. */
async function stateOf(client: pg.Client, sql: string, values: readonly unknown[] = []): Promise<string> {
  await client.query('SAVEPOINT attempt');
  const { state } = await refusalOf(client.query(sql, [...values]));
  await client.query('ROLLBACK TO SAVEPOINT attempt');
  return state;
}

const INSUFFICIENT_PRIVILEGE = '42501';

async function tenantTables(): Promise<string[]> {
  const rows = await database().asSuperuser<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations'
     ORDER BY relname`,
  );
  return rows.map(({ name }) => name);
}

describe('without a tenant', () => {
  test('every table refuses to be read', async () => {
    const tables = await tenantTables();
    expect(tables).toEqual(expect.arrayContaining(['audit_log', 'memberships', 'tenants']));
    await unbound(async (client) => {
      for (const table of tables) {
        expect(await refusalOf(client.query(`SELECT * FROM ${table}`)), table).toEqual({
          state: INSUFFICIENT_PRIVILEGE,
          message: 'no tenant is bound to this transaction',
        });
      }
    });
  });

  test('rows can be neither inserted nor changed nor deleted', async () => {
    await unbound(async (client) => {
      for (const sql of [
        "INSERT INTO memberships (user_id, email, role) VALUES ('x', 'x', 'viewer')",
        `INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ('${tenants().acme.tenantId}', 'x', 'x', 'viewer')`,
        "UPDATE memberships SET role = 'owner'",
        'DELETE FROM memberships',
        "UPDATE tenants SET name = 'x'",
      ]) {
        expect(await refusalOf(client.query(sql)), sql).toEqual({
          state: INSUFFICIENT_PRIVILEGE,
          message: 'no tenant is bound to this transaction',
        });
      }
    });
  });

  test('a connection that served a tenant is without one again', async () => {
    await unbound(async (client) => {
      for (const end of ['COMMIT', 'ROLLBACK']) {
        await client.query('BEGIN');
        await bind(client, tenants().acme);
        expect((await client.query('SELECT * FROM memberships')).rowCount).toBe(4);
        await client.query(end);
        expect((await refusalOf(client.query('SELECT * FROM memberships'))).message).toBe(
          'no tenant is bound to this transaction',
        );
      }
    });
  });

  test('a binding outside a transaction ends with its own statement', async () => {
    await unbound(async (client) => {
      await bind(client, tenants().acme);
      expect((await refusalOf(client.query('SELECT * FROM memberships'))).state).toBe(INSUFFICIENT_PRIVILEGE);
    });
  });
});

describe('binding', () => {
  test('twice in one transaction is refused, to the same tenant as well', async () => {
    await inAcme(async (client) => {
      for (const { tenantId } of [tenants().globex, tenants().acme]) {
        expect(await stateOf(client, BIND, bindingValues(contextOf(tenantId)))).toBe('25001');
      }
    });
  });

  test.each([
    ['no tenant', [null, 'someone', 'user'], '22004'],
    ['no actor', ['tenant', null, 'user'], '22004'],
    ['an empty actor', ['tenant', '', 'user'], '22004'],
    ['no type of actor', ['tenant', 'someone', null], '22023'],
    ['an unknown type of actor', ['tenant', 'someone', 'superuser'], '22023'],
    ['a tenant that is no UUID', ['acme', 'someone', 'user'], '22P02'],
  ])('to %s is refused', async (_, [tenant, actor, type], state) => {
    await unbound(async (client) => {
      const tenantId = tenant === 'tenant' ? tenants().acme.tenantId : tenant;
      const { expires, signature } = sign('bind', tenantId ?? '', actor ?? '', type ?? '', 'request');
      const refused = await refusalOf(
        client.query(BIND, [tenantId, actor, type, 'request', 1_000, false, expires, signature]),
      );
      expect(refused.state).toBe(state);
    });
  });

  test('to a tenant that does not exist shows no rows', async () => {
    const nobody = contextOf('00000000-0000-7000-8000-000000000000');
    await boundAndUndone(database().app, nobody, async (client) => {
      for (const table of await tenantTables()) {
        expect((await client.query(`SELECT * FROM ${table}`)).rowCount, table).toBe(0);
      }
    });
  });

  test('takes names as they are: they cannot end the statement that sets them', async () => {
    const odd = `'; SET LOCAL app.current_tenant = '${tenants().globex.tenantId}'; -- \\' $1 %s`;
    const context = contextOf(tenants().acme.tenantId, { type: 'job', id: odd }, odd);
    await boundAndUndone(database().app, context, async (client) => {
      const { rows } = await client.query(
        `SELECT tenantry.current_tenant() AS tenant, current_setting('app.current_actor') AS actor,
                current_setting('app.current_request') AS request`,
      );
      expect(rows).toEqual([{ tenant: tenants().acme.tenantId, actor: odd, request: odd }]);
    });
  });
});

describe('rows of another tenant', () => {
  test('cannot be inserted', async () => {
    await inAcme(async (client) => {
      const sql = "INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ($1, 'x', 'x', 'owner')";
      expect(await stateOf(client, sql, [tenants().globex.tenantId])).toBe(INSUFFICIENT_PRIVILEGE);
      expect(await stateOf(client, `${sql} ON CONFLICT DO NOTHING`, [tenants().globex.tenantId])).toBe(
        INSUFFICIENT_PRIVILEGE,
      );
    });
  });

  test('cannot be made by moving an own row', async () => {
    await inAcme(async (client) => {
      const sql = 'UPDATE memberships SET tenant_id = $1';
      expect(await stateOf(client, sql, [tenants().globex.tenantId])).toBe(INSUFFICIENT_PRIVILEGE);
    });
  });

  test('are neither seen nor changed nor deleted by name', async () => {
    const { globex } = tenants();
    const mine = await database().asSuperuser<{ id: string }>(
      'SELECT id FROM memberships WHERE tenant_id = $1',
      [globex.tenantId],
    );
    await inAcme(async (client) => {
      for (const { id } of mine) {
        for (const sql of [
          'SELECT FROM memberships WHERE tenant_id = $1 AND id = $2',
          "UPDATE memberships SET role = 'viewer' WHERE tenant_id = $1 AND id = $2",
          'UPDATE memberships SET tenant_id = tenantry.current_tenant() WHERE tenant_id = $1 AND id = $2',
          'DELETE FROM memberships WHERE tenant_id = $1 AND id = $2',
          'SELECT FROM memberships WHERE tenant_id = $1 AND id = $2 FOR UPDATE',
        ]) {
          expect((await client.query(sql, [globex.tenantId, id])).rowCount, sql).toBe(0);
        }
      }
      expect(
        (await client.query('SELECT FROM audit_log WHERE tenant_id = $1', [globex.tenantId])).rowCount,
      ).toBe(0);
    });
  });

  test('do not get in the way of a key: the same user may be a member of both tenants', async () => {
    await inAcme(async (client) => {
      const sql =
        "INSERT INTO memberships (user_id, email, role) VALUES ('demo|globex|owner', 'x', 'viewer')";
      expect((await client.query(sql)).rowCount).toBe(1);
    });
  });
});

describe('the tenants themselves', () => {
  test('only the own one is seen and changed', async () => {
    await inAcme(async (client) => {
      expect((await client.query('SELECT slug FROM tenants')).rows).toEqual([{ slug: 'acme' }]);
      const { rowCount } = await client.query("UPDATE tenants SET name = 'x' WHERE slug = 'globex'");
      expect(rowCount).toBe(0);
      expect((await client.query("UPDATE tenants SET name = 'x'")).rowCount).toBe(1);
    });
  });

  test.each([
    "INSERT INTO tenants (slug, name) VALUES ('third', 'Third')",
    "INSERT INTO tenants (id, slug, name) VALUES (tenantry.current_tenant(), 'third', 'Third')",
    'DELETE FROM tenants',
    "UPDATE tenants SET status = 'active'",
    "UPDATE tenants SET slug = 'acme2'",
    'UPDATE tenants SET id = tenantry.uuid_v7()',
    'UPDATE tenants SET created_at = now()',
  ])('the server may not: %s', async (sql) => {
    await inAcme(async (client) => {
      expect(await stateOf(client, sql)).toBe(INSUFFICIENT_PRIVILEGE);
    });
  });
});

describe('the rules', () => {
  test.each([
    'TRUNCATE memberships',
    'TRUNCATE audit_log',
    'TRUNCATE tenants CASCADE',
    'CREATE TABLE public.stolen AS SELECT 1',
    'CREATE TABLE tenantry.stolen (id integer)',
    'CREATE FUNCTION tenantry.current_tenant(text) RETURNS uuid LANGUAGE sql AS $$ SELECT $1::uuid $$',
    'CREATE SCHEMA stolen',
    'ALTER TABLE memberships ADD COLUMN stolen text',
    'ALTER TABLE memberships DISABLE ROW LEVEL SECURITY',
    'ALTER TABLE memberships NO FORCE ROW LEVEL SECURITY',
    'ALTER TABLE memberships OWNER TO tenantry_app',
    'ALTER TABLE memberships DISABLE TRIGGER audit',
    'ALTER TABLE audit_log DISABLE TRIGGER ALL',
    'ALTER TABLE tenants DROP CONSTRAINT tenants_status_check',
    'DROP TABLE memberships',
    'DROP POLICY tenant_isolation ON memberships',
    'ALTER POLICY tenant_isolation ON memberships USING (true)',
    'CREATE POLICY everything ON memberships USING (true)',
    'DROP TRIGGER audit ON memberships',
    'CREATE TRIGGER spy AFTER INSERT ON memberships FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change()',
    'CREATE RULE quiet AS ON DELETE TO memberships DO INSTEAD NOTHING',
    'CREATE INDEX spy ON memberships (email)',
    'ALTER FUNCTION tenantry.current_tenant() OWNER TO tenantry_app',
    'CREATE OR REPLACE FUNCTION tenantry.current_tenant() RETURNS uuid LANGUAGE sql AS $$ SELECT NULL::uuid $$',
    'DROP FUNCTION tenantry.write_audit() CASCADE',
    "SELECT tenantry.protect('memberships')",
    "SELECT tenantry.audit('memberships', 'Nothing')",
    'SET ROLE tenantry_owner',
    'SET ROLE tenantry_operator',
    'SET ROLE postgres',
    'SET SESSION AUTHORIZATION tenantry_owner',
    'SET SESSION AUTHORIZATION tenantry_operator',
    "SET session_replication_role = 'replica'",
    'ALTER ROLE tenantry_app BYPASSRLS',
    'ALTER ROLE tenantry_app SUPERUSER',
    'CREATE ROLE accomplice BYPASSRLS',
    "COPY memberships TO PROGRAM 'cat'",
    "COPY memberships FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
  ])('the server may not: %s', async (sql) => {
    await inAcme(async (client) => {
      // 22023: the administrator's name is another one on this server.
      const refused = await stateOf(client, sql);
      expect(
        sql === 'SET ROLE postgres' ? ['22023', INSUFFICIENT_PRIVILEGE] : [INSUFFICIENT_PRIVILEGE],
      ).toContain(refused);
    });
  });

  test('row-level security cannot be switched off: a read without it is refused', async () => {
    await inAcme(async (client) => {
      await client.query('SET LOCAL row_security = off');
      for (const table of await tenantTables()) {
        expect(await stateOf(client, `SELECT * FROM ${table}`), table).toBe(INSUFFICIENT_PRIVILEGE);
        expect(await stateOf(client, `COPY ${table} TO STDOUT`), table).toBe(INSUFFICIENT_PRIVILEGE);
      }
    });
  });

  test('a copy is a read: it holds the rows of the bound tenant only', async () => {
    await database().withTemporaryTables(() =>
      inAcme(async (client) => {
        await client.query('CREATE TEMPORARY TABLE copied AS TABLE memberships');
        const { rows } = await client.query('SELECT DISTINCT tenant_id FROM copied');
        expect(rows).toEqual([{ tenant_id: tenants().acme.tenantId }]);
      }),
    );
  });

  test('the server makes no temporary tables: they would be there for the next user of its connection', async () => {
    await inAcme(async (client) => {
      for (const sql of [
        'CREATE TEMPORARY TABLE idempotency_keys (LIKE public.idempotency_keys)',
        'CREATE TEMPORARY VIEW memberships AS SELECT 1',
        'CREATE TEMPORARY SEQUENCE numbers',
        'CREATE DOMAIN pg_temp.uuid AS text',
        "CREATE FUNCTION pg_temp.now() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      ]) {
        expect(await stateOf(client, sql), sql).toBe(INSUFFICIENT_PRIVILEGE);
      }
    });
  });

  test('the server cannot pass on the rights it has', async () => {
    await inAcme(async (client) => {
      const rights = async (): Promise<unknown> =>
        (await client.query("SELECT relacl FROM pg_class WHERE oid = 'memberships'::regclass")).rows;
      const before = await rights();
      // PostgreSQL only warns that nothing was granted.
      await client.query('GRANT ALL ON memberships TO PUBLIC');
      expect(await rights()).toEqual(before);
    });
  });

  test('a temporary table of the same name deceives neither the audit trigger nor the look-up of access', async () => {
    await database().withTemporaryTables(() =>
      unbound(async (client) => {
        await client.query('BEGIN');
        await bind(client, tenants().acme);
        for (const table of ['audit_log', 'tenants', 'memberships']) {
          await client.query(`CREATE TEMPORARY TABLE ${table} (LIKE public.${table} INCLUDING DEFAULTS)`);
        }
        await client.query(
          "INSERT INTO pg_temp.memberships (user_id, email, role) VALUES ('ghost', 'x', 'owner')",
        );
        await client.query("UPDATE public.tenants SET name = 'Acme, renamed'");
        const recorded = await client.query(
          "SELECT FROM public.audit_log WHERE new_value ->> 'name' = 'Acme, renamed'",
        );
        expect(recorded.rowCount).toBe(1);
        expect((await client.query('SELECT FROM pg_temp.audit_log')).rowCount).toBe(0);
        const { expires, signature } = sign('resolve_access', 'acme', 'ghost');
        const { rows } = await client.query(
          "SELECT role FROM tenantry.resolve_access('acme', 'ghost', $1, $2)",
          [expires, signature],
        );
        expect(rows).toEqual([{ role: null }]);
        await client.query('ROLLBACK');
      }),
    );
  });
});

describe('the audit log', () => {
  const ENTRY = "INSERT INTO audit_log (actor, actor_type, action, entity) VALUES ('x', 'user', 'a.b', 'X')";

  test.each([ENTRY, "UPDATE audit_log SET actor = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log'])(
    'refuses to the server: %s',
    async (sql) => {
      await inAcme(async (client) => expect(await stateOf(client, sql)).toBe(INSUFFICIENT_PRIVILEGE));
    },
  );

  test.each([ENTRY, "UPDATE audit_log SET actor = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log'])(
    'refuses to operators: %s',
    async (sql) => {
      await boundAndUndone(database().operator, tenants().acme, async (client) =>
        expect(await stateOf(client, sql)).toBe(INSUFFICIENT_PRIVILEGE),
      );
    },
  );

  test('is changed neither by its owner nor by a superuser', async () => {
    const all = () => database().asSuperuser('SELECT * FROM audit_log ORDER BY tenant_id, id');
    const before = await all();
    expect(before.length).toBeGreaterThan(0);
    for (const sql of ["UPDATE audit_log SET actor = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log']) {
      const refused = await refusalOf(database().asSuperuser(sql));
      expect(refused).toMatchObject({ state: INSUFFICIENT_PRIVILEGE });
      expect(refused.message).toMatch(/^audit_log is append-only/);
    }
    // Nor in a session that applies replicated changes, where ordinary triggers rest.
    for (const sql of ["UPDATE audit_log SET actor = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log']) {
      const replica = `SET LOCAL session_replication_role = 'replica'; ${sql}`;
      expect((await refusalOf(database().asSuperuser(replica))).message).toMatch(/^audit_log is append-only/);
    }
    await asOwner(async (client) => {
      await bind(client, tenants().acme);
      // The owner has no policy to change rows by, so that none is found.
      expect((await client.query("UPDATE audit_log SET actor = 'x'")).rowCount).toBe(0);
      expect((await client.query('DELETE FROM audit_log')).rowCount).toBe(0);
      expect(await stateOf(client, 'TRUNCATE audit_log')).toBe(INSUFFICIENT_PRIVILEGE);
    });
    expect(await all()).toEqual(before);
  });

  test('holds for each change who, when, on what request, and the values before and after', async () => {
    const { acme } = tenants();
    await inAcme(async (client) => {
      const { rows } = await client.query<{ id: string }>(
        "INSERT INTO memberships (user_id, email, role) VALUES ('newcomer', 'n@acme.test', 'viewer') RETURNING id",
      );
      const { id } = rows[0]!;
      await client.query("UPDATE memberships SET role = 'admin' WHERE id = $1", [id]);
      await client.query('UPDATE memberships SET role = role WHERE id = $1', [id]);
      await client.query('DELETE FROM memberships WHERE id = $1', [id]);
      const entries = await client.query('SELECT * FROM audit_log WHERE entity_id = $1 ORDER BY id', [id]);
      const common = {
        tenant_id: acme.tenantId,
        actor: acme.actor.id,
        actor_type: acme.actor.type,
        request_id: acme.requestId,
        entity: 'Membership',
      };
      const viewer = expect.objectContaining({
        user_id: 'newcomer',
        role: 'viewer',
        tenant_id: acme.tenantId,
      }) as unknown;
      const admin = expect.objectContaining({ user_id: 'newcomer', role: 'admin' }) as unknown;
      expect(entries.rows).toMatchObject([
        { ...common, action: 'membership.created', old_value: null, new_value: viewer },
        { ...common, action: 'membership.updated', old_value: viewer, new_value: admin },
        { ...common, action: 'membership.deleted', old_value: admin, new_value: null },
      ]);
    });
  });

  test('names the operator who changed something from outside', async () => {
    const context = contextOf(tenants().acme.tenantId, { type: 'operator', id: 'on-call' }, 'ticket-1');
    await boundAndUndone(database().operator, context, async (client) => {
      await client.query("UPDATE tenants SET status = 'suspended' WHERE slug = 'acme'");
      const { rows } = await client.query(
        `SELECT actor, actor_type, request_id, action, old_value ->> 'status' AS before, new_value ->> 'status' AS after
         FROM audit_log WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1`,
        [context.tenantId],
      );
      expect(rows).toEqual([
        {
          actor: 'on-call',
          actor_type: 'operator',
          request_id: 'ticket-1',
          action: 'tenant.updated',
          before: 'active',
          after: 'suspended',
        },
      ]);
    });
  });

  test('records what is no change of a row under the transaction’s own tenant, actor and request', async () => {
    const { acme, globex } = tenants();
    // What it is told of is no word on who tells it.
    const claimed = { tenant_id: globex.tenantId, actor: 'x', actor_type: 'system', request_id: 'x' };
    await inAcme(async (client) => {
      await client.query("SELECT tenantry.record_audit('export.requested', 'Tenant', 'x', $1, $1)", [
        claimed,
      ]);
      const { rows } = await client.query("SELECT * FROM audit_log WHERE action = 'export.requested'");
      expect(rows).toMatchObject([
        {
          tenant_id: acme.tenantId,
          actor: acme.actor.id,
          actor_type: acme.actor.type,
          request_id: acme.requestId,
          entity: 'Tenant',
          entity_id: 'x',
          old_value: claimed,
          new_value: claimed,
        },
      ]);
    });
  });

  test('takes from the caller neither the tenant nor the actor', async () => {
    const functions = await database().asSuperuser<{ arguments: string }>(
      `SELECT pg_get_function_identity_arguments(oid) AS arguments FROM pg_proc WHERE proname = 'record_audit'`,
    );
    expect(functions).toEqual([
      { arguments: 'action text, entity text, entity_id text, old_value jsonb, new_value jsonb' },
    ]);
  });

  test.each([
    ['membership.created', INSUFFICIENT_PRIVILEGE],
    ['membership.updated', INSUFFICIENT_PRIVILEGE],
    ['anything.deleted', INSUFFICIENT_PRIVILEGE],
    ['Membership.Deleted', '22023'],
    ['membership.deleted\n', '22023'],
    ['membership..deleted', '22023'],
    ['deleted', '22023'],
    ['', '22023'],
  ])('has no entry %j without the change it speaks of', async (action, state) => {
    await inAcme(async (client) => {
      expect(await stateOf(client, "SELECT tenantry.record_audit($1, 'Membership', 'x')", [action])).toBe(
        state,
      );
    });
  });

  test('has no entry without an action', async () => {
    await inAcme(async (client) => {
      const { state } = await refusalOf(
        client.query("SELECT tenantry.record_audit(NULL, 'Membership', 'x')"),
      );
      expect(state).not.toBe('');
    });
  });

  test('has no entry without a tenant', async () => {
    await unbound(async (client) => {
      const { message } = await refusalOf(client.query("SELECT tenantry.record_audit('a.b', 'X', 'x')"));
      expect(message).toBe('no tenant is bound to this transaction');
    });
  });

  test('its trigger functions cannot be called for other purposes', async () => {
    await inAcme(async (client) => {
      for (const name of ['write_audit', 'refuse_change', 'announce_access', 'announce_change']) {
        expect(await stateOf(client, `SELECT tenantry.${name}()`), name).toBe(INSUFFICIENT_PRIVILEGE);
      }
    });
  });
});

describe('a new tenant table', () => {
  const scratch = async (client: pg.Client, table: string, entity?: string): Promise<void> => {
    await client.query(`
      CREATE TABLE public.${table} (
        tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES public.tenants (id),
        id uuid NOT NULL DEFAULT tenantry.uuid_v7(),
        name text, api_hash text, secret text, token_hash text, password text, hashtag text,
        PRIMARY KEY (tenant_id, id)
      )`);
    await client.query('SELECT tenantry.protect($1::regclass, $2)', [`public.${table}`, entity ?? null]);
    await bind(client, tenants().acme);
  };

  test('has its secrets left out of the audit log', async () => {
    await asOwner(async (client) => {
      await scratch(client, 'scratches');
      await client.query(
        `INSERT INTO scratches (name, api_hash, secret, token_hash, password, hashtag)
         VALUES ('n', 'h1', 's1', 't1', 'p1', '#x')`,
      );
      await client.query(
        "UPDATE scratches SET name = 'm', api_hash = 'h2', secret = 's2', token_hash = 't2'",
      );
      await client.query('DELETE FROM scratches');
      const { rows } = await client.query<{ old_value: object | null; new_value: object | null }>(
        "SELECT old_value, new_value FROM audit_log WHERE entity = 'Scratch' OR entity = 'Scratche' ORDER BY id",
      );
      const values = rows
        .flatMap(({ old_value, new_value }) => [old_value, new_value])
        .filter((value) => value !== null);
      expect(values).toHaveLength(4);
      for (const value of values) {
        expect(Object.keys(value).sort()).toEqual(['hashtag', 'id', 'name', 'tenant_id']);
      }
    });
  });

  test('has no entry for an update that changes nothing', async () => {
    await asOwner(async (client) => {
      await scratch(client, 'notes');
      await client.query("INSERT INTO notes (name) VALUES ('n')");
      expect((await client.query('UPDATE notes SET name = name, secret = secret')).rowCount).toBe(1);
      const { rows } = await client.query("SELECT action FROM audit_log WHERE entity = 'Note'");
      expect(rows).toEqual([{ action: 'note.created' }]);
    });
  });

  test.each([
    ['line_items', 'LineItem', 'line_item'],
    ['categories', 'Category', 'category'],
    ['access', 'Access', 'access'],
    ['staff', 'Staff', 'staff'],
    ['door_keys', 'DoorKey', 'door_key'],
  ])('is called by its name in the singular: %s is %s', async (table, entity, action) => {
    await asOwner(async (client) => {
      await scratch(client, table);
      await client.query(`INSERT INTO ${table} (name) VALUES ('n')`);
      const { rows } = await client.query(
        `SELECT entity, action FROM audit_log WHERE new_value ->> 'id' = (SELECT id::text FROM ${table})`,
      );
      expect(rows).toEqual([{ entity, action: `${action}.created` }]);
    });
  });

  test('is called as it says itself', async () => {
    await asOwner(async (client) => {
      await scratch(client, 'boxes', 'ShippingBox');
      await client.query("INSERT INTO boxes (name) VALUES ('n')");
      const { rows } = await client.query("SELECT action FROM audit_log WHERE entity = 'ShippingBox'");
      expect(rows).toEqual([{ action: 'shipping_box.created' }]);
    });
  });

  test('is closed to other tenants from the first row, also for its owner', async () => {
    await asOwner(async (client) => {
      await scratch(client, 'notes');
      await client.query("INSERT INTO notes (name) VALUES ('n')");
      expect(
        await stateOf(client, 'INSERT INTO notes (tenant_id) VALUES ($1)', [tenants().globex.tenantId]),
      ).toBe(INSUFFICIENT_PRIVILEGE);
      await client.query("SET LOCAL app.current_tenant = ''");
      await bind(client, tenants().globex);
      expect((await client.query('SELECT FROM notes')).rowCount).toBe(0);
    });
  });
});

describe('what may be asked before a tenant is bound', () => {
  const resolve = async (
    client: pg.Client,
    tenant: string | null,
    user: string | null,
  ): Promise<unknown[]> => {
    const { expires, signature } = sign('resolve_access', tenant ?? '', user ?? '');
    const values = [tenant, user, expires, signature];
    return (await client.query('SELECT * FROM tenantry.resolve_access($1, $2, $3, $4)', values))
      .rows as unknown[];
  };

  test('is the role of one user in one tenant, by its slug or its id', async () => {
    const { acme } = tenants();
    const answer = { tenant_id: acme.tenantId, slug: 'acme', status: 'active' };
    await unbound(async (client) => {
      for (const name of ['acme', 'ACME', acme.tenantId, acme.tenantId.toUpperCase()]) {
        expect(await resolve(client, name, 'demo|acme|admin')).toEqual([{ ...answer, role: 'admin' }]);
        expect(await resolve(client, name, 'demo|globex|admin')).toEqual([{ ...answer, role: null }]);
        expect(await resolve(client, name, null)).toEqual([{ ...answer, role: null }]);
      }
    });
  });

  test('is nothing about a tenant that does not exist, and nothing by a pattern', async () => {
    await unbound(async (client) => {
      for (const name of ['nobody', '', '%', 'acme%', ' acme', "acme' OR true --", null]) {
        expect(await resolve(client, name, 'demo|acme|admin')).toEqual([]);
      }
      for (const user of ['%', 'demo|acme|%', '']) {
        expect(await resolve(client, 'acme', user)).toMatchObject([{ role: null }]);
      }
    });
  });

  test('opens nothing else: after the answer the tables are as closed as before', async () => {
    await unbound(async (client) => {
      await client.query('BEGIN');
      await resolve(client, 'acme', 'demo|acme|owner');
      expect((await refusalOf(client.query('SELECT * FROM tenants'))).state).toBe(INSUFFICIENT_PRIVILEGE);
      await client.query('ROLLBACK');
    });
  });

  test('a user’s memberships are the user’s own, in every tenant', async () => {
    await database().asSuperuser(
      `INSERT INTO memberships (tenant_id, user_id, email, role)
       VALUES ($1, 'demo|acme|member', 'member@acme.test', 'viewer')`,
      [tenants().globex.tenantId],
    );
    const of = (id: string, type: 'user' | 'api_key' | 'job' | 'operator' | 'system') =>
      boundAndUndone(database().app, contextOf(tenants().acme.tenantId, { type, id }), async (client) => {
        const { rows } = await client.query<{ slug: string; role: string }>(
          'SELECT slug, role FROM tenantry.memberships_of_actor()',
        );
        return rows;
      });
    expect(await of('demo|acme|member', 'user')).toEqual([
      { slug: 'acme', role: 'member' },
      { slug: 'globex', role: 'viewer' },
    ]);
    expect(await of('demo|acme|owner', 'user')).toEqual([{ slug: 'acme', role: 'owner' }]);
    expect(await of('nobody', 'user')).toEqual([]);
    for (const type of ['api_key', 'job', 'operator', 'system'] as const) {
      expect(await of('demo|acme|member', type)).toEqual([]);
    }
    await unbound(async (client) => {
      const refused = await refusalOf(client.query('SELECT * FROM tenantry.memberships_of_actor()'));
      expect(refused.message).toBe('no tenant is bound to this transaction');
    });
  });
});

describe('uuid_v7', () => {
  test('makes UUIDs of version 7 with the time in front, in the order in which they are made', async () => {
    await unbound(async (client) => {
      const before = Date.now();
      const { rows } = await client.query<{ id: string }>(
        'SELECT tenantry.uuid_v7() AS id FROM generate_series(1, 50000)',
      );
      const ids = rows.map(({ id }) => id);
      for (const id of ids)
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(new Set(ids).size).toBe(ids.length);
      const disordered = ids.filter((id, index) => index > 0 && id < ids[index - 1]!);
      expect(disordered).toEqual([]);
      const times = [ids[0]!, ids.at(-1)!].map((id) => parseInt(id.replaceAll('-', '').slice(0, 12), 16));
      // The database's clock is this machine's.
      expect(times[0]).toBeGreaterThanOrEqual(before - 1_000);
      expect(times[1]).toBeLessThanOrEqual(Date.now() + 1_000);
    });
  });
});

describe('the catalog', () => {
  test('every table has row-level security that binds its owner too, and belongs to tenantry_owner', async () => {
    const rows = await database().asSuperuser(
      `SELECT relname AS table, relrowsecurity AS enabled, relforcerowsecurity AS forced, relowner::regrole::text AS owner,
              EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant_isolation') AS isolated
       FROM pg_class c
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations'`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(3);
    for (const row of rows) {
      expect(row).toMatchObject({ enabled: true, forced: true, owner: 'tenantry_owner', isolated: true });
    }
  });

  test('no policy lets the server’s role, or everybody, past the tenant', async () => {
    const rows = await database().asSuperuser<{ policy: string }>(
      `SELECT polrelid::regclass || ': ' || polname AS policy FROM pg_policy
       -- A restrictive policy takes away only.
       WHERE polpermissive AND (0 = ANY (polroles) OR 'tenantry_app'::regrole = ANY (polroles)) AND (
         pg_get_expr(polqual, polrelid) !~ 'tenantry.current_tenant\\(\\)'
         OR pg_get_expr(polwithcheck, polrelid) !~ 'tenantry.current_tenant\\(\\)')`,
    );
    expect(rows).toEqual([]);
  });

  test('no view, materialized view, sequence or foreign table lies beside the tables', async () => {
    const rows = await database().asSuperuser(
      `SELECT relname FROM pg_class
       WHERE relnamespace IN ('public'::regnamespace, 'tenantry'::regnamespace) AND relkind IN ('v', 'm', 'S', 'f')`,
    );
    expect(rows).toEqual([]);
  });

  test('the server’s role has nothing but DML, and owns nothing', async () => {
    const rows = await database().asSuperuser(
      `SELECT relname, privilege_type FROM pg_class
       CROSS JOIN aclexplode(coalesce(relacl, acldefault('r', relowner))) AS acl
       WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
         AND grantee IN (0, 'tenantry_app'::regrole) AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')`,
    );
    expect(rows).toEqual([]);
    const grantable = await database().asSuperuser(
      `SELECT relname FROM pg_class CROSS JOIN aclexplode(relacl) AS acl
       WHERE grantee = 'tenantry_app'::regrole AND is_grantable`,
    );
    expect(grantable).toEqual([]);
    const owned = await database().asSuperuser(
      "SELECT classid::regclass, objid FROM pg_shdepend WHERE refobjid = 'tenantry_app'::regrole AND deptype = 'o'",
    );
    expect(owned).toEqual([]);
  });

  test('everybody may do nothing with the tables', async () => {
    const rows = await database().asSuperuser(
      `SELECT relname, privilege_type FROM pg_class CROSS JOIN aclexplode(relacl) AS acl
       WHERE relnamespace = 'public'::regnamespace AND grantee = 0`,
    );
    expect(rows).toEqual([]);
  });

  test('every function that runs as its owner has a pinned search_path', async () => {
    const rows = await database().asSuperuser<{ name: string; pinned: boolean }>(
      `SELECT proname AS name,
              coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false) AS pinned
       FROM pg_proc WHERE prosecdef AND pronamespace <> 'pg_catalog'::regnamespace ORDER BY proname`,
    );
    expect(rows.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'announce_change',
        'listen',
        'memberships_of_actor',
        'record_audit',
        'resolve_access',
        'write_audit',
      ]),
    );
    expect(rows.filter(({ pinned }) => !pinned)).toEqual([]);
  });

  test('everybody may execute no function of the kernel, and the server’s role only those that it needs', async () => {
    // There is one for each searchable table.
    const isSearch = (name: string) => name.startsWith('candidates_of_');
    const functionsOf = async (grantee: string): Promise<string[]> => {
      const rows = await database().asSuperuser<{ name: string }>(
        `SELECT DISTINCT proname AS name FROM pg_proc
         CROSS JOIN aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl
         WHERE pronamespace = 'tenantry'::regnamespace AND grantee = ${grantee} ORDER BY proname`,
      );
      return rows.map(({ name }) => name);
    };
    expect(await functionsOf('0')).toEqual([]);
    expect((await functionsOf("'tenantry_app'::regrole")).filter((name) => !isSearch(name))).toEqual([
      'accept_invitation',
      'bind',
      'context_signing',
      'current_actor',
      'current_tenant',
      'folded',
      'is_published',
      'listen',
      'memberships_of_actor',
      'record_audit',
      'resolve_access',
      'resolve_api_key',
      'uuid_v7',
    ]);
  });

  test('the roles have the attributes they need, and no role can become a stronger one', async () => {
    const roles = await database().asSuperuser(
      `SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles
       WHERE rolname LIKE 'tenantry%' ORDER BY rolname`,
    );
    const plain = {
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolreplication: false,
    };
    expect(roles).toEqual([
      { rolname: 'tenantry_app', ...plain },
      { rolname: 'tenantry_operator', ...plain, rolbypassrls: true },
      { rolname: 'tenantry_owner', ...plain },
    ]);
    const memberships = await database().asSuperuser(
      "SELECT roleid::regrole FROM pg_auth_members WHERE member IN ('tenantry_app'::regrole, 'tenantry_operator'::regrole)",
    );
    expect(memberships).toEqual([]);
  });

  test('every tenant table’s keys start with the tenant', async () => {
    const rows = await database().asSuperuser(
      `SELECT indexrelid::regclass::text AS key FROM pg_index
       JOIN pg_attribute a ON a.attrelid = indrelid AND a.attname = 'tenant_id'
       JOIN pg_class c ON c.oid = indrelid AND relnamespace = 'public'::regnamespace
       WHERE (indisunique OR indisexclusion) AND indkey[0] <> a.attnum`,
    );
    expect(rows).toEqual([]);
  });

  test('every foreign key between tenant tables pairs their tenants', async () => {
    const rows = await database().asSuperuser(
      `SELECT c.conname FROM pg_constraint c
       JOIN pg_attribute own ON own.attrelid = c.conrelid AND own.attname = 'tenant_id'
       JOIN pg_attribute other ON other.attrelid = c.confrelid AND other.attname = 'tenant_id'
       WHERE c.contype = 'f' AND NOT EXISTS (
         SELECT FROM unnest(c.conkey, c.confkey) AS pair (own, other)
         WHERE pair.own = own.attnum AND pair.other = other.attnum
       )`,
    );
    expect(rows).toEqual([]);
  });
});

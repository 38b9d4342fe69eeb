/**
 * Proves that the audit log contains every change with its actor and its values, that neither its owner nor a superuser
 * can change it, and that this also holds for a new tenant table. Uses raw SQL, because the database must guarantee
 * this alone.
 */
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { actingAsOwner } from '../../src/kernel/database/owner-connection.js';
import { bind, boundAndUndone, connected, contextOf, refusalOf } from '../support/demo-tenants.js';
import { stateOf, INSUFFICIENT_PRIVILEGE, useRefusals } from '../support/refusals.js';

const { database, tenants, inAcme, unbound } = useRefusals();

/** Runs `work` as the owner of all objects, in a transaction that is rolled back. */
const asOwner = <Result>(work: (client: pg.Client) => Promise<Result>): Promise<Result> =>
  connected(actingAsOwner(database().superuser), async (client) => {
    await client.query('BEGIN');
    try {
      return await work(client);
    } finally {
      await client.query('ROLLBACK');
    }
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
    // The same in a session that applies replicated changes, in which ordinary triggers do not fire.
    for (const sql of ["UPDATE audit_log SET actor = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log']) {
      const replica = `SET LOCAL session_replication_role = 'replica'; ${sql}`;
      expect((await refusalOf(database().asSuperuser(replica))).message).toMatch(/^audit_log is append-only/);
    }
    await asOwner(async (client) => {
      await bind(client, tenants().acme);
      // No policy lets the owner change rows, so the statements find none.
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
    // The recorded values do not affect the tenant and the actor of the entry.
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

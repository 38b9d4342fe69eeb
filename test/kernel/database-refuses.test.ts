/**
 * Proves what PostgreSQL refuses to the server’s role, whatever the server sends: everything without a tenant,
 * everything that belongs to another tenant, and every change of the rules. Uses raw SQL, because the database must
 * guarantee this alone.
 */
import { describe, expect, test } from 'vitest';
import { BIND, bind, bindingValues, boundAndUndone, contextOf, refusalOf } from '../support/demo-tenants.js';
import { sign } from '../support/database.js';
import { stateOf, INSUFFICIENT_PRIVILEGE, useRefusals } from '../support/refusals.js';

const { database, tenants, inAcme, unbound } = useRefusals();

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
      // 22023: the administrator's role has another name on this server.
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
      // PostgreSQL does not fail here: it warns that nothing was granted.
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

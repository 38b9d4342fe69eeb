/**
 * Proves which functions work before a tenant is bound, and that the catalog grants nothing else: policies, privileges,
 * roles, functions and keys. Uses raw SQL, because the database must guarantee this alone.
 */
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { boundAndUndone, contextOf, refusalOf } from '../support/demo-tenants.js';
import { sign } from '../support/database.js';
import { INSUFFICIENT_PRIVILEGE, useRefusals } from '../support/refusals.js';

const { database, tenants, unbound } = useRefusals();

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
    const answer = {
      tenant_id: acme.tenantId,
      slug: 'acme',
      status: 'active',
      plan: 'free',
      suspension_reason: null,
    };
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
  test('makes UUIDs of version 7 that sort by the microsecond in which they are made', async () => {
    await unbound(async (client) => {
      const before = Date.now();
      const { rows } = await client.query<{ id: string }>(
        'SELECT tenantry.uuid_v7() AS id FROM generate_series(1, 50000)',
      );
      const ids = rows.map(({ id }) => id);
      for (const id of ids)
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(new Set(ids).size).toBe(ids.length);
      // The milliseconds, the version and the fraction of a millisecond; several ids may have the same microsecond.
      const moments = ids.map((id) => id.slice(0, 18));
      const disordered = moments.filter((moment, index) => index > 0 && moment < moments[index - 1]!);
      expect(disordered).toEqual([]);
      const times = [ids[0]!, ids.at(-1)!].map((id) => parseInt(id.replaceAll('-', '').slice(0, 12), 16));
      // The database runs on this machine and has the same clock.
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
        'check_use',
        'count_added',
        'count_changed',
        'listen',
        'memberships_of_actor',
        'record_audit',
        'resolve_access',
        'set_plans',
        'write_audit',
      ]),
    );
    expect(rows.filter(({ pinned }) => !pinned)).toEqual([]);
  });

  test('everybody may execute no function of the kernel, and the server’s role only those that it needs', async () => {
    // Each searchable table has such a function.
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
      'add_field_usage',
      'add_tenant_usage',
      'audit_work',
      'audited_prefixes',
      'bind',
      'bind_placed',
      'bound_schema',
      'cancel_erasure',
      'cancel_job',
      'claim_jobs',
      'complete_job',
      'context_signing',
      'copied_tables',
      'current_actor',
      'current_tenant',
      'declared_tenancy',
      'derived_id',
      'disguised',
      'disguised_bytes',
      'disguised_json',
      'enqueue',
      'erase_person',
      'extend_leases',
      'fail_job',
      'finish_jobs',
      'folded',
      'inserted_audit_entry',
      'is_copy',
      'is_published',
      'job_statistics',
      'limited_resources',
      'listen',
      'memberships_of_actor',
      'moves_tenant',
      'only_rows',
      'open_audit_block',
      'open_tenant_rows',
      'plan_schedules',
      'read_directory',
      'record_audit',
      'redact_audit',
      'refuse_fenced',
      'release_audit_work',
      'release_jobs',
      'remove_finished_jobs',
      'request_erasure',
      'resolve_access',
      'resolve_api_key',
      'resolve_impersonation',
      'retry_job',
      'schema_of',
      'schema_status',
      'seal_audit',
      'set_plans',
      'tables_of',
      'tenant_condition',
      'tenant_tables',
      'unplanned_schedules',
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

/** Mutants of quotas: a tenant exceeds its plan, or sees or changes a counter. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const COUNTERS = 'test/kernel/quotas.test.ts';
const ATTACKS = 'test/kernel/quota-attacks.test.ts';

export const quotas: MutantGroup = {
  title: 'Quotas',
  mutants: [
    {
      name: 'counters-of-all-tenants',
      breaks: 'a tenant reads the counters of all tenants',
      sql: 'ALTER POLICY tenant_isolation ON tenantry.resource_usage USING (true)',
      tests: [ATTACKS],
    },
    {
      name: 'counters-granted',
      breaks: 'the server’s role may write counters',
      sql: `GRANT INSERT, UPDATE, DELETE ON tenantry.resource_usage TO tenantry_app;
        CREATE POLICY writing ON tenantry.resource_usage TO tenantry_app
          USING (tenant_id = (SELECT tenantry.current_tenant())) WITH CHECK (tenant_id = (SELECT tenantry.current_tenant()))`,
      tests: [ATTACKS],
    },
    {
      name: 'usage-without-its-tenant',
      breaks: 'the read of a tenant’s usage does not name the tenant, and relies on row-level security alone',
      edits: [edit('src/platform/tenant/usage.ts', ' WHERE tenant_id = ${id}::uuid', '')],
      tests: [ATTACKS],
    },
    {
      name: 'quota-not-checked',
      breaks: 'rows are counted and never refused',
      sql: inFunction('add_use', 'IF present > allowed THEN', 'IF false THEN'),
      tests: [COUNTERS],
    },
    {
      name: 'quota-exceeded-by-one',
      breaks: 'the quota allows one row too many',
      sql: inFunction('add_use', 'IF present > allowed THEN', 'IF present > allowed + 1 THEN'),
      tests: [COUNTERS],
    },
    {
      name: 'counter-from-the-snapshot',
      breaks:
        'a counter is computed from what the statement saw at its start, so that concurrent rows are lost',
      sql: inFunction(
        'add_use',
        'SET used = held.used + excluded.used',
        `SET used = excluded.used + (
           SELECT u.used FROM tenantry.resource_usage u WHERE u.tenant_id = tenant AND u.resource = counted)`,
      ),
      tests: [COUNTERS],
    },
    {
      name: 'removed-rows-still-count',
      breaks: 'rows that are deleted are not given back',
      sql: 'DROP TRIGGER count_removed ON memberships',
      tests: [COUNTERS],
    },
    {
      name: 'revoked-keys-count',
      breaks: 'a revoked API key counts',
      sql: 'DROP TRIGGER count_moved ON api_keys',
      tests: [COUNTERS],
    },
    {
      name: 'operators-by-their-word',
      breaks: 'the type of the actor, which the server’s role can choose, opens the quota',
      sql: inFunction(
        'add_use',
        "SELECT rolbypassrls OR pg_has_role(oid, 'tenantry_owner', 'MEMBER') FROM pg_roles WHERE rolname = session_user",
        "SELECT current_setting('app.current_actor_type', true) = 'operator'",
      ),
      tests: [COUNTERS],
    },
    {
      name: 'plans-unsigned',
      breaks: 'the database takes plans from whoever can run SQL, where contexts are signed',
      sql: inFunction('set_plans', 'PERFORM tenantry.require_signature(', "PERFORM concat_ws(E'\\x1f', "),
      tests: [ATTACKS],
    },
  ],
};

/** Mutants for rules of `tenantry audit` that no other mutant needs: what people add to a sound database beside it. */
import type { MutantGroup } from './mutant.js';

const NOTES = `
  CREATE TABLE notes (
    tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES tenants (id) ON DELETE RESTRICT ON UPDATE RESTRICT,
    id uuid NOT NULL DEFAULT tenantry.uuid_v7(), PRIMARY KEY (tenant_id, id)
  )`;
const ofMemberships = (expression: string): string =>
  `ALTER POLICY tenant_isolation ON memberships USING (${expression})`;

const OTHER_TENANT = "tenant_id = nullif(current_setting('app.other_tenant', true), '')::uuid";

export const besideASoundDatabase: MutantGroup = {
  title: 'Beside a sound database',
  mutants: [
    {
      name: 'policy-opens-unbound',
      breaks: 'a policy shows every row to whoever has bound no tenant',
      sql: ofMemberships(
        "coalesce(current_setting('app.current_tenant', true), '') = '' OR tenant_id = tenantry.current_tenant()",
      ),
      audit: ['T05'],
    },
    {
      name: 'materialized-copy',
      breaks: 'a materialized view holds the rows of all tenants',
      sql: `CREATE MATERIALIZED VIEW all_members AS SELECT * FROM memberships WITH NO DATA;
        GRANT SELECT ON all_members TO tenantry_app`,
      audit: ['T08'],
    },
    {
      name: 'tenant-by-default',
      breaks: 'the server’s role works as a tenant when it has bound none',
      superuserSql: "ALTER ROLE tenantry_app SET app.current_tenant = '00000000-0000-4000-8000-000000000001'",
      undoSql: 'ALTER ROLE tenantry_app RESET app.current_tenant',
      audit: ['T10'],
    },
    {
      name: 'tenant-unanchored',
      breaks: 'rows may belong to a tenant that does not exist',
      sql: 'ALTER TABLE memberships DROP CONSTRAINT memberships_tenant_id_fkey',
      audit: ['T16'],
    },
    {
      name: 'table-of-nobody',
      breaks: 'tenants share a table that nobody declared as shared',
      sql: 'CREATE TABLE notes (id uuid PRIMARY KEY, text text); GRANT SELECT, INSERT ON notes TO tenantry_app',
      audit: ['T17'],
    },
    {
      name: 'partition-granted',
      breaks: 'a partition can be read past the policies of its table',
      sql: `${NOTES} PARTITION BY HASH (tenant_id);
        CREATE TABLE notes_0 PARTITION OF notes FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        SELECT tenantry.protect('notes'); GRANT SELECT ON notes_0 TO tenantry_app`,
      audit: ['T20'],
    },
    {
      name: 'policy-trusts-open-table',
      breaks: 'a policy reads who may see a row from a table that is not protected',
      sql: `CREATE TABLE guests (place uuid NOT NULL, who text);
        GRANT SELECT, INSERT ON guests TO tenantry_app;
        CREATE POLICY guests ON memberships FOR SELECT TO tenantry_app USING (tenant_id IN (
          SELECT g.place FROM guests g WHERE g.who = current_setting('app.current_actor', true)))`,
      audit: ['T21'],
    },
    {
      name: 'tenant-by-pattern',
      breaks: 'the setting matches as many tenants as it likes',
      sql: ofMemberships("tenant_id::text LIKE current_setting('app.current_tenant', true) || '%'"),
      audit: ['T22'],
    },
    {
      name: 'tenant-from-another-setting',
      breaks: 'one table takes the tenant from a setting that nobody binds',
      sql: `${ofMemberships(OTHER_TENANT)} WITH CHECK (${OTHER_TENANT})`,
      audit: ['T23'],
    },
    {
      name: 'setting-cast-bare',
      breaks: 'a query without a tenant fails or works by who used the connection before',
      sql: ofMemberships("tenant_id = current_setting('app.current_tenant', true)::uuid"),
      audit: ['T24'],
    },
    {
      name: 'published-whole',
      breaks: 'a publication hands out the rows of all tenants',
      superuserSql: 'CREATE PUBLICATION all_members FOR TABLE memberships',
      audit: ['T25'],
    },
    {
      name: 'future-tables-granted',
      breaks: 'the server may use every table that will be made, protected or not',
      sql: 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO tenantry_app',
      audit: ['T26'],
    },
    {
      name: 'shared-rows-writable',
      breaks: 'rows without a tenant can be changed by every tenant',
      sql: `CREATE TABLE templates (tenant_id uuid REFERENCES tenants (id), id uuid PRIMARY KEY, text text);
        ALTER TABLE templates ENABLE ROW LEVEL SECURITY; ALTER TABLE templates FORCE ROW LEVEL SECURITY;
        CREATE POLICY own ON templates TO tenantry_app USING (tenant_id IS NULL OR tenant_id = tenantry.current_tenant());
        GRANT SELECT, INSERT, UPDATE, DELETE ON templates TO tenantry_app`,
      audit: ['T44'],
    },
    {
      name: 'function-runs-text',
      breaks: 'a function runs what its caller gives as its owner',
      sql: `CREATE FUNCTION public.run(statement text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
          SET search_path = pg_catalog AS $$ BEGIN EXECUTE statement; END $$;
        GRANT EXECUTE ON FUNCTION public.run TO tenantry_app`,
      audit: ['T46'],
    },
  ],
};

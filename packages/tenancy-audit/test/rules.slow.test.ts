/**
 * The rules T01 to T19 of the tenancy audit. For each, databases that break only this rule, and databases that look
 * similar and must not be flagged. Each is Tenantry's own migrated database with a change.
 */
import { expect, test } from 'vitest';
import type { CatalogReport } from '../src/audit.js';
import { linesOf, useAuditedDatabase } from './audited-database.js';
import { NOTES, notesWith, OURS, SETTING, type Case, BROKEN } from './broken-catalogs.js';

const database = useAuditedDatabase();

/** The role must be given: the audit cannot detect it in a database in which two roles may do everything. */
const APP = { appRoles: ['tenantry_app'] };

const SOUND: readonly Case[] = [
  { name: 'our own database', sql: '' },
  { name: 'a protected table', sql: NOTES },
  {
    name: 'T01 a table that the application cannot use',
    sql: `CREATE TABLE internal (tenant_id uuid NOT NULL REFERENCES tenants, id int, PRIMARY KEY (tenant_id, id))`,
  },
  {
    name: 'T02 membership in a role without privileges',
    sql: 'CREATE ROLE tiny; GRANT tiny TO tenantry_app',
  },
  {
    name: 'T04 a policy for the operator only',
    sql: `${NOTES} CREATE POLICY p ON notes TO tenantry_operator USING (true)`,
  },
  {
    name: 'T04 an open policy beside a restrictive one',
    sql: `${NOTES} CREATE POLICY open ON notes USING (true); CREATE POLICY shut ON notes AS RESTRICTIVE USING ${OURS}`,
  },
  {
    name: 'T04 rows that are public on purpose',
    sql: `${NOTES} CREATE POLICY p ON notes FOR SELECT USING (is_public)`,
  },
  {
    name: 'T04 a helper in PL/pgSQL that checks the row',
    sql: `CREATE FUNCTION mine(t uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN t = ${SETTING}::uuid; END $$;
      ${notesWith('p ON notes USING (public.mine(tenant_id))')}`,
  },
  {
    name: 'T04 membership in a sub-select',
    sql: notesWith(
      `p ON notes USING (tenant_id IN (SELECT m.tenant_id FROM memberships m WHERE m.user_id = current_setting('app.current_actor')))`,
    ),
  },
  {
    name: 'T04 for administrators',
    sql: `${NOTES} CREATE FUNCTION is_support() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT current_user = 'support' $$;
      CREATE POLICY p ON notes FOR SELECT USING (public.is_support())`,
  },
  {
    name: 'T04 a role that a gateway has verified',
    sql: `${NOTES} CREATE POLICY p ON notes FOR SELECT USING ((current_setting('request.jwt.claims', true)::json ->> 'role') = 'service_role')`,
  },
  {
    name: 'T04 declared',
    sql: `${NOTES} CREATE POLICY p ON notes FOR SELECT USING (body <> 'private'); COMMENT ON POLICY p ON notes IS '@tenancy shared: published by their authors'`,
  },
  {
    name: 'T04 FOR SELECT without USING denies',
    sql: `${NOTES} CREATE POLICY p ON notes FOR DELETE`,
  },
  {
    name: 'T05 NULL and error do not open',
    sql: notesWith(`p ON notes USING (${SETTING} IS NOT NULL AND tenant_id = nullif(${SETTING}, '')::uuid)`),
  },
  {
    name: 'T05 a helper that raises an error instead of returning NULL',
    sql: notesWith(`p ON notes USING (tenantry.current_tenant() IS NULL OR ${OURS})`),
  },
  { name: 'T06 no WITH CHECK, so USING applies', sql: notesWith(`p ON notes FOR ALL USING ${OURS}`) },
  {
    name: 'T06 FOR INSERT without WITH CHECK denies',
    sql: `${NOTES} CREATE POLICY p ON notes FOR INSERT WITH CHECK ${OURS}`,
  },
  {
    name: 'T06 the application may not change the tenant',
    sql: `${NOTES} REVOKE UPDATE ON notes FROM tenantry_app; GRANT UPDATE (body) ON notes TO tenantry_app;
      CREATE POLICY p ON notes FOR UPDATE USING ${OURS} WITH CHECK (body <> '')`,
  },
  {
    name: 'T07 a view with security_invoker',
    sql: `CREATE VIEW members WITH (security_invoker = true) AS SELECT * FROM memberships; GRANT SELECT ON members TO tenantry_app`,
  },
  {
    name: 'T07 a view whose owner is subject to row-level security',
    sql: `${NOTES} CREATE VIEW own_notes AS SELECT body FROM notes; ALTER VIEW own_notes OWNER TO tenantry_owner; GRANT SELECT ON own_notes TO tenantry_app`,
  },
  {
    name: 'T07 a view that filters by tenant itself',
    sql: `CREATE VIEW members WITH (security_barrier) AS SELECT * FROM memberships WHERE tenant_id = tenantry.current_tenant(); GRANT SELECT ON members TO tenantry_app`,
  },
  { name: 'T08 not readable', sql: 'CREATE MATERIALIZED VIEW counts AS SELECT count(*) FROM memberships' },
  {
    name: 'T09 the caller’s own rows',
    sql: `CREATE FUNCTION my_tenants() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      $$ SELECT tenant_id FROM public.memberships WHERE user_id = current_setting('app.current_actor') $$`,
  },
  {
    name: 'T09 checked before it reads',
    sql: `CREATE FUNCTION members_of(tenant uuid) RETURNS SETOF memberships LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
      $$ BEGIN IF tenant <> tenantry.current_tenant() THEN RAISE EXCEPTION 'no'; END IF;
      RETURN QUERY SELECT * FROM public.memberships m WHERE m.tenant_id = tenant; END $$`,
  },
  {
    name: 'T09 checked by a helper, with the parameter named after the function',
    sql: `CREATE FUNCTION demand(t uuid) RETURNS void LANGUAGE plpgsql AS $$ BEGIN IF t <> tenantry.current_tenant() THEN RAISE EXCEPTION 'no'; END IF; END $$;
      CREATE FUNCTION members_of(tenant_id uuid) RETURNS SETOF memberships LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
      $$ DECLARE a uuid; DECLARE b text; BEGIN PERFORM public.demand(members_of.tenant_id);
      RETURN QUERY SELECT * FROM public.memberships m WHERE m.tenant_id = members_of.tenant_id; END $$`,
  },
  {
    name: 'T09 not for the application',
    sql: `CREATE FUNCTION everybody() RETURNS SETOF memberships LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT * FROM public.memberships';
      REVOKE ALL ON FUNCTION everybody() FROM PUBLIC`,
  },
  {
    name: 'T09 a trigger function, and a trigger on a tenant table',
    sql: `${NOTES} CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
      $$ BEGIN PERFORM count(*) FROM public.memberships; RETURN NEW; END $$;
      CREATE TRIGGER touch BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION touch()`,
  },
  {
    name: 'T09 declared',
    sql: `CREATE FUNCTION everybody() RETURNS SETOF memberships LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT * FROM public.memberships';
      COMMENT ON FUNCTION everybody() IS E'Members.\\n@tenancy audited: only the directory job, behind its own login'`,
  },
  { name: 'T10 an empty default', sql: `ALTER ROLE tenantry_app SET app.current_tenant = ''` },
  { name: 'T10 another setting', sql: `ALTER ROLE tenantry_app SET app.theme = 'dark'` },
  {
    name: 'T13 a schema for each role',
    sql: `CREATE SCHEMA acme; CREATE TABLE acme.notes (id int PRIMARY KEY); CREATE TABLE acme.files (id int PRIMARY KEY);
      CREATE SCHEMA globex; CREATE TABLE globex.notes (id int PRIMARY KEY); CREATE TABLE globex.files (id int PRIMARY KEY);
      CREATE ROLE acme LOGIN; GRANT USAGE ON SCHEMA acme TO acme; CREATE ROLE globex LOGIN; GRANT USAGE ON SCHEMA globex TO globex`,
  },
  {
    name: 'T14 a foreign key with the tenant',
    sql: `${NOTES} ALTER TABLE notes ADD parent uuid; ALTER TABLE notes ADD FOREIGN KEY (tenant_id, parent) REFERENCES notes (tenant_id, id)`,
  },
  {
    name: 'T15 random ids, secrets, and the tenant’s own slug',
    sql: `${NOTES} ALTER TABLE notes ADD UNIQUE (id), ADD token_hash text UNIQUE, ADD number bigint GENERATED ALWAYS AS IDENTITY`,
  },
  {
    name: 'T15 keys of which one part cannot be guessed',
    sql: `${NOTES} ALTER TABLE notes ADD kind text, ADD "friendlyId" text UNIQUE, ADD "apiKey" text UNIQUE, ADD UNIQUE (id, kind);
      CREATE TABLE invitations_sent (tenant_id uuid NOT NULL REFERENCES tenants, sent_id varchar(36), code text UNIQUE, PRIMARY KEY (tenant_id, sent_id), UNIQUE (sent_id));
      GRANT INSERT ON invitations_sent TO tenantry_app;
      ALTER TABLE invitations_sent ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON invitations_sent USING ${OURS}`,
  },
  {
    name: 'T16 templates without a tenant, on purpose',
    sql: `CREATE TABLE templates (id uuid PRIMARY KEY, tenant_id uuid REFERENCES tenants); GRANT SELECT, INSERT ON templates TO tenantry_app;
      ALTER TABLE templates ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY mine ON templates USING ${OURS}; CREATE POLICY shared ON templates FOR SELECT USING (tenant_id IS NULL OR ${OURS})`,
  },
  {
    name: 'T16 the tenant of the parent',
    sql: `${NOTES} CREATE TABLE lines (tenant_id uuid NOT NULL, id uuid NOT NULL, note uuid NOT NULL, PRIMARY KEY (tenant_id, id),
      FOREIGN KEY (tenant_id, note) REFERENCES notes (tenant_id, id)); GRANT SELECT, INSERT ON lines TO tenantry_app;
      ALTER TABLE lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON lines USING ${OURS}`,
  },
  {
    name: 'T14, T16 the tenant that a user has selected',
    sql: `CREATE TABLE people (id uuid PRIMARY KEY, tenant_id uuid REFERENCES tenants ON DELETE SET NULL);
      CREATE TABLE participations (tenant_id uuid REFERENCES tenants, person uuid REFERENCES people, PRIMARY KEY (tenant_id, person));
      GRANT SELECT, INSERT, UPDATE ON people, participations TO tenantry_app;
      ALTER TABLE participations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON participations USING ${OURS};
      ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY p ON people USING (EXISTS (SELECT FROM participations t WHERE t.person = people.id AND t.tenant_id = tenantry.current_tenant()))`,
  },
  {
    name: 'T17 declared shared, reference data, book-keeping',
    sql: `CREATE TABLE feedback (id int PRIMARY KEY); GRANT SELECT, INSERT ON feedback TO tenantry_app;
      COMMENT ON TABLE feedback IS '@tenancy shared: anonymous, read by the vendor';
      CREATE TABLE countries (code text PRIMARY KEY); GRANT SELECT ON countries TO tenantry_app;
      CREATE TABLE knex_migrations (id int); GRANT ALL ON knex_migrations TO tenantry_app`,
  },
  {
    name: 'T17 separated by its parent’s tenant',
    sql: `${NOTES} ALTER TABLE notes ADD UNIQUE (id); CREATE TABLE lines (id uuid PRIMARY KEY, note uuid REFERENCES notes (id));
      GRANT SELECT, INSERT ON lines TO tenantry_app; ALTER TABLE lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY p ON lines USING (EXISTS (SELECT FROM notes n WHERE n.id = lines.note AND n.tenant_id = tenantry.current_tenant()))`,
  },
  { name: 'T18 the operator’s', sql: 'GRANT TRUNCATE ON memberships TO tenantry_operator' },
  { name: 'T19 the trigger refuses it anyway', sql: 'GRANT UPDATE, DELETE ON audit_log TO tenantry_app' },
];

/** Findings of the rules T01 to T19. more-rules.slow.test.ts tests the later rules. */
const firstRules = (report: CatalogReport): readonly string[] =>
  linesOf(report).filter((line) => line < 'T20');

test.each(BROKEN)('finds $name', async ({ sql, finds }) => {
  expect(firstRules(await database.after(sql, APP))).toEqual(finds);
});

test.each(SOUND)('does not flag $name', async ({ sql }) => {
  expect(firstRules(await database.after(sql))).toEqual([]);
});

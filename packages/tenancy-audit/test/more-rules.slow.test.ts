/**
 * The rules T20 to T35 of the tenancy audit. For each, databases that break only this rule, and databases that look
 * similar and must not be flagged. rules.slow.test.ts has the rules before T20.
 */
import pg from 'pg';
import { expect, test } from 'vitest';
import type { Catalog } from '../src/catalog.js';
import { detectSettings } from '../src/detect-settings.js';
import { readCatalog } from '../src/read-catalog.js';
import { serverLacksFixes } from '../src/rules/server-fixes.js';
import { linesOf, useAuditedDatabase } from './audited-database.js';
import { useDatabase } from '../../../test/support/database.js';

const database = useAuditedDatabase();
const plain = useDatabase();

const NOTES = `
  CREATE TABLE notes (
    tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES tenants,
    id uuid NOT NULL DEFAULT tenantry.uuid_v7(), body text, PRIMARY KEY (tenant_id, id)
  );
  SELECT tenantry.isolate('notes');
  ALTER TABLE notes OWNER TO tenantry_owner;`;

const notesWith = (...policies: readonly string[]): string =>
  `${NOTES} DROP POLICY tenant_isolation ON notes; ${policies.map((each) => `CREATE POLICY ${each};`).join('\n')}`;

const OURS = '(tenant_id = (SELECT tenantry.current_tenant()))';
const SETTING = "current_setting('app.current_tenant', true)";
const TENANT = `(SELECT nullif(${SETTING}, '')::uuid)`;
const APP = { appRoles: ['tenantry_app'] };

/** A table with two partitions. */
const PARTITIONS = `
  CREATE TABLE notes (
    tenant_id uuid NOT NULL REFERENCES tenants, id uuid NOT NULL, PRIMARY KEY (tenant_id, id)
  ) PARTITION BY HASH (tenant_id);
  CREATE TABLE notes_0 PARTITION OF notes FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE notes_1 PARTITION OF notes FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY tenant_isolation ON notes USING ${OURS};
  GRANT SELECT ON notes TO tenantry_app;`;

/** A policy that takes the tenant from a list of members. The list's tenant column does not have the usual name. */
const BY_MEMBERS = `
  CREATE TABLE team (member text PRIMARY KEY, tenant uuid NOT NULL);
  COMMENT ON TABLE team IS '@tenancy shared: who is in which tenant';
  ALTER TABLE team OWNER TO tenantry_owner;
  ${notesWith("p ON notes USING (tenant_id IN (SELECT t.tenant FROM team t WHERE t.member = (SELECT current_setting('app.current_actor'))))")}`;

/** Three schemas with the same tables, as in a database with one schema per tenant. */
const schemas = (different = ''): string =>
  ['acme', 'globex', 'initech']
    .map(
      (name) => `
  CREATE SCHEMA ${name};
  CREATE TABLE ${name}.orders (id uuid PRIMARY KEY, total numeric NOT NULL);
  CREATE TABLE ${name}.lines (id uuid PRIMARY KEY, order_id uuid NOT NULL REFERENCES ${name}.orders);`,
    )
    .join('') + different;

interface Case {
  readonly name: string;
  readonly sql: string;
  readonly finds?: readonly string[];
}

const BROKEN: readonly Required<Case>[] = [
  {
    name: 'T20 a partition with its own grant',
    sql: `${PARTITIONS} GRANT SELECT ON notes_1 TO tenantry_app`,
    finds: ['T20 public.notes_1'],
  },
  {
    name: 'T20 a child table',
    sql: `${NOTES} CREATE TABLE old_notes (PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id) REFERENCES tenants) INHERITS (notes);
      GRANT SELECT, DELETE ON old_notes TO tenantry_app`,
    finds: ['T20 public.old_notes'],
  },
  {
    name: 'T21 a list of members that members may write',
    sql: `${BY_MEMBERS} GRANT SELECT, INSERT ON team TO tenantry_app`,
    finds: ['T21 public.notes.p'],
  },
  {
    name: 'T22 the application’s only role as the tenant (and T16: a role is not a tenant)',
    sql: `CREATE TABLE notes (tenant_id name NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY p ON notes USING (tenant_id = CURRENT_USER); GRANT SELECT ON notes TO tenantry_app`,
    finds: ['T16 public.notes', 'T22 public.notes.p'],
  },
  {
    name: 'T22 a pattern from the setting',
    sql: notesWith(`p ON notes USING (tenant_id::text LIKE (SELECT ${SETTING}))`),
    finds: ['T22 public.notes.p'],
  },
  {
    name: 'T23 another setting than the rest',
    sql: notesWith(
      "p ON notes USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))",
    ),
    finds: ['T23 public.notes.p'],
  },
  {
    name: 'T23 a name without a prefix',
    sql: notesWith(
      "p ON notes USING (tenant_id = (SELECT nullif(current_setting('tenant_id', true), '')::uuid))",
    ),
    finds: ['T23 public.notes.p'],
  },
  {
    name: 'T24 a cast of a value that may be empty',
    sql: notesWith(`p ON notes USING (tenant_id = (SELECT ${SETTING}::uuid))`),
    finds: ['T24 public.notes.p'],
  },
  {
    name: 'T24 in a function',
    sql: `CREATE FUNCTION tenant() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT ${SETTING}::uuid $$;
      ${notesWith('p ON notes USING (tenant_id = (SELECT public.tenant()))')}`,
    finds: ['T24 public.tenant()'],
  },
  {
    name: 'T25 a published table',
    sql: 'CREATE PUBLICATION changes FOR TABLE memberships',
    finds: ['T25 public.memberships'],
  },
  {
    name: 'T26 future tables for the application',
    sql: 'ALTER DEFAULT PRIVILEGES FOR ROLE tenantry_owner IN SCHEMA public GRANT SELECT ON TABLES TO tenantry_app',
    finds: ['T26 default privileges of tenantry_owner in public'],
  },
  {
    name: 'T26 future tables for PUBLIC',
    sql: 'ALTER DEFAULT PRIVILEGES FOR ROLE tenantry_owner GRANT SELECT, INSERT ON TABLES TO PUBLIC',
    finds: ['T26 default privileges of tenantry_owner'],
  },
  {
    name: 'T27 a privileged function without a search_path',
    sql: "CREATE FUNCTION now_as_owner() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT now()'",
    finds: ['T27 public.now_as_owner()'],
  },
  {
    name: 'T27 a schema on the path in which every role may create objects',
    sql: 'GRANT CREATE ON SCHEMA public TO PUBLIC',
    finds: ['T27 schema public'],
  },
  {
    name: 'T29 a column that one schema did not get, and a policy that only one has',
    sql: schemas(`ALTER TABLE globex.orders DROP COLUMN total`),
    finds: ['T29 schema globex'],
  },
  {
    name: 'T30 a table without an index for its tenant',
    sql: `${NOTES} ALTER TABLE notes DROP CONSTRAINT notes_pkey, ADD PRIMARY KEY (id, tenant_id)`,
    finds: ['T30 public.notes'],
  },
  {
    name: 'T31 a setting outside a sub-select',
    sql: notesWith(`p ON notes USING (tenant_id = nullif(${SETTING}, '')::uuid)`),
    finds: ['T31 public.notes.p'],
  },
  {
    name: 'T31 a function that reads it',
    sql: notesWith('p ON notes USING (tenant_id = tenantry.current_tenant())'),
    finds: ['T31 public.notes.p'],
  },
  {
    name: 'T32 no policy for a role that may use the table',
    sql: `${NOTES} DROP POLICY tenant_isolation ON notes`,
    finds: ['T32 public.notes'],
  },
  {
    name: 'T32 a policy without an expression',
    sql: notesWith('p ON notes FOR SELECT'),
    finds: ['T32 public.notes'],
  },
  {
    name: 'T32 a policy for another role only',
    sql: notesWith(`p ON notes TO tenantry_owner USING ${OURS}`),
    finds: ['T32 public.notes'],
  },
  {
    name: 'T33 a function declared LEAKPROOF',
    sql: "CREATE FUNCTION same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT $1 = $2'",
    finds: ['T33 public.same(text, text)'],
  },
  {
    name: 'T34 the same policy twice',
    sql: `${NOTES} CREATE POLICY again ON notes FOR SELECT USING ${OURS}`,
    finds: ['T34 public.notes.again'],
  },
];

const SOUND: readonly Case[] = [
  { name: 'the database as it is', sql: 'SELECT' },
  { name: 'T20 partitions that are reached through their table', sql: PARTITIONS },
  {
    name: 'T20 a partition with row-level security of its own',
    sql: `${PARTITIONS} ALTER TABLE notes_0 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; GRANT SELECT ON notes_0 TO tenantry_app`,
  },
  {
    name: 'T21 a list of members that the application may not write',
    sql: `${BY_MEMBERS} GRANT SELECT ON team TO tenantry_app`,
  },
  {
    name: 'T22 rows of the system’s tenant that every tenant may read, and a policy for a role',
    sql: `${NOTES} CREATE POLICY templates ON notes FOR SELECT USING (tenant_id = '00000000-0000-7000-8000-000000000000');
      CREATE POLICY maintenance ON notes USING (CURRENT_USER = 'tenantry_owner' AND tenant_id = ${TENANT})`,
  },
  {
    name: 'T22 a pattern that searches',
    sql: notesWith(`p ON notes USING (tenant_id = ${TENANT} AND body NOT LIKE 'secret%')`),
  },
  {
    name: 'T23 a second setting that is not the tenant',
    sql: notesWith(
      `p ON notes USING (tenant_id = ${TENANT} AND body = (SELECT current_setting('app.folder', true)))`,
    ),
  },
  {
    name: 'T24 NULLIF, and a cast to text',
    sql: notesWith(
      `p ON notes USING (tenant_id::text = (SELECT ${SETTING}::text) AND tenant_id = ${TENANT})`,
    ),
  },
  {
    name: 'T25 a published table with a filter, and one without tenants',
    sql: `CREATE TABLE units (code text PRIMARY KEY); COMMENT ON TABLE units IS '@tenancy shared: reference data';
      CREATE PUBLICATION changes FOR TABLE units, memberships WHERE (tenant_id = '00000000-0000-7000-8000-000000000000')`,
  },
  {
    name: 'T26 future tables for the operator, future functions, and another schema',
    sql: `ALTER DEFAULT PRIVILEGES FOR ROLE tenantry_owner IN SCHEMA public GRANT SELECT ON TABLES TO tenantry_operator;
      ALTER DEFAULT PRIVILEGES FOR ROLE tenantry_owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO tenantry_app;
      CREATE SCHEMA elsewhere; ALTER DEFAULT PRIVILEGES FOR ROLE tenantry_owner IN SCHEMA elsewhere GRANT SELECT ON TABLES TO tenantry_app`,
  },
  {
    name: 'T27 a pinned path, a parsed body, a function that no role may execute, one that runs as its caller',
    sql: `CREATE FUNCTION a() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT 1';
      CREATE FUNCTION b() RETURNS int LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT 1; END;
      CREATE FUNCTION c() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; REVOKE ALL ON FUNCTION c() FROM PUBLIC;
      CREATE FUNCTION d() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
  },
  {
    name: 'T27 a schema that is on no role’s path',
    sql: 'CREATE SCHEMA drafts; GRANT CREATE, USAGE ON SCHEMA drafts TO tenantry_app',
  },
  { name: 'T29 schemas that are alike', sql: schemas() },
  {
    name: 'T29 a table and its archive',
    sql: 'CREATE SCHEMA now; CREATE SCHEMA past; CREATE TABLE now.a (); CREATE TABLE now.b (); CREATE TABLE past.a (x int); CREATE TABLE past.b ()',
  },
  {
    name: 'T30 a separate index, and a small table',
    sql: `${NOTES} ALTER TABLE notes DROP CONSTRAINT notes_pkey, ADD PRIMARY KEY (id, tenant_id); CREATE INDEX ON notes (tenant_id);
      CREATE TABLE few (tenant_id uuid NOT NULL REFERENCES tenants, id uuid NOT NULL, PRIMARY KEY (id, tenant_id));
      SELECT tenantry.isolation_predicate('tenant_id'); ALTER TABLE few ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY p ON few USING ${OURS}; INSERT INTO few SELECT id, id FROM tenants; ANALYZE few`,
  },
  {
    name: 'T31 a function of the row, for which a sub-select is not possible',
    sql: `CREATE FUNCTION mine(t uuid) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT t = ${TENANT} $$;
      ${notesWith('p ON notes USING (public.mine(tenant_id))')}`,
  },
  {
    name: 'T32 no policy on a table that no role may use',
    sql: `${NOTES} DROP POLICY tenant_isolation ON notes; REVOKE ALL ON notes FROM tenantry_app`,
  },
  {
    name: 'T33 a function that is not LEAKPROOF',
    sql: "CREATE FUNCTION same(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
  },
  {
    name: 'T34 policies that say different things, or nothing',
    sql: `${NOTES} CREATE POLICY a ON notes FOR UPDATE; CREATE POLICY b ON notes FOR UPDATE; CREATE POLICY shared ON notes FOR SELECT USING (body = 'public' AND ${OURS}); CREATE POLICY owner ON notes TO tenantry_owner USING (body <> '' AND ${OURS})`,
  },
];

test.each(BROKEN)('finds $name', async ({ sql, finds }) => {
  expect(linesOf(await database.after(sql, APP))).toEqual(finds);
});

test.each(SOUND)('does not flag $name', async ({ sql }) => {
  expect(linesOf(await database.after(sql, APP))).toEqual([]);
});

test('T29 says what a schema lacks, and that it reads no registry', async () => {
  const report = await database.after(
    schemas(
      'ALTER TABLE globex.orders DROP COLUMN total; ALTER TABLE acme.lines ENABLE ROW LEVEL SECURITY; CREATE SCHEMA umbrella; CREATE TABLE umbrella.orders (LIKE initech.orders INCLUDING ALL); CREATE TABLE umbrella.lines (id uuid PRIMARY KEY, order_id uuid NOT NULL REFERENCES umbrella.orders)',
    ),
    APP,
  );
  expect(report.findings.map(({ object, evidence }) => [object, evidence])).toEqual([
    ['schema acme', expect.stringContaining('it has row-level security on lines')],
    ['schema globex', expect.stringContaining('it lacks column orders.total numeric not null')],
  ]);
  expect(report.notChecked).toContainEqual(expect.objectContaining({ rule: 'T29' }));
});

test('T35 a role without a limit; not one with a setting, nor one whose login or server has it', async () => {
  const role = `CREATE ROLE shop LOGIN; GRANT SELECT, INSERT ON memberships TO shop;`;
  const shop = { appRoles: ['shop'] };
  expect(linesOf(await database.after(role, shop))).toEqual(['T35 role shop']);
  for (const more of [
    "ALTER ROLE shop SET statement_timeout = '5s'",
    "CREATE ROLE door LOGIN NOINHERIT; GRANT shop TO door; ALTER ROLE door SET statement_timeout = '5s'",
    `CREATE FUNCTION enter() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET LOCAL statement_timeout = '5s'; END $$`,
  ]) {
    expect(linesOf(await database.after(`${role} ${more}`, shop))).toEqual([]);
  }
  expect(linesOf(await database.after(`${role} ALTER ROLE shop SET statement_timeout = 0`, shop))).toEqual([
    'T35 role shop',
  ]);
});

test('T35 sets the limit of the login, where the role has none of its own', async () => {
  const { findings } = await database.after(
    'CREATE ROLE visitor; CREATE ROLE door LOGIN NOINHERIT; GRANT visitor TO door; GRANT SELECT, INSERT ON memberships TO visitor',
    { appRoles: ['visitor'] },
  );
  expect(findings.map(({ fix }) => fix)).toEqual(["ALTER ROLE door SET statement_timeout = '30s';"]);
});

/** Reads the catalog after these statements. The tests give the server's version separately. */
async function catalogOf(sql: string): Promise<Catalog> {
  const client = new pg.Client({ connectionString: plain().superuser });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query(sql);
    return await readCatalog(client);
  } finally {
    await client.end();
  }
}

test('T28 a server without the fixes, where they matter', async () => {
  const found = (catalog: Catalog, version: number): string[] => {
    const old = { ...catalog, server: { ...catalog.server, version } };
    const { settings } = detectSettings(old, APP);
    return serverLacksFixes.check(old, settings).map(({ object }) => object);
  };
  const ours = await catalogOf('SELECT');
  expect(found(ours, 170_005)).toEqual(['CVE-2025-8713']);
  expect(found(ours, 170_000)).toEqual(['CVE-2025-8713', 'CVE-2024-10976']);
  expect(found(ours, 110_022)).toEqual(['CVE-2025-8713', 'CVE-2024-10976']);
  for (const version of [180_000, 180_004, 170_006, 160_010, 150_014, 190_000])
    expect(found(ours, version)).toEqual([]);

  // A unique key without the tenant lets an attacker's row conflict with a hidden row of another tenant.
  const open = await catalogOf(`${NOTES} ALTER TABLE notes ADD UNIQUE (body)`);
  expect(found(open, 180_006)).toEqual(['CVE-2026-120154']);
  expect(found(open, 150_019)).toEqual(['CVE-2026-120154']);
  for (const version of [180_007, 170_012, 160_016, 150_020, 190_000])
    expect(found(open, version)).toEqual([]);
});

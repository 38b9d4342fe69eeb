/**
 * The live probes: they find every way in which another tenant's rows are readable, and report nothing that only looks
 * like one.
 */
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectSettings } from '../src/detect-settings.js';
import { probeDatabase, type ProbeOptions, type ProbeReport } from '../src/probes/probe.js';
import { readCatalog } from '../src/read-catalog.js';
import { withClient, withDatabase as onDatabase } from '../../../src/kernel/database/owner-connection.js';
import { useDatabase } from '../../../test/support/database.js';

const database = useDatabase();

/** What a probe may take on a busy machine: one that takes longer is not counted. */
const PATIENT_MS = 60_000;

/** Audits the current database. Settings that are not given are detected. */
async function probe(options: Partial<ProbeOptions> = {}): Promise<ProbeReport> {
  const url = options.url ?? database().superuser;
  return withClient(url, async (client) => {
    await client.query('BEGIN');
    const catalog = await readCatalog(client);
    await client.query('ROLLBACK');
    const { settings } = detectSettings(catalog, { appRoles: ['tenantry_app'], sharedTables: ['colours'] });
    return probeDatabase({ catalog, settings, url, timeoutMs: PATIENT_MS, ...options });
  });
}

const found = ({ findings }: ProbeReport): string[] =>
  [...new Set(findings.map(({ rule, object }) => `${rule.id} ${object}`))].sort();

/** A tenant table with two rows for each tenant, in the schema `probed`. */
const tenantTable = (name: string): string => `
  CREATE TABLE probed.${name} (
    tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES tenants (id),
    id uuid NOT NULL DEFAULT tenantry.uuid_v7(), title text NOT NULL DEFAULT 'confidential', PRIMARY KEY (tenant_id, id)
  );
  INSERT INTO probed.${name} (tenant_id) SELECT id FROM tenants, generate_series(1, 2);
  GRANT SELECT, INSERT ON probed.${name} TO tenantry_app;`;

const withPolicy = (name: string, policy: string): string =>
  `${tenantTable(name)} ALTER TABLE probed.${name} ENABLE ROW LEVEL SECURITY;
   CREATE POLICY tenant_isolation ON probed.${name} USING (${policy});`;

const SETTING = "current_setting('app.current_tenant', true)";

const SCHEMA = `
  CREATE SCHEMA probed;
  GRANT USAGE ON SCHEMA probed TO tenantry_app;
  ${withPolicy('held', 'tenant_id = (SELECT tenantry.current_tenant())')}
  CREATE TABLE probed.colours (id int PRIMARY KEY, owner uuid);
  CREATE TABLE probed.sizes (id int PRIMARY KEY, title text);
  INSERT INTO probed.sizes VALUES (1, 'large');
  GRANT SELECT ON probed.colours, probed.sizes TO tenantry_app;
  CREATE VIEW probed.held_invoker WITH (security_invoker = true) AS SELECT * FROM probed.held;
  CREATE VIEW probed.held_denied AS SELECT * FROM probed.held;
  GRANT SELECT ON probed.held_invoker TO tenantry_app;
  CREATE FUNCTION probed.invoker() RETURNS SETOF probed.held LANGUAGE sql STABLE AS 'SELECT * FROM probed.held';
  CREATE FUNCTION probed.definer_bound() RETURNS SETOF probed.held LANGUAGE sql SECURITY DEFINER
    AS 'SELECT * FROM probed.held WHERE tenant_id = tenantry.current_tenant()';
  CREATE FUNCTION probed.echo(tenant uuid) RETURNS TABLE (tenant_id uuid, name text) LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT id, ''x'' FROM public.tenants WHERE id = tenant';
  CREATE FUNCTION probed.writes() RETURNS SETOF probed.held LANGUAGE sql VOLATILE SECURITY DEFINER
    AS 'INSERT INTO probed.held DEFAULT VALUES RETURNING *';
  CREATE FUNCTION probed.sleeps() RETURNS SETOF probed.held LANGUAGE sql VOLATILE SECURITY DEFINER
    AS 'SELECT pg_sleep(60); SELECT * FROM probed.held';
  CREATE FUNCTION probed.takes_point(p point) RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';`;

const BROKEN = `
  ${tenantTable('open')}
  ${withPolicy('when_unset', `${SETTING} IS NULL OR ${SETTING} = '' OR tenant_id::text = ${SETTING}`)}
  ${withPolicy('pattern', `tenant_id::text LIKE ${SETTING}`)}
  CREATE FUNCTION probed.frozen_tenant() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ${SETTING} $$;
  ${withPolicy('frozen', 'tenant_id::text = probed.frozen_tenant()')}
  CREATE TABLE probed.parted (LIKE probed.held) PARTITION BY LIST (title);
  CREATE TABLE probed.parted_child PARTITION OF probed.parted FOR VALUES IN ('confidential');
  INSERT INTO probed.parted SELECT * FROM probed.held;
  ALTER TABLE probed.parted ENABLE ROW LEVEL SECURITY;
  CREATE POLICY tenant_isolation ON probed.parted USING (tenant_id = tenantry.current_tenant());
  GRANT SELECT ON probed.parted, probed.parted_child TO tenantry_app;
  CREATE VIEW probed.held_definer AS SELECT * FROM probed.held;
  CREATE VIEW probed.held_titles AS SELECT id AS note, title FROM probed.held;
  CREATE MATERIALIZED VIEW probed.held_copy AS SELECT * FROM probed.held;
  GRANT SELECT ON probed.held_definer, probed.held_titles, probed.held_copy TO tenantry_app;
  CREATE FUNCTION probed.everything() RETURNS SETOF probed.held LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM probed.held';
  CREATE FUNCTION probed.ids_of(tenant uuid) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT id FROM probed.held WHERE tenant_id = tenant';
  CREATE FUNCTION probed.by_id(note uuid) RETURNS probed.held LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT * FROM probed.held WHERE id = note';
  CREATE FUNCTION probed.searched(term text, most integer DEFAULT 5) RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT jsonb_agg(to_jsonb(h)) FROM probed.held h WHERE title LIKE ''%'' || term || ''%''';`;

/** The reasons why objects were not probed, by object. */
const reasons = ({ notChecked }: ProbeReport): Record<string, string> =>
  Object.fromEntries(notChecked.map(({ object, reason }) => [object, reason]));

describe('a database that isolates', () => {
  let report: ProbeReport;
  beforeAll(async () => {
    await database().asSuperuser(SCHEMA);
    report = await probe();
  });

  it('has no findings in Tenantry’s own schema or in the rest', () => {
    expect(report.findings).toEqual([]);
    expect(report.relations).toBeGreaterThan(8);
    expect(report.functions).toBeGreaterThan(8);
    expect(report.tenants).toHaveLength(2);
  });

  it('reports what could not be probed, and which probes prove nothing', () => {
    expect(reasons(report)).toMatchObject({
      'probed.colours': 'it is declared to be meant for all tenants',
      'probed.writes()': 'it writes, which a probe does not let it',
      'probed.sleeps()': 'it does what a rollback does not take back',
      'probed.takes_point(p point)': 'no values are known for its arguments (point)',
      'public.api_keys': 'no other tenant has a row in it, so that none could have been shown',
    });
    expect(Object.keys(reasons(report))).not.toContain('every relation');
  });

  it('is probed as the application: what the application may not read is not probed', () => {
    expect(Object.keys(reasons(report))).not.toContain('probed.held_denied');
  });

  it('is not changed by the probes', async () => {
    expect(await database().asSuperuser('SELECT count(*)::int AS rows FROM probed.held')).toEqual([
      { rows: 4 },
    ]);
  });

  it('is reported as not probed when binding a tenant fails or has no effect', async () => {
    const wrong = async (client: pg.ClientBase): Promise<void> => {
      await client.query('SELECT 1');
    };
    expect(reasons(await probe({ bind: wrong }))['every relation']).toContain(
      'perhaps a tenant is bound in another way',
    );
    const failing = async (client: pg.ClientBase): Promise<void> => {
      await client.query('SELECT 1/0');
    };
    expect(reasons(await probe({ bind: failing }))['every relation and function']).toContain(
      'division by zero',
    );
  });
});

describe('a database that does not isolate', () => {
  beforeAll(async () => {
    await database().asSuperuser(BROKEN);
  });

  const expected = [
    ...['held_copy', 'held_definer', 'held_titles', 'open', 'parted_child'].map(
      (name) => `P01 probed.${name}`,
    ),
    'P02 probed.by_id(note uuid)',
    'P02 probed.everything()',
    'P02 probed.ids_of(tenant uuid)',
    'P02 probed.searched(term text, most integer)',
    ...['held_copy', 'held_definer', 'open', 'parted_child', 'when_unset'].map(
      (name) => `P03 probed.${name}`,
    ),
    'P04 probed.pattern',
    'P05 probed.frozen',
  ];

  it('has findings at each leak, and nowhere else', async () => {
    expect(found(await probe())).toEqual(expected);
  });

  it('has the same findings through the application’s own login', async () => {
    const report = await probe({ applicationUrl: database().app });
    expect(found(report)).toEqual(expected);
    const acme = await database().tenantId('acme');
    const globex = await database().tenantId('globex');
    const evidence = report.findings.find(
      ({ object, rule }) => rule.id === 'P01' && object === 'probed.open',
    )?.evidence;
    expect(evidence).toContain('shows 2 rows of tenant');
    expect([acme, globex].filter((id) => evidence?.includes(id))).toHaveLength(2);
    // The report contains ids of tenants, but never the content of a row.
    expect(JSON.stringify(report)).not.toContain('confidential');
  });

  it('has a finding when a session keeps its tenant after COMMIT', async () => {
    const report = await probe({
      bind: async (client, tenant) => {
        await client.query("SELECT set_config('app.current_tenant', $1, false)", [tenant]);
      },
    });
    expect(found(report)).toContain('P06 app.current_tenant');
  });
});

describe('a database of another product', () => {
  const name = `foreign_${randomBytes(6).toString('hex')}`;
  const url = (): string => onDatabase(database().superuser, name);

  beforeAll(async () => {
    await database().asSuperuser(`CREATE DATABASE ${name}`);
  });
  afterAll(async () => {
    await database().asSuperuser(`DROP DATABASE ${name}`);
  });

  /**
   * A schema with integer ids for accounts, as many applications have, and a policy that reads the account's id from
   * `source`.
   */
  const schema = (source: string): string => `
    DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO tenantry_app;
    CREATE TABLE accounts (id int PRIMARY KEY);
    CREATE TABLE orders (id int PRIMARY KEY, account_id int NOT NULL REFERENCES accounts);
    CREATE TABLE refunds (id int PRIMARY KEY, account_id int NOT NULL REFERENCES accounts);
    INSERT INTO accounts VALUES (1), (2), (3);
    INSERT INTO orders SELECT n, 1 + n % 3 FROM generate_series(1, 2000) n;
    INSERT INTO refunds SELECT n, 1 + n % 3 FROM generate_series(1, 2000) n;
    ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
    ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON orders USING (account_id = ${source});
    CREATE POLICY own ON accounts USING (id = ${source});
    GRANT SELECT, INSERT ON accounts, orders, refunds TO tenantry_app;
    CREATE FUNCTION orders_of(account int) RETURNS SETOF orders LANGUAGE sql SECURITY DEFINER
      AS 'SELECT * FROM public.orders WHERE account_id = account';`;

  it.each([
    ['a setting', "(SELECT nullif(current_setting('app.account_id', true), '')::int)"],
    [
      'the claims of a token',
      "(SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'account_id')::int)",
    ],
  ])('is bound by %s', async (_how, source) => {
    await withClient(url(), (client) => client.query(schema(source)));
    const report = await probe({ url: url() });
    expect(found(report)).toEqual([
      'P01 public.refunds',
      'P02 public.orders_of(account integer)',
      'P03 public.refunds',
    ]);
    expect(report.findings[0]?.evidence).toContain('at least 1000 rows');
    expect(Object.keys(reasons(report))).not.toContain('every relation');
  });
});

/** Proves that `--citus` finds what Citus refuses, and nothing in a database that has the form which works there. */
import { expect, test } from 'vitest';
import { auditCatalog } from '../src/audit.js';
import { connected } from '../../../test/support/demo-tenants.js';
import { useDatabase } from '../../../test/support/database.js';
import { usePlainDatabase } from './plain-database.js';

const plain = usePlainDatabase();
const own = useDatabase();

/** The form that worked in the trial of docs/citus.md. */
const READY = `
  CREATE ROLE shop_owner BYPASSRLS NOLOGIN;
  CREATE ROLE shop_app LOGIN;
  ALTER ROLE shop_app SET citus.propagate_set_commands = 'local';
  CREATE TABLE organizations (id uuid PRIMARY KEY, name text);
  CREATE TABLE orders (
    organization_id uuid NOT NULL REFERENCES organizations, id uuid, note text, PRIMARY KEY (organization_id, id)
  );
  CREATE TABLE lines (
    organization_id uuid NOT NULL REFERENCES organizations, id uuid, order_id uuid,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT of_order FOREIGN KEY (organization_id, order_id) REFERENCES orders ON DELETE CASCADE
  );
  CREATE TABLE countries (code text PRIMARY KEY);
  ALTER TABLE organizations OWNER TO shop_owner;
  ALTER TABLE orders OWNER TO shop_owner;
  ALTER TABLE lines OWNER TO shop_owner;
  ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  ALTER TABLE lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY own ON orders USING (organization_id::text = current_setting('app.org', true));
  CREATE POLICY own ON lines USING (organization_id::text = current_setting('app.org', true));
  CREATE FUNCTION set_tenant(tenant uuid) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE format('SET LOCAL app.org = %L', tenant); END $$;
  GRANT SELECT, INSERT, UPDATE, DELETE ON organizations, orders, lines TO shop_app;`;

const GIVEN = {
  tenantColumns: ['organization_id'],
  tenantsTable: 'public.organizations',
  appRoles: ['shop_app'],
};

/** The findings of these rules after the statements. */
const found = (sql: string, citus = true): Promise<string[]> =>
  plain.broken(async (client) => {
    await client.query(sql);
    const { report } = await auditCatalog(client, GIVEN, { citus });
    return report.findings.flatMap(({ rule, object }) =>
      rule.id.startsWith('C') ? [`${rule.id} ${object}`] : [],
    );
  });

test('nothing is found in the form that works', async () => {
  expect(await found(READY)).toEqual([]);
});

test.each([
  [
    'a policy with a sub-select',
    `DROP POLICY own ON orders;
     CREATE POLICY own ON orders USING (organization_id = (SELECT current_setting('app.org', true)::uuid))`,
    ['C01 public.orders.own'],
  ],
  [
    'a policy whose text has the word in a literal',
    `ALTER POLICY own ON orders USING (organization_id::text = current_setting('app.org', true) AND note <> 'SELECT')`,
    [],
  ],
  [
    'a unique key without the tenant',
    'CREATE UNIQUE INDEX by_note ON orders (note)',
    ['C02 public.orders.by_note'],
  ],
  [
    'a unique key that does not begin with the tenant',
    'CREATE UNIQUE INDEX by_note ON orders (note, organization_id)',
    [],
  ],
  [
    'a foreign key that does not pair the tenants',
    'ALTER TABLE orders ADD UNIQUE (organization_id, note); CREATE UNIQUE INDEX by_id ON orders (id); ALTER TABLE lines ADD CONSTRAINT by_id FOREIGN KEY (order_id) REFERENCES orders (id)',
    ['C02 public.orders.by_id', 'C03 public.lines.by_id'],
  ],
  [
    'a foreign key that would change the tenant',
    'ALTER TABLE lines DROP CONSTRAINT of_order, ADD CONSTRAINT of_order FOREIGN KEY (organization_id, order_id) REFERENCES orders ON DELETE SET NULL',
    ['C03 public.lines.of_order'],
  ],
  [
    'a foreign key that changes only the reference',
    'ALTER TABLE lines DROP CONSTRAINT of_order, ADD CONSTRAINT of_order FOREIGN KEY (organization_id, order_id) REFERENCES orders ON DELETE SET NULL (order_id)',
    [],
  ],
  [
    'a table without tenants that refers to one with tenants',
    'ALTER TABLE countries ADD COLUMN organization uuid, ADD COLUMN best uuid, ADD CONSTRAINT best FOREIGN KEY (organization, best) REFERENCES orders',
    ['C03 public.countries.best'],
  ],
  [
    'a trigger',
    `CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
     CREATE TRIGGER noted BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note()`,
    ['C04 public.orders'],
  ],
  [
    'a binding with set_config',
    `CREATE FUNCTION bind(tenant text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('app.org', tenant, true) $$`,
    ['C05 public.bind(tenant text)'],
  ],
  [
    'set_config of another setting',
    `CREATE FUNCTION patient() RETURNS text LANGUAGE sql AS $$ SELECT set_config('lock_timeout', '1s', true) $$`,
    [],
  ],
  [
    'a role whose settings do not reach the workers',
    `ALTER ROLE shop_app SET citus.propagate_set_commands = 'none'`,
    ['C06 shop_app'],
  ],
  ['an owner whom the policies hold', 'ALTER ROLE shop_owner NOBYPASSRLS', ['C07 shop_owner']],
])('%s', async (_what, sql, expected) => {
  expect(await found(`${READY}; ${sql}`)).toEqual(expected);
});

test('without the option nothing of it is said', async () => {
  expect(await found(`${READY}; ALTER ROLE shop_owner NOBYPASSRLS`, false)).toEqual([]);
});

test('Tenantry’s own database has what docs/citus.md names, and is proved as without the option', async () => {
  await connected(own().superuser, async (client) => {
    await client.query('BEGIN READ ONLY');
    const given = { appRoles: ['tenantry_app'] };
    const { report } = await auditCatalog(client, given, { citus: true });
    const { report: without } = await auditCatalog(client, given);
    const ids = new Set(report.findings.map(({ rule }) => rule.id).filter((id) => id.startsWith('C')));
    expect([...ids].sort()).toEqual(['C01', 'C04', 'C05', 'C06', 'C07']);
    expect(report.proved).toEqual(without.proved);
    expect(report.findings.filter(({ rule }) => !rule.id.startsWith('C'))).toEqual(without.findings);
  });
});

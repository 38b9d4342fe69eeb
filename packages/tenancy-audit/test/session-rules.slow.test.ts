/**
 * The rules T36 to T38 of the tenancy audit: what the application's sessions can leave behind, and their settings at
 * the start.
 */
import { expect, test } from 'vitest';
import { linesOf, useAuditedDatabase } from './audited-database.js';

const database = useAuditedDatabase();
const name = () => database.clone().name;

/** A role of another application, for which none of Tenantry's settings hold. */
const SHOP =
  "CREATE ROLE shop LOGIN; ALTER ROLE shop SET statement_timeout = '5s'; GRANT SELECT, INSERT ON memberships TO shop;";
const shop = { appRoles: ['shop'] };
const found = async (sql: string) => database.after(`${SHOP} ${sql.replaceAll('$db', name())}`, shop);

test.each([
  ['everybody', 'GRANT TEMPORARY ON DATABASE $db TO PUBLIC', 'PUBLIC'],
  ['the application', 'GRANT TEMPORARY ON DATABASE $db TO shop', 'shop'],
  [
    'a group of it',
    'CREATE ROLE staff; GRANT staff TO shop; GRANT TEMPORARY ON DATABASE $db TO staff',
    'staff',
  ],
])('T36 temporary tables granted to %s', async (_, sql, grantee) => {
  const report = await found(sql);
  expect(linesOf(report)).toEqual([`T36 database ${name()}`]);
  const [finding] = report.findings.filter(({ rule }) => rule.id === 'T36');
  expect(finding!.fix).toBe(`REVOKE TEMPORARY ON DATABASE ${name()} FROM ${grantee};`);
  expect(linesOf(await found(`${sql}; ${finding!.fix!}`))).toEqual([]);
});

test('T36 not where only other roles may create them', async () => {
  expect(
    linesOf(await found('CREATE ROLE loader; GRANT TEMPORARY ON DATABASE $db TO loader, tenantry_owner')),
  ).toEqual([]);
});

/** `shop` cannot execute `tenantry.bind`, which would set the time zone to UTC. */
const BERLIN = "ALTER DATABASE $db SET TimeZone = 'Europe/Berlin';";

test('T37 a local time zone in a database that Prisma writes to', async () => {
  const report = await found(BERLIN);
  expect(linesOf(report)).toEqual(['T37 role shop']);
  const { evidence, fix } = report.findings.find(({ rule }) => rule.id === 'T37')!;
  expect(evidence).toBe(
    `TimeZone is Europe/Berlin (of ${name()}); Prisma’s adapter for PostgreSQL writes times without their zone into columns that have one`,
  );
  expect(fix).toBe("ALTER ROLE shop SET TimeZone = 'UTC';");
  expect(linesOf(await found(`${BERLIN} ${fix!}`))).toEqual([]);
});

test('T37 a local time zone where the database fills a column without one', async () => {
  const report = await found(
    `${BERLIN} DROP TABLE _prisma_migrations; ALTER TABLE memberships ADD COLUMN seen timestamp NOT NULL DEFAULT now()`,
  );
  expect(linesOf(report)).toEqual(['T37 role shop']);
  expect(report.findings.find(({ rule }) => rule.id === 'T37')!.evidence).toContain(
    'public.memberships.seen',
  );
});

test.each([
  ['nobody writes times without a zone', `${BERLIN} DROP TABLE _prisma_migrations`],
  ['the zone is UTC by another name', "ALTER DATABASE $db SET TimeZone = 'Etc/UTC'"],
  ['the role has another default', `${BERLIN} ALTER ROLE shop SET TimeZone = 'UTC'`],
  ['the role has another default here', `${BERLIN} ALTER ROLE shop IN DATABASE $db SET TimeZone = 'GMT'`],
  [
    'a function that it binds with sets it',
    `${BERLIN} CREATE FUNCTION enter() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET LOCAL TimeZone = 'UTC'; END $$`,
  ],
])('T37 not where %s', async (_, sql) => {
  expect(linesOf(await found(sql))).toEqual([]);
});

test('T37 fixes the setting that takes precedence, and the login when the role has none', async () => {
  const inDatabase = await found("ALTER ROLE shop IN DATABASE $db SET TimeZone = 'Asia/Tokyo'");
  expect(inDatabase.findings.find(({ rule }) => rule.id === 'T37')!.fix).toBe(
    `ALTER ROLE shop IN DATABASE ${name()} SET TimeZone = 'UTC';`,
  );
  const { findings } = await database.after(
    `CREATE ROLE visitor; CREATE ROLE door LOGIN NOINHERIT; GRANT visitor TO door;
     GRANT SELECT, INSERT ON memberships TO visitor;
     ALTER ROLE door SET statement_timeout = '5s'; ALTER ROLE door SET TimeZone = 'Asia/Tokyo'`,
    { appRoles: ['visitor'] },
  );
  expect(findings.map(({ fix }) => fix)).toContain("ALTER ROLE door SET TimeZone = 'UTC';");
});

test('T38 another date style, but not another order of day and month', async () => {
  const report = await found("ALTER ROLE shop SET DateStyle = 'German, DMY'");
  expect(linesOf(report)).toEqual(['T38 role shop']);
  expect(report.findings.find(({ rule }) => rule.id === 'T38')!.fix).toBe(
    "ALTER ROLE shop SET DateStyle = 'ISO, MDY';",
  );
  expect(linesOf(await found("ALTER ROLE shop SET DateStyle = 'ISO, DMY'"))).toEqual([]);
});

test('our own database has none of these findings, nor has one with a search index', async () => {
  const ours = { appRoles: ['tenantry_app'] };
  const hostile = `ALTER DATABASE ${name()} SET TimeZone = 'Europe/Berlin'; ALTER DATABASE ${name()} SET DateStyle = 'German';`;
  expect(linesOf(await database.after(hostile, ours))).toEqual([]);
  const searched = `
    CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin;
    CREATE TABLE public.notes (
      tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES tenants, id uuid NOT NULL, body text,
      PRIMARY KEY (tenant_id, id));
    SELECT tenantry.isolate('public.notes');
    ALTER TABLE public.notes OWNER TO tenantry_owner;
    SET LOCAL ROLE tenantry_owner;
    SELECT tenantry.make_searchable('public.notes');
    SELECT tenantry.index_search('public.notes', 'body');
    RESET ROLE`;
  expect(linesOf(await database.after(searched, ours))).toEqual([]);
});

/**
 * Policies that decide by who is connected, judged for the application's roles, and policies that fall back to a
 * tenant when none is bound.
 */
import { expect, test } from 'vitest';
import { linesOf } from './audited-database.js';
import { ORG, OWN, SHOP, usePlainDatabase } from './plain-database.js';

const database = usePlainDatabase();

/** What the rules about open policies find, with this policy on `orders`. */
const findsWith = async (using: string, before = '', given = {}): Promise<readonly string[]> => {
  const report = await database.after(
    `${SHOP} ${before} CREATE POLICY own ON orders USING (${using});`,
    given,
  );
  return linesOf(report).filter((line) => /^T(04|05|06|10)/.test(line));
};

const OPEN = ['T04 public.orders.own'];
const DEFAULT = ['T10 public.orders.own'];
const ACME = "'00000000-0000-4000-8000-00000000000a'";

test.each([
  ['current_user', "current_user = 'shop_app'"],
  ['user', "user = 'shop_app'"],
  ['session_user', "session_user = 'shop_app'"],
  ['a cast', "current_user::text = 'shop_app'"],
  ['a list of roles', "current_user IN ('shop_app', 'reporting')"],
  ['no list of roles', "current_user NOT IN ('auditor', 'reporting')"],
  ['a pattern', "current_user LIKE 'shop\\_%'"],
  ['another alternative', `${OWN} OR current_user = 'shop_app'`],
  ['pg_has_role', "pg_has_role(current_user, 'shop_app', 'MEMBER')"],
  ['pg_has_role of a group', "pg_has_role('staff', 'USAGE')"],
  ['pg_has_role of a group beside the tenant', `${OWN} OR pg_has_role(session_user, 'staff', 'member')`],
  ['a role that is not the audience of an exception', "NOT (current_user = 'postgres')"],
  ['not a superuser', "current_setting('is_superuser') = 'off'"],
  ['a function', 'public.is_app()'],
])('opens by the role: %s', async (_, using) => {
  const roles = `CREATE ROLE staff; GRANT staff TO shop_app;
    CREATE FUNCTION is_app() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT current_user = 'shop_app' $$;`;
  expect(await findsWith(using, roles)).toEqual(OPEN);
  expect(await findsWith(using, roles, { appRoles: ['shop_app'] })).toEqual(OPEN);
});

test.each([
  ['another role', `${OWN} OR current_user = 'postgres'`],
  ['other roles', `${OWN} OR current_user IN ('postgres', 'auditor')`],
  ['another login', `${OWN} OR session_user = 'auditor'`],
  ['a group of which it is no member', `${OWN} OR pg_has_role(current_user, 'staff', 'MEMBER')`],
  ['a superuser', `${OWN} OR current_setting('is_superuser') = 'on'`],
  ['the role and the tenant', `${OWN} AND current_user = 'shop_app'`],
  ['a role per tenant', 'organization_id::text = current_user'],
  ['the owner of a function', `${OWN} OR public.is_operator()`],
])('does not flag: %s', async (_, using) => {
  const roles = `CREATE ROLE staff;
    CREATE FUNCTION is_operator() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT current_user = 'operator' $$;`;
  expect(await findsWith(using, roles)).toEqual([]);
});

test('in a SECURITY DEFINER function current_user is the owner of the function', async () => {
  const define = (name: string): string =>
    `CREATE FUNCTION asks() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
       $$ SELECT current_user = '${name}' $$; CREATE ROLE keeper; ALTER FUNCTION asks() OWNER TO keeper;`;
  expect(await findsWith(`${OWN} OR public.asks()`, define('keeper'))).toEqual(OPEN);
  expect(await findsWith(`${OWN} OR public.asks()`, define('shop_app'))).toEqual([]);
});

test('a role that the login switches to is judged by its own name, and by that of the login', async () => {
  const gateway = `CREATE ROLE gateway LOGIN NOINHERIT; CREATE ROLE web NOLOGIN; GRANT web TO gateway;
    REVOKE ALL ON orders, organizations FROM shop_app; GRANT SELECT, INSERT, UPDATE ON orders, organizations TO web;`;
  expect(await findsWith("current_user = 'web'", gateway)).toEqual(OPEN);
  expect(await findsWith("session_user = 'gateway'", gateway)).toEqual(OPEN);
  expect(await findsWith(`${OWN} OR session_user = 'web'`, gateway)).toEqual([]);
});

test('only the roles that a policy opens for are named', async () => {
  const report = await database.after(`${SHOP} CREATE ROLE second_app LOGIN;
    GRANT SELECT, INSERT, UPDATE ON orders, organizations TO second_app;
    CREATE POLICY own ON orders USING (${OWN} OR current_user = 'second_app')`);
  const [finding] = report.findings.filter(({ rule }) => rule.id === 'T04');
  expect(finding?.evidence).toMatch(/ of second_app$/);
});

test.each([
  ['COALESCE', `organization_id = coalesce(${ORG}, ${ACME}::uuid)`],
  ['COALESCE of text', `organization_id::text = coalesce(current_setting('app.org', true), ${ACME})`],
  ['CASE', `organization_id = CASE WHEN ${ORG} IS NULL THEN ${ACME}::uuid ELSE ${ORG} END`],
  ['a function', 'organization_id = public.tenant()'],
  ['an alternative', `${OWN} OR (current_setting('app.org', true) IS NULL AND organization_id = ${ACME})`],
  ['a list', `organization_id IN (coalesce(${ORG}, ${ACME}::uuid))`],
])('finds a default tenant: %s', async (_, using) => {
  const define = `CREATE FUNCTION tenant() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT coalesce(${ORG}, ${ACME}::uuid) $$;`;
  expect(await findsWith(using, define)).toEqual(DEFAULT);
});

test.each([
  ['COALESCE with NULL', `organization_id = coalesce(${ORG}, NULL)`],
  [
    'COALESCE of two settings',
    `organization_id = coalesce(${ORG}, nullif(current_setting('app.old_org', true), '')::uuid)`,
  ],
  ['COALESCE with an empty text', "organization_id::text = coalesce(current_setting('app.org', true), '')"],
  ['a tenant whose rows all see', `${OWN} OR organization_id = ${ACME}`],
])('is no default tenant: %s', async (_, using) => {
  expect((await findsWith(using)).filter((line) => line.startsWith('T10'))).toEqual([]);
});

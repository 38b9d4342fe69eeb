/** Findings that were wrong in other people's databases, each beside one that is right. */
import { expect, test } from 'vitest';
import { linesOf } from './audited-database.js';
import { OWN, SHOP, SUPABASE, usePlainDatabase } from './plain-database.js';

const database = usePlainDatabase();

const findings = async (sql: string, rule: string): Promise<readonly string[]> =>
  linesOf(await database.after(sql)).filter((line) => line.startsWith(rule));

const GUARDED = `${SHOP} CREATE POLICY own ON orders USING (${OWN});`;
const definer = (body: string, args = '', language = 'sql'): string => `${GUARDED}
  CREATE TABLE members (organization_id uuid NOT NULL REFERENCES organizations, user_id text, PRIMARY KEY (organization_id, user_id));
  CREATE TABLE invitations (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations, token_hash text, email text);
  ALTER TABLE members ENABLE ROW LEVEL SECURITY; ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
  CREATE FUNCTION found(${args}) RETURNS SETOF orders LANGUAGE ${language} STABLE SECURITY DEFINER SET search_path = '' AS $$ ${body} $$;`;
const ME = "SELECT organization_id FROM public.members WHERE user_id = current_setting('app.user')";

test.each([
  [
    'a second WITH query',
    `WITH me AS (${ME}), mine AS (SELECT o.* FROM public.orders o JOIN me ON me.organization_id = o.organization_id) SELECT * FROM mine`,
  ],
  [
    'a third WITH query',
    `WITH me AS (${ME}), ids AS (SELECT organization_id FROM me), mine AS (SELECT * FROM public.orders o WHERE o.organization_id IN (SELECT i.organization_id FROM ids i)) SELECT * FROM mine`,
  ],
])('T09 follows the caller through %s', async (_, body) => {
  expect(await findings(definer(body), 'T09')).toEqual([]);
});

test('T09 finds a WITH query that is joined with nothing', async () => {
  const body = `WITH me AS (${ME}), all_orders AS (SELECT * FROM public.orders) SELECT o.* FROM all_orders o, me`;
  expect(await findings(definer(body), 'T09')).toEqual(['T09 public.found()']);
});

test('T09 takes a look-up by a secret for one in the statements that follow it too', async () => {
  const body = (condition: string): string => `DECLARE inv public.invitations; BEGIN
    SELECT * INTO inv FROM public.invitations i WHERE ${condition};
    RETURN QUERY SELECT * FROM public.orders o WHERE o.organization_id = inv.organization_id; END`;
  const args = 'p_token text';
  expect(
    await findings(
      definer(body("i.token_hash = encode(sha256(p_token::bytea), 'hex')"), args, 'plpgsql'),
      'T09',
    ),
  ).toEqual([]);
  expect(await findings(definer(body('i.email = p_token'), args, 'plpgsql'), 'T09')).toEqual([
    'T09 public.found(p_token text)',
  ]);
});

test('T09 proposes SECURITY INVOKER only where the function works as its caller', async () => {
  const fixOf = async (sql: string): Promise<string | undefined> =>
    (await database.after(sql)).findings.find(({ rule }) => rule.id === 'T09')?.fix;
  const open = definer('SELECT * FROM public.orders');
  expect(await fixOf(open)).toBe('ALTER ROUTINE public.found() SECURITY INVOKER;');
  // The caller may not read members, and a policy that calls the function would call itself.
  expect(await fixOf(definer('SELECT o.* FROM public.orders o, public.members m'))).toBeUndefined();
  expect(
    await fixOf(`${open} CREATE POLICY more ON orders USING (id IN (SELECT f.id FROM public.found() f))`),
  ).toBeUndefined();
});

const LINES = `${GUARDED}
  CREATE TABLE lines (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations, order_id uuid NOT NULL REFERENCES orders);
  ALTER TABLE lines ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON lines USING (${OWN});
  GRANT SELECT, INSERT, UPDATE, DELETE ON lines TO shop_app;`;
const trigger = (body: string, events: string): string => `${LINES}
  CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$;
  CREATE TRIGGER keep BEFORE ${events} ON lines FOR EACH ROW EXECUTE FUNCTION keep();`;
const SETS =
  'SELECT o.organization_id INTO NEW.organization_id FROM public.orders o WHERE o.id = NEW.order_id;';

test('T14 accepts a trigger that takes the tenant from the parent, at every change', async () => {
  const loose = ['T14 public.lines.lines_order_id_fkey'];
  expect(await findings(LINES, 'T14')).toEqual(loose);
  expect(await findings(trigger(SETS, 'INSERT OR UPDATE'), 'T14')).toEqual([]);
  expect(await findings(trigger(SETS, 'INSERT'), 'T14')).toEqual(loose);
  expect(
    await findings(trigger('NEW.id := coalesce(NEW.id, gen_random_uuid());', 'INSERT OR UPDATE'), 'T14'),
  ).toEqual(loose);
  const compares = `IF NEW.organization_id <> (SELECT o.organization_id FROM orders o WHERE o.id = NEW.order_id) THEN RAISE EXCEPTION 'no'; END IF;`;
  expect(await findings(trigger(compares, 'INSERT OR UPDATE'), 'T14')).toEqual([]);
});

test('T14 accepts keys to rows that belong to all tenants', async () => {
  const shared = `${LINES} ALTER TABLE orders ALTER COLUMN organization_id DROP NOT NULL;
    CREATE POLICY templates ON orders FOR SELECT USING (organization_id IS NULL);`;
  expect(await findings(shared, 'T14')).toEqual([]);
});

test('T17 says who may write it by the policies too', async () => {
  const plans = (policy: string): string => `${GUARDED} CREATE TABLE plans (id int PRIMARY KEY, name text);
    GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO shop_app; ALTER TABLE plans ENABLE ROW LEVEL SECURITY;
    CREATE POLICY seen ON plans ${policy};`;
  expect(await findings(plans('FOR SELECT USING (true)'), 'T17')).toEqual([]);
  expect(await findings(plans('USING (true)'), 'T17')).toEqual(['T17 public.plans']);
});

test('T15 leaves out what is handed out at random, and finds what people choose', async () => {
  const unique = (table: string, column: string): string => `${GUARDED}
    CREATE TABLE ${table} (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations, "${column}" text UNIQUE);
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON ${table} USING (${OWN});
    GRANT SELECT, INSERT ON ${table} TO shop_app;`;
  for (const [table, column] of [
    ['api_keys', 'key'],
    ['oauth_requests', 'state'],
    ['grants', 'authorizationCode'],
    ['api_keys', 'key_prefix'],
    ['licenses', 'key'],
  ])
    expect(await findings(unique(table!, column!), 'T15'), column).toEqual([]);
  for (const [table, column] of [
    ['settings', 'key'],
    ['addresses', 'state'],
    ['products', 'code'],
    ['people', 'email'],
  ])
    expect(await findings(unique(table!, column!), 'T15'), column).toHaveLength(1);
});

test.each([
  ['that admits one tenant only', "organization_id = 'b0b0b0b0-0000-4000-8000-000000000001'", []],
  [
    'that admits two tenants',
    "organization_id IN ('b0b0b0b0-0000-4000-8000-000000000001', 'b0b0b0b0-0000-4000-8000-000000000002')",
    ['T16 newco.notes'],
  ],
  [
    'that admits all but one',
    "organization_id <> 'b0b0b0b0-0000-4000-8000-000000000001'",
    ['T16 newco.notes'],
  ],
])('T16 wants no key to the tenants beside a check %s', async (_, condition, found) => {
  const sql = `${GUARDED} CREATE SCHEMA newco;
    CREATE TABLE newco.notes (organization_id uuid NOT NULL CHECK (${condition}), id uuid, PRIMARY KEY (organization_id, id));
    ALTER TABLE newco.notes ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON newco.notes USING (${OWN});`;
  expect(await findings(sql, 'T16')).toEqual(found);
});

test('T16 takes texts of every length for one type', async () => {
  const typed = (
    type: string,
  ): string => `CREATE ROLE shop_app LOGIN; CREATE TABLE tenants (id varchar(36) PRIMARY KEY);
    CREATE TABLE orders (id int PRIMARY KEY, tenant_id ${type} NOT NULL${type === 'uuid' ? '' : ' REFERENCES tenants'});
    GRANT SELECT, INSERT ON orders, tenants TO shop_app; ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
    ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON orders USING (tenant_id::text = current_setting('app.tenant'));`;
  const given = { tenantsTable: 'tenants' };
  const of = async (type: string): Promise<readonly string[]> =>
    linesOf(await database.after(typed(type), given)).filter((line) => line.startsWith('T16'));
  expect(await of('text')).toEqual([]);
  expect(await of('varchar(20)')).toEqual([]);
  expect(await of('uuid')).toEqual(['T16 public.orders']);
  // PostgreSQL changes no type below a policy.
  const [finding] = (await database.after(typed('uuid'), given)).findings.filter(
    ({ rule }) => rule.id === 'T16',
  );
  expect(finding?.fix).toBeUndefined();
});

test('a column is found in every spelling', async () => {
  const report = await database.after(`${GUARDED}
    CREATE TABLE notes (id uuid PRIMARY KEY, "organizationId" uuid NOT NULL REFERENCES organizations);
    GRANT SELECT, INSERT ON notes TO shop_app;`);
  expect(linesOf(report).filter((line) => line.includes('notes'))).toContain('T01 public.notes');
  expect(linesOf(report).filter((line) => line.startsWith('T17'))).toEqual([]);
});

test('T28 needs a policy that the defect could bypass', async () => {
  const without =
    await database.after(`CREATE ROLE shop_app LOGIN; CREATE TABLE organizations (id uuid PRIMARY KEY);
    CREATE TABLE orders (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations, email text UNIQUE);
    GRANT SELECT, INSERT, UPDATE ON orders TO shop_app;`);
  expect(without.findings.filter(({ rule }) => rule.id === 'T28')).toEqual([]);
  expect(linesOf(without)).toContain('T15 public.orders.orders_email_key');
});

test('a Supabase project that does what its documentation says has no critical finding', async () => {
  const report = await database.after(`${SUPABASE}
    CREATE TABLE teams (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text);
    CREATE TABLE team_members (team_id uuid NOT NULL REFERENCES teams, user_id uuid NOT NULL REFERENCES auth.users, role text, PRIMARY KEY (team_id, user_id));
    CREATE TABLE posts (id uuid PRIMARY KEY, team_id uuid NOT NULL REFERENCES teams, title text);
    CREATE FUNCTION private_teams() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      $$ SELECT team_id FROM public.team_members WHERE user_id = (SELECT auth.uid()) $$;
    ALTER TABLE teams ENABLE ROW LEVEL SECURITY; ALTER TABLE team_members ENABLE ROW LEVEL SECURITY; ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
    CREATE POLICY seen ON teams FOR SELECT TO authenticated USING (id IN (SELECT private_teams()));
    CREATE POLICY seen ON team_members FOR SELECT TO authenticated USING (team_id IN (SELECT private_teams()));
    CREATE POLICY own ON posts TO authenticated USING (team_id IN (SELECT private_teams()));
    CREATE POLICY files ON storage.objects FOR SELECT TO authenticated USING (bucket_id = 'avatars' AND (storage.foldername(name))[1] = auth.uid()::text);`);
  expect(
    report.findings
      .filter(({ rule }) => rule.severity === 'critical')
      .map(({ rule, object, evidence }) => [rule.id, object, evidence]),
  ).toEqual([]);
});

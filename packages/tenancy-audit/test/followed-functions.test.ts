/**
 * Proves what the audit concludes from functions in PL/pgSQL that policies call, and from what ten more unseen projects
 * showed: each case stands beside one that looks alike and is the opposite.
 */
import { describe, expect, test } from 'vitest';
import { useDatabase } from '../../../test/support/database.js';
import { audit } from '../src/audit.js';
import { linesOf } from './audited-database.js';
import { ORG, OWN, SHOP, SUPABASE, usePlainDatabase } from './plain-database.js';

const database = usePlainDatabase();
const tenantry = useDatabase();

const policy = (expression: string): string => `CREATE POLICY p ON orders TO shop_app USING (${expression});`;
const procedure = (body: string, returns = 'uuid', parameters = ''): string =>
  `CREATE FUNCTION org(${parameters}) RETURNS ${returns} LANGUAGE plpgsql STABLE AS $$ ${body} $$;`;
const CHECKED = procedure(`DECLARE org constant text := current_setting('app.org', true); front text;
  BEGIN IF org IS NULL OR org = '' THEN RAISE EXCEPTION 'no organization'; END IF;
    IF EXISTS (SELECT FROM organizations) THEN
      SELECT o.name INTO front FROM organizations o;
      IF front IS DISTINCT FROM current_setting('app.seal', true) THEN RAISE EXCEPTION 'wrong'; END IF;
    END IF;
    RETURN org::uuid; END`);

async function saidOf(sql: string): Promise<{ readonly lines: readonly string[]; readonly proved: string }> {
  const { findings, proved } = await database.after(`${SHOP} ${sql}`, { appRoles: ['shop_app'] });
  return { lines: linesOf({ findings }), proved: proved.join() };
}

describe('a function of PL/pgSQL', () => {
  test('that raises without a context and returns it otherwise is proved', async () => {
    const { lines, proved } = await saidOf(`${CHECKED} ${policy('organization_id = org()')}`);
    expect(lines.filter((line) => line.startsWith('T0'))).toEqual([]);
    expect(proved).toMatch(/^2 of 2 tenant tables/);
  });

  test.each([
    [
      'opens without a context',
      procedure(
        `BEGIN IF current_setting('app.org', true) IS NULL THEN RETURN true; END IF; RETURN o = ${ORG}; END`,
        'boolean',
        'o uuid',
      ),
      'org(organization_id)',
      'T05',
    ],
    [
      'is true for everybody',
      procedure(`DECLARE ok boolean := false; BEGIN ok := true; RETURN ok; END`, 'boolean'),
      'org()',
      'T04',
    ],
    [
      'answers an error with what it has assigned before',
      procedure(
        `DECLARE ok boolean := false; BEGIN ok := true; RAISE EXCEPTION 'x'; EXCEPTION WHEN OTHERS THEN RETURN ok; END`,
        'boolean',
      ),
      'org()',
      'T04',
    ],
    [
      'opens when a query into a variable fails',
      procedure(
        `DECLARE org text; BEGIN SELECT current_setting('app.org') INTO org; RETURN false; EXCEPTION WHEN OTHERS THEN RETURN true; END`,
        'boolean',
      ),
      'org()',
      'T05',
    ],
    [
      'takes errors for a tenant',
      procedure(
        `BEGIN RETURN current_setting('app.org')::uuid; EXCEPTION WHEN OTHERS THEN RETURN '00000000-0000-4000-8000-00000000000a'; END`,
      ),
      'organization_id = org()',
      'T10',
    ],
  ])('that %s is found', async (_what, sql, expression, rule) => {
    const { lines } = await saidOf(`${sql} ${policy(expression)}`);
    expect(lines).toContain(`${rule} public.orders.p`);
  });

  test.each([
    [
      'loops',
      procedure(`DECLARE o uuid; BEGIN FOR o IN SELECT ${ORG} LOOP RETURN o; END LOOP; RETURN NULL; END`),
      'organization_id = org()',
    ],
    [
      'answers with errors',
      procedure(
        `BEGIN IF NOT EXISTS (SELECT FROM organizations WHERE id = o AND id = ${ORG}) THEN RAISE EXCEPTION 'no'; END IF; RETURN true; END`,
        'boolean',
        'o uuid',
      ),
      'org(organization_id)',
    ],
  ])('that %s is neither proved nor said to be open', async (_what, sql, expression) => {
    const { lines, proved } = await saidOf(`${sql} ${policy(expression)}`);
    expect(lines.filter((line) => /^T0[45]/.test(line))).toEqual([]);
    expect(proved).toMatch(/^1 of 2 tenant tables/);
  });

  test('of Tenantry’s own, which checks the seal of a context, is proved', async () => {
    const { proved } = await audit({ url: tenantry().superuser, given: { appRoles: ['tenantry_app'] } });
    const [, proven, all] = /^(\d+) of (\d+) tenant tables/.exec(proved[0] ?? '') ?? [];
    expect(Number(all)).toBeGreaterThan(10);
    expect(proven).toBe(all);
  });
});

test('CASE is open when all its results are', async () => {
  const { lines } = await saidOf(policy(`CASE WHEN ${OWN} THEN true ELSE true END`));
  expect(lines).toContain('T04 public.orders.p');
  const closed = await saidOf(policy(`CASE WHEN ${OWN} THEN true ELSE false END`));
  expect(closed.lines).not.toContain('T04 public.orders.p');
});

const CLINICS = `${SUPABASE}
  CREATE TABLE clinics (id uuid PRIMARY KEY);
  CREATE TABLE members (clinic_id uuid NOT NULL REFERENCES clinics, user_id uuid NOT NULL, role text, PRIMARY KEY (clinic_id, user_id));
  CREATE TABLE codes (id uuid PRIMARY KEY, clinic_id uuid NOT NULL REFERENCES clinics);
  ALTER TABLE clinics ENABLE ROW LEVEL SECURITY; ALTER TABLE members ENABLE ROW LEVEL SECURITY; ALTER TABLE codes ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON members FOR SELECT TO authenticated USING (user_id = auth.uid());`;
const CLINIC = { tenantColumns: ['clinic_id'], appRoles: ['authenticated'] };

describe('a right that a membership gives', () => {
  const asked = (roles: string): string =>
    `CREATE POLICY codes ON codes FOR SELECT TO authenticated USING (EXISTS (
       SELECT 1 FROM members m WHERE m.user_id = auth.uid() AND m.role = ANY (ARRAY[${roles}])));`;

  test('of the provider’s own people is read by a person', async () => {
    const report = await database.after(`${CLINICS} ${asked("'super_admin', 'owner_saas'")}`, CLINIC);
    expect(linesOf(report)).not.toContain('T04 public.codes.codes');
    expect(report.notChecked.map(({ object }) => object)).toContain('public.codes.codes');
  });

  test('of a tenant’s own admin opens every row', async () => {
    const report = await database.after(`${CLINICS} ${asked("'super_admin', 'admin'")}`, CLINIC);
    expect(linesOf(report)).toContain('T04 public.codes.codes');
  });
});

test('the claims of one token do not disagree', async () => {
  const report = await database.after(
    `${CLINICS}
     CREATE POLICY a ON codes TO authenticated USING (clinic_id = auth.uid());
     CREATE POLICY b ON members TO authenticated USING (clinic_id = (current_setting('request.jwt.claim.clinic', true))::uuid);`,
    CLINIC,
  );
  expect(linesOf(report).filter((line) => line.startsWith('T23'))).toEqual([]);
});

test('a loop that only counts shows its rows to nobody', async () => {
  const looped = (body: string): string =>
    `${CLINICS} CREATE FUNCTION measure() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
     $$ DECLARE r record; t text; BEGIN FOR r IN SELECT c.id FROM public.codes c LOOP ${body} END LOOP; RETURN t; END $$;`;
  const isLeak = (line: string): boolean => line.startsWith('T09');
  expect(linesOf(await database.after(looped('NULL;'), CLINIC)).filter(isLeak)).toEqual([]);
  expect(linesOf(await database.after(looped('t := r.id;'), CLINIC)).filter(isLeak)).toHaveLength(1);
});

test('one role per tenant is no shared role, though they have a group', async () => {
  const group = `CREATE ROLE tenants NOLOGIN; GRANT SELECT, INSERT ON orders TO tenants;
    CREATE POLICY p ON orders USING (organization_id::text = current_user);`;
  const isKeyed = (line: string): boolean => line.startsWith('T22');
  const ofGroup = await database.after(`${SHOP} ${group}`, { appRoles: ['tenants'] });
  expect(linesOf(ofGroup).filter(isKeyed)).toEqual([]);
  const ofLogin = await database.after(`${SHOP} ${group}`, { appRoles: ['shop_app'] });
  expect(linesOf(ofLogin).filter(isKeyed)).toEqual(['T22 public.orders.p']);
});

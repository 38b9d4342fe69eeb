/**
 * What a report without findings means: it says what was proved and what was not looked at, and it has tried. The probes
 * bind as a member, try a connection that was never bound, and count each table for itself.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { audit, type AuditReport } from '../src/audit.js';
import { baselineFor, parseBaseline } from '../src/baseline.js';
import { withClient } from '../../../src/kernel/database/owner-connection.js';
import { usePlainDatabase } from './plain-database.js';

const database = usePlainDatabase();
const APP = { appRoles: ['tenantry_app'] };

const A = '00000000-0000-4000-8000-00000000000a';
const B = '00000000-0000-4000-8000-00000000000b';

/** Teams and their members, by the user of the session, with numbers as ids. */
const SCHEMA = `
  DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO tenantry_app;
  CREATE TABLE teams (id uuid PRIMARY KEY);
  CREATE TABLE team_members (team_id uuid NOT NULL REFERENCES teams, user_id text NOT NULL, PRIMARY KEY (team_id, user_id));
  CREATE TABLE invoices (id int PRIMARY KEY, team_id uuid NOT NULL REFERENCES teams);
  INSERT INTO teams VALUES ('${A}'), ('${B}');
  INSERT INTO team_members VALUES ('${A}', 'ada'), ('${A}', 'both'), ('${B}', 'both'), ('${B}', 'bob');
  INSERT INTO invoices VALUES (1, '${A}'), (2, '${B}');
  CREATE FUNCTION my_teams() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT team_id FROM public.team_members WHERE user_id = nullif(current_setting('app.user_id', true), '') $$;
  ALTER TABLE teams ENABLE ROW LEVEL SECURITY; ALTER TABLE team_members ENABLE ROW LEVEL SECURITY; ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON teams USING (id IN (SELECT my_teams()));
  CREATE POLICY own ON team_members USING (team_id IN (SELECT my_teams()));
  CREATE POLICY own ON invoices USING (team_id IN (SELECT my_teams()));
  GRANT SELECT, INSERT, UPDATE ON teams, team_members, invoices TO tenantry_app;`;

const run = async (sql: string): Promise<AuditReport> => {
  await withClient(database.url(), (client) => client.query(SCHEMA + sql));
  return audit({ url: database.url(), given: APP, probes: {} });
};
const critical = ({ findings }: AuditReport): string[] =>
  findings
    .filter(({ rule }) => rule.severity === 'critical')
    .map(({ rule, object }) => `${rule.id} ${object}`);
const reasonOf = ({ notChecked }: AuditReport, object: string): string | undefined =>
  notChecked.find((each) => each.object === object)?.reason;

describe('a database that isolates', () => {
  let report: AuditReport;
  beforeAll(async () => {
    report = await run('');
  });

  it('has no critical finding, and says what was proved', () => {
    expect(critical(report)).toEqual([]);
    expect(report.proved).toEqual([
      expect.stringContaining('3 of 3 tenant tables'),
      expect.stringMatching(/^Tried as tenantry_app: 3 of 3 relations/),
    ]);
  });

  it('says what was not looked at', () => {
    expect(report.notChecked.map(({ object }) => object)).toContain(
      'functions, prepared statements and settings that outlive a transaction',
    );
    expect(report.notChecked.map(({ object }) => object)).toContain('the application’s code');
  });

  it('counts nothing as proved that relies on a function which cannot be evaluated', async () => {
    const opaque = await run(`CREATE FUNCTION may_see(t uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS
      $$ DECLARE mine uuid; BEGIN FOR mine IN SELECT public.my_teams() LOOP IF mine = t THEN RETURN true; END IF; END LOOP; RETURN false; END $$;
      ALTER POLICY own ON invoices USING (may_see(team_id));`);
    expect(critical(opaque)).toEqual([]);
    expect(opaque.proved[0]).toContain('2 of 3 tenant tables');
    expect(reasonOf(opaque, 'public.invoices.own')).toContain('may_see');
  });
});

describe('the probe of every run', () => {
  it('binds as a member of one tenant only, and finds what members of another see', async () => {
    const report = await run(`CREATE FUNCTION see(t uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS
      $$ BEGIN IF (SELECT count(*) FROM public.my_teams()) > 0 THEN RETURN true; END IF; RETURN false; END $$;
      ALTER POLICY own ON invoices USING (see(team_id));`);
    expect(critical(report)).toEqual(['P01 public.invoices']);
    expect(report.findings[0]?.evidence).toMatch(/^as tenantry_app, bound to tenant/);
  });

  it('tries a connection that never bound a tenant', async () => {
    const report = await run(`CREATE FUNCTION see(t uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS
      $$ BEGIN IF current_setting('app.user_id', true) IS NULL THEN RETURN true; END IF; RETURN t IN (SELECT public.my_teams()); END $$;
      ALTER POLICY own ON invoices USING (see(team_id));`);
    // The function is read, and tried.
    expect(critical(report)).toEqual(['P03 public.invoices', 'T05 public.invoices.own']);
  });

  it('is not content with one open table', async () => {
    const report = await run(`CREATE TABLE notes (id int PRIMARY KEY, team_id uuid NOT NULL REFERENCES teams);
      INSERT INTO notes VALUES (1, '${A}'), (2, '${B}'); GRANT SELECT ON notes TO tenantry_app;
      ALTER POLICY own ON invoices USING (team_id::text = current_setting('app.another', true));`);
    expect(reasonOf(report, 'public.invoices')).toContain('sees no row of that tenant either');
    expect(report.proved.at(-1)).toMatch(/^Tried as tenantry_app: 2 of 4 relations/);
  });

  it('does not take a short id of a tenant for a mark, and says so', async () => {
    const numbered = `DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO tenantry_app;
      CREATE TABLE accounts (id int PRIMARY KEY); CREATE TABLE orders (id int PRIMARY KEY, account_id int NOT NULL REFERENCES accounts);
      CREATE TABLE sizes (id int PRIMARY KEY, title text); INSERT INTO accounts VALUES (1), (2);
      INSERT INTO orders VALUES (1, 1), (2, 2); INSERT INTO sizes VALUES (1, 'one'), (2, 'two');
      ALTER TABLE accounts ENABLE ROW LEVEL SECURITY; ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
      CREATE POLICY own ON accounts USING (id = (SELECT nullif(current_setting('app.account', true), '')::int));
      CREATE POLICY own ON orders USING (account_id = (SELECT nullif(current_setting('app.account', true), '')::int));
      GRANT SELECT, INSERT ON accounts, orders TO tenantry_app; GRANT SELECT ON sizes TO tenantry_app;`;
    await withClient(database.url(), (client) => client.query(numbered));
    const report = await audit({ url: database.url(), given: APP, probes: {} });
    expect(critical(report)).toEqual([]);
    expect(reasonOf(report, 'public.sizes')).toContain('too short');
  });
});

it('a written baseline accepts what it was written for, and keeps reasons', async () => {
  const report = await run('ALTER TABLE invoices DISABLE ROW LEVEL SECURITY;');
  const written = baselineFor(report, '2030-01-01');
  const accepted = parseBaseline(written);
  expect(accepted.map(({ fingerprint }) => fingerprint)).toContain('T01 public.invoices');
  expect(accepted.every(({ expires }) => expires === '2030-04-01')).toBe(true);
  const kept = baselineFor(
    { findings: [], accepted: [{ finding: report.findings[0]!, reason: 'known', expires: '2031-01-01' }] },
    '2030-01-01',
  );
  expect(parseBaseline(kept)).toMatchObject([{ reason: 'known', expires: '2031-01-01' }]);
});

/**
 * What eleven projects showed that no version had been tried on: each case was said wrongly or missed there, and stands
 * beside one that looks alike and is the opposite.
 */
import { describe, expect, test } from 'vitest';
import { linesOf } from './audited-database.js';
import { SUPABASE, usePlainDatabase } from './plain-database.js';

const database = usePlainDatabase();

const TEAMS = `${SUPABASE}
  CREATE TABLE teams (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, created_by uuid REFERENCES auth.users);
  CREATE TABLE team_members (team_id uuid NOT NULL REFERENCES teams, user_id uuid NOT NULL REFERENCES auth.users, role text, PRIMARY KEY (team_id, user_id));
  CREATE TABLE boards (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), team_id uuid NOT NULL REFERENCES teams, title text, fingerprint text);
  CREATE TABLE roles (user_id uuid NOT NULL REFERENCES auth.users, role text NOT NULL, PRIMARY KEY (user_id, role));
  CREATE FUNCTION my_teams() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT team_id FROM public.team_members WHERE user_id = auth.uid() $$;
  CREATE FUNCTION is_member(p_user uuid, p_team uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT EXISTS (SELECT 1 FROM public.team_members WHERE user_id = p_user AND team_id = p_team) $$;
  CREATE FUNCTION has_role(p_user uuid, p_role text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT EXISTS (SELECT 1 FROM public.roles WHERE user_id = p_user AND role = p_role) $$;
  CREATE FUNCTION is_operator() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT public.has_role(auth.uid(), 'operator') $$;
  ALTER TABLE teams ENABLE ROW LEVEL SECURITY; ALTER TABLE team_members ENABLE ROW LEVEL SECURITY;
  ALTER TABLE boards ENABLE ROW LEVEL SECURITY; ALTER TABLE roles ENABLE ROW LEVEL SECURITY;
  CREATE POLICY seen ON teams FOR SELECT TO authenticated USING (id IN (SELECT my_teams()));
  CREATE POLICY seen ON team_members FOR SELECT TO authenticated USING (team_id IN (SELECT my_teams()));
  CREATE POLICY own ON boards TO authenticated USING (team_id IN (SELECT my_teams()));`;

const definer = (body: string, args = 'p_board uuid', returns = 'void'): string =>
  `CREATE FUNCTION act(${args}) RETURNS ${returns} LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ ${body} $$;`;

async function criticals(sql: string): Promise<readonly string[]> {
  const { findings } = await database.after(`${TEAMS} ${sql}`);
  return linesOf({ findings: findings.filter(({ rule }) => rule.severity === 'critical') });
}

const ACT = 'T09 public.act';
const isAct = (line: string): boolean => line.startsWith(ACT);

describe('T09: a function that asks for the right of its caller', () => {
  test.each([
    [
      'of the row, which it has read first',
      definer(`DECLARE v_user uuid; v_team uuid;
        BEGIN v_user := auth.uid(); SELECT team_id INTO v_team FROM public.boards WHERE id = p_board;
          IF NOT public.is_member(v_user, v_team) THEN RAISE EXCEPTION 'no'; END IF;
          DELETE FROM public.boards WHERE id = p_board; END`),
    ],
    [
      'of every row, as a question about the caller',
      definer(`BEGIN IF NOT public.has_role(auth.uid(), 'operator') THEN RAISE EXCEPTION 'no'; END IF;
        DELETE FROM public.boards WHERE id = p_board; END`),
    ],
    [
      'into a variable',
      definer(`DECLARE v_may boolean; BEGIN SELECT public.has_role(auth.uid(), 'operator') INTO v_may;
        IF NOT v_may THEN RAISE EXCEPTION 'no'; END IF; DELETE FROM public.boards WHERE id = p_board; END`),
    ],
    [
      'before it reads every row',
      definer(
        `BEGIN IF public.is_operator() THEN RETURN QUERY SELECT * FROM public.boards; END IF; END`,
        '',
        'SETOF public.boards',
      ),
    ],
    [
      'by what only the right caller knows',
      definer(
        `BEGIN RETURN QUERY SELECT * FROM public.boards WHERE fingerprint = p_fingerprint; END`,
        'p_fingerprint text',
        'SETOF public.boards',
      ),
    ],
  ])('%s', async (_how, sql) => {
    expect((await criticals(sql)).filter(isAct)).toEqual([]);
  });

  test.each([
    [
      'but changes only its own row with who it is',
      definer(`DECLARE v_user uuid; BEGIN v_user := auth.uid();
        UPDATE public.team_members SET role = role WHERE user_id = v_user;
        DELETE FROM public.boards WHERE id = p_board; END`),
    ],
    [
      'of another user, whom the caller names',
      definer(
        `BEGIN IF NOT public.has_role(p_user, 'operator') THEN RAISE EXCEPTION 'no'; END IF;
          DELETE FROM public.boards WHERE id = p_board; END`,
        'p_user uuid, p_board uuid',
      ),
    ],
    [
      'of the row, and then reads every row',
      definer(
        `BEGIN IF NOT public.is_member(auth.uid(), p_team) THEN RAISE EXCEPTION 'no'; END IF;
          RETURN QUERY SELECT * FROM public.boards; END`,
        'p_team uuid',
        'SETOF public.boards',
      ),
    ],
  ])('it is found when it asks %s', async (_how, sql) => {
    expect((await criticals(sql)).filter(isAct)).toHaveLength(1);
  });
});

describe('T06: who may write into which tenant', () => {
  test('nobody moves a tenant’s own row to another tenant', async () => {
    const sql = `CREATE POLICY mine ON teams FOR UPDATE TO authenticated USING (created_by = auth.uid());`;
    expect((await criticals(sql)).filter((line) => line.startsWith('T06'))).toEqual([]);
  });

  test('a profile, whose id is the user’s, may be moved when nothing compares the tenant', async () => {
    const profiles = `CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES auth.users, team_id uuid REFERENCES teams);
      ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
      CREATE FUNCTION my_team() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
        $$ SELECT team_id FROM public.profiles WHERE id = auth.uid() $$;
      CREATE POLICY team ON boards FOR SELECT TO authenticated USING (team_id = public.my_team());`;
    const update = (check: string) =>
      `${profiles} CREATE POLICY mine ON profiles FOR UPDATE TO authenticated USING (id = auth.uid())${check};`;
    expect(await criticals(update(''))).toContain('T06 public.profiles.mine');
    expect(await criticals(update(' WITH CHECK (id = auth.uid() AND team_id = public.my_team())'))).toEqual(
      [],
    );
  });

  test('a function that compares the row with what it was is read by a person', async () => {
    const { findings, notChecked } = await database.after(`${TEAMS}
      CREATE FUNCTION same_team(p_id uuid, p_team uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
        $$ BEGIN RETURN EXISTS (SELECT 1 FROM public.boards WHERE id = p_id AND team_id = p_team); END $$;
      CREATE POLICY renamed ON boards FOR UPDATE TO authenticated USING (team_id IN (SELECT my_teams())) WITH CHECK (public.same_team(id, team_id));`);
    expect(linesOf({ findings }).filter((line) => line.startsWith('T06'))).toEqual([]);
    expect(notChecked.map(({ object }) => object)).toContain('public.boards.renamed');
  });
});

test('a reference to what has the tenant is no tenant column of its own', async () => {
  const { settings } = await database.after(`${TEAMS}
    CREATE TABLE projects (id uuid PRIMARY KEY, team_id uuid NOT NULL REFERENCES teams);
    CREATE TABLE project_shares (id uuid PRIMARY KEY, project_id uuid NOT NULL REFERENCES projects);
    CREATE FUNCTION may_see(p_project uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      $$ SELECT EXISTS (SELECT 1 FROM public.projects p WHERE p.id = p_project AND public.is_member(auth.uid(), p.team_id)) $$;
    ALTER TABLE projects ENABLE ROW LEVEL SECURITY; ALTER TABLE project_shares ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON projects TO authenticated USING (team_id IN (SELECT my_teams()));
    CREATE POLICY own ON project_shares TO authenticated USING (may_see(project_id));`);
  expect(settings.tenantColumns).toEqual(['team_id']);
});

/** Ways across tenants as people really write them, each beside one that looks alike and is right. */
import { describe, expect, test } from 'vitest';
import { linesOf } from './audited-database.js';
import { OWN, SHOP, SUPABASE, usePlainDatabase } from './plain-database.js';

const database = usePlainDatabase();

interface Kind {
  readonly name: string;
  readonly rule: string;
  /** Tables, policies and functions that both have. */
  readonly before: string;
  readonly wrong: string;
  readonly right: string;
  readonly finds: string;
  readonly given?: { readonly appRoles: readonly string[] };
}

const TEAMS = `${SUPABASE}
  CREATE TABLE teams (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text);
  CREATE TABLE team_members (team_id uuid NOT NULL REFERENCES teams, user_id uuid NOT NULL REFERENCES auth.users, role text NOT NULL DEFAULT 'member', PRIMARY KEY (team_id, user_id));
  CREATE TABLE invoices (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), team_id uuid NOT NULL REFERENCES teams, total numeric, created_by uuid);
  CREATE FUNCTION my_teams() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT team_id FROM public.team_members WHERE user_id = auth.uid() $$;
  ALTER TABLE teams ENABLE ROW LEVEL SECURITY; ALTER TABLE team_members ENABLE ROW LEVEL SECURITY; ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
  CREATE POLICY seen ON teams FOR SELECT TO authenticated USING (id IN (SELECT my_teams()));
  CREATE POLICY seen ON team_members FOR SELECT TO authenticated USING (team_id IN (SELECT my_teams()));
  CREATE POLICY own ON invoices TO authenticated USING (team_id IN (SELECT my_teams()));`;

const GUARDED = `${SHOP} CREATE POLICY own ON orders USING (${OWN});`;

/** A SECURITY DEFINER function of a project on Supabase. */
const definer = (body: string, args = 'p_team uuid', returns = 'void'): string =>
  `CREATE FUNCTION act(${args}) RETURNS ${returns} LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ ${body} $$;`;
const PROFILES = `${TEAMS} CREATE TABLE profiles (id uuid PRIMARY KEY REFERENCES auth.users, name text, is_admin boolean NOT NULL DEFAULT false);
  ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
  CREATE FUNCTION is_admin() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
    $$ SELECT coalesce((SELECT p.is_admin FROM public.profiles p WHERE p.id = auth.uid()), false) $$;
  CREATE POLICY admins ON invoices FOR SELECT TO authenticated USING (public.is_admin());`;
const SHARED = `${GUARDED} CREATE TABLE templates (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid REFERENCES organizations, body text);
  ALTER TABLE templates ENABLE ROW LEVEL SECURITY; GRANT SELECT, INSERT, UPDATE, DELETE ON templates TO shop_app;`;

const KINDS: readonly Kind[] = [
  {
    name: 'a membership table that anybody may write themselves into',
    rule: 'T06',
    before: TEAMS,
    wrong:
      'CREATE POLICY joins ON team_members FOR INSERT TO authenticated WITH CHECK (user_id = auth.uid())',
    right:
      'CREATE POLICY joins ON team_members FOR INSERT TO authenticated WITH CHECK (team_id IN (SELECT my_teams()))',
    finds: 'T06 public.team_members.joins',
  },
  {
    name: 'an own membership that moves to another tenant',
    rule: 'T06',
    before: TEAMS,
    wrong:
      'CREATE POLICY moves ON team_members FOR UPDATE TO authenticated USING (user_id = (SELECT auth.uid()))',
    right:
      'CREATE POLICY leaves ON team_members FOR DELETE TO authenticated USING (user_id = (SELECT auth.uid()))',
    finds: 'T06 public.team_members.moves',
  },
  {
    name: 'an own row that is written into any tenant',
    rule: 'T06',
    before: TEAMS,
    wrong: 'CREATE POLICY makes ON invoices FOR INSERT TO authenticated WITH CHECK (created_by = auth.uid())',
    right:
      'CREATE POLICY makes ON invoices FOR INSERT TO authenticated WITH CHECK (created_by = auth.uid() AND team_id IN (SELECT my_teams()))',
    finds: 'T06 public.invoices.makes',
  },
  {
    name: 'own settings that only the user sees',
    rule: 'T06',
    before: TEAMS,
    wrong: 'CREATE POLICY makes ON invoices FOR UPDATE TO authenticated USING (created_by = auth.uid())',
    right: `CREATE TABLE drafts (id uuid PRIMARY KEY, team_id uuid NOT NULL REFERENCES teams, user_id uuid NOT NULL);
      ALTER TABLE drafts ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON drafts TO authenticated USING (user_id = auth.uid())`,
    finds: 'T06 public.invoices.makes',
  },
  {
    name: 'a claim that the user can write',
    rule: 'T42',
    before: TEAMS,
    wrong: `CREATE POLICY claimed ON invoices FOR SELECT TO authenticated USING (team_id = (auth.jwt() -> 'user_metadata' ->> 'team_id')::uuid)`,
    right: `CREATE POLICY claimed ON invoices FOR SELECT TO authenticated USING (team_id = (auth.jwt() -> 'app_metadata' ->> 'team_id')::uuid)`,
    finds: 'T42 public.invoices.claimed',
  },
  {
    name: 'such a claim behind a function',
    rule: 'T42',
    before: `${TEAMS} CREATE FUNCTION team_of(claims text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS
      $$ SELECT (u.raw_user_meta_data ->> 'team_id')::uuid FROM auth.users u WHERE u.id = auth.uid() $$;`,
    wrong: `CREATE POLICY claimed ON invoices FOR SELECT TO authenticated USING (team_id = team_of(''))`,
    right: `CREATE POLICY claimed ON invoices FOR SELECT TO authenticated USING (team_id IN (SELECT my_teams()))`,
    finds: 'T42 public.invoices.claimed',
  },
  {
    name: 'a tenant chosen at sign-up',
    rule: 'T42',
    before: TEAMS,
    wrong: `CREATE FUNCTION signed_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
      $$ BEGIN INSERT INTO public.team_members (team_id, user_id) VALUES ((NEW.raw_user_meta_data ->> 'team_id')::uuid, NEW.id); RETURN NEW; END $$;
      CREATE TRIGGER signed_up AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION signed_up()`,
    right: `CREATE TABLE names (id uuid PRIMARY KEY, name text); ALTER TABLE names ENABLE ROW LEVEL SECURITY;
      CREATE FUNCTION signed_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
      $$ BEGIN INSERT INTO public.names (id, name) VALUES (NEW.id, NEW.raw_user_meta_data ->> 'full_name'); RETURN NEW; END $$;
      CREATE TRIGGER signed_up AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION signed_up()`,
    finds: 'T42 public.signed_up()',
  },
  {
    name: 'an own row whose column raises rights',
    rule: 'T43',
    before: PROFILES,
    wrong: 'CREATE POLICY own ON profiles FOR UPDATE TO authenticated USING (id = auth.uid())',
    right: `CREATE POLICY own ON profiles FOR UPDATE TO authenticated USING (id = auth.uid()); REVOKE UPDATE ON profiles FROM authenticated, anon;
      GRANT UPDATE (name) ON profiles TO authenticated`,
    finds: 'T43 public.profiles.is_admin',
  },
  {
    name: 'such a row that a trigger guards',
    rule: 'T43',
    before: PROFILES,
    wrong:
      'CREATE POLICY own ON profiles TO authenticated USING (auth.uid() = id) WITH CHECK (auth.uid() = id)',
    right: `CREATE POLICY own ON profiles FOR UPDATE TO authenticated USING (id = auth.uid());
      CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.is_admin := OLD.is_admin; RETURN NEW; END $$;
      CREATE TRIGGER keep BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION keep()`,
    finds: 'T43 public.profiles.is_admin',
  },
  {
    name: 'an open child table',
    rule: 'T04',
    before: `${TEAMS} CREATE TABLE invoice_lines (id uuid PRIMARY KEY, invoice_id uuid NOT NULL REFERENCES invoices, text text);
      ALTER TABLE invoice_lines ENABLE ROW LEVEL SECURITY;`,
    wrong: 'CREATE POLICY lines ON invoice_lines TO authenticated USING (true)',
    right:
      'CREATE POLICY lines ON invoice_lines TO authenticated USING (EXISTS (SELECT FROM invoices i WHERE i.id = invoice_id))',
    finds: 'T04 public.invoice_lines.lines',
  },
  {
    name: 'a child table that opens for everybody who is signed in',
    rule: 'T04',
    before: `${TEAMS} CREATE TABLE invoice_lines (id uuid PRIMARY KEY, invoice_id uuid NOT NULL REFERENCES invoices, text text);
      ALTER TABLE invoice_lines ENABLE ROW LEVEL SECURITY;`,
    wrong: `CREATE POLICY lines ON invoice_lines FOR SELECT TO authenticated USING (auth.role() = 'authenticated')`,
    right:
      'CREATE POLICY lines ON invoice_lines FOR INSERT TO authenticated WITH CHECK (EXISTS (SELECT FROM invoices i WHERE i.id = invoice_id))',
    finds: 'T04 public.invoice_lines.lines',
  },
  {
    name: 'shared rows that each tenant may write',
    rule: 'T44',
    before: SHARED,
    wrong: `CREATE POLICY own ON templates USING (organization_id IS NULL OR ${OWN})`,
    right: `CREATE POLICY own ON templates USING (${OWN}); CREATE POLICY shared ON templates FOR SELECT USING (organization_id IS NULL)`,
    finds: 'T44 public.templates.own',
  },
  {
    name: 'rows that a tenant may make shared',
    rule: 'T44',
    before: SHARED,
    wrong: `CREATE POLICY makes ON templates FOR INSERT WITH CHECK (coalesce(${OWN}, true))`,
    right: `CREATE POLICY makes ON templates FOR INSERT WITH CHECK (${OWN})`,
    finds: 'T44 public.templates.makes',
  },
  {
    name: 'a view in front of a sensitive table of another schema',
    rule: 'T07',
    before: TEAMS,
    wrong: 'CREATE VIEW people AS SELECT id, email FROM auth.users',
    right: 'CREATE VIEW people AS SELECT id, email FROM auth.users WHERE id = auth.uid()',
    finds: 'T07 public.people',
  },
  {
    name: 'a view of the names only',
    rule: 'T07',
    before: TEAMS,
    wrong:
      'CREATE VIEW people AS SELECT u.id, u.email, m.role FROM auth.users u JOIN team_members m ON m.user_id = u.id',
    right: 'CREATE VIEW people WITH (security_invoker) AS SELECT id, email FROM auth.users',
    finds: 'T07 public.people',
  },
  {
    name: 'files of a private bucket',
    rule: 'T04',
    before: TEAMS,
    wrong: `CREATE POLICY files ON storage.objects FOR SELECT TO authenticated USING (bucket_id = 'invoices')`,
    right: `CREATE POLICY files ON storage.objects FOR SELECT TO authenticated USING (bucket_id = 'invoices' AND (storage.foldername(name))[1]::uuid IN (SELECT public.my_teams()));
      CREATE POLICY avatars ON storage.objects FOR SELECT USING (bucket_id = 'avatars')`,
    finds: 'T04 storage.objects.files',
  },
  {
    name: 'files that everybody may delete',
    rule: 'T04',
    before: TEAMS,
    wrong: `CREATE POLICY files ON storage.objects FOR DELETE TO authenticated USING (bucket_id = 'avatars')`,
    right: `CREATE POLICY files ON storage.objects FOR DELETE TO authenticated USING (bucket_id = 'avatars' AND owner = auth.uid())`,
    finds: 'T04 storage.objects.files',
  },
  {
    name: 'a function that adds its caller to any tenant',
    rule: 'T09',
    before: TEAMS,
    wrong: definer(
      'BEGIN INSERT INTO public.team_members (team_id, user_id) VALUES (p_team, auth.uid()); END',
    ),
    right:
      definer(`BEGIN IF NOT EXISTS (SELECT FROM public.team_members m WHERE m.team_id = p_team AND m.user_id = auth.uid()) THEN RAISE EXCEPTION 'no'; END IF;
      INSERT INTO public.team_members (team_id, user_id) VALUES (p_team, auth.uid()); END`),
    finds: 'T09 public.act(p_team uuid)',
  },
  {
    name: 'a function that only asks whether somebody is signed in',
    rule: 'T09',
    before: TEAMS,
    wrong: definer(`BEGIN IF auth.uid() IS NULL THEN RAISE EXCEPTION 'sign in'; END IF;
      UPDATE public.invoices SET total = 0, created_by = auth.uid() WHERE team_id = p_team; END`),
    right: definer(`BEGIN IF p_team NOT IN (SELECT public.my_teams()) THEN RAISE EXCEPTION 'no'; END IF;
      UPDATE public.invoices SET total = 0, created_by = auth.uid() WHERE team_id = p_team; END`),
    finds: 'T09 public.act(p_team uuid)',
  },
  {
    name: 'the same with a variable',
    rule: 'T09',
    before: TEAMS,
    wrong: definer(
      `DECLARE me uuid := auth.uid(); BEGIN IF me IS NULL THEN RAISE EXCEPTION 'sign in'; END IF; DELETE FROM public.invoices WHERE id = p_team; END`,
    ),
    right: definer(
      `DECLARE me uuid := auth.uid(); BEGIN IF NOT EXISTS (SELECT FROM public.team_members m WHERE m.user_id = me) THEN RAISE EXCEPTION 'no'; END IF; DELETE FROM public.invoices WHERE id = p_team; END`,
    ),
    finds: 'T09 public.act(p_team uuid)',
  },
  {
    name: 'a trigger that writes the rows of all tenants',
    rule: 'T09',
    before: TEAMS,
    wrong: `CREATE FUNCTION spread() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN UPDATE public.invoices SET total = 0; RETURN NEW; END $$;
      CREATE TRIGGER spread AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION spread()`,
    right: `CREATE FUNCTION spread() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$ BEGIN UPDATE public.invoices SET total = 0 WHERE team_id = NEW.team_id; RETURN NEW; END $$;
      CREATE TRIGGER spread AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION spread()`,
    finds: 'T09 public.spread()',
  },
  {
    name: 'a function that runs text',
    rule: 'T46',
    before: TEAMS,
    wrong: definer('BEGIN EXECUTE p_sql; END', 'p_sql text'),
    right: definer(
      `BEGIN EXECUTE format('SELECT count(*) FROM public.%I WHERE id = $1', p_table) USING p_table; END`,
      'p_table text',
    ),
    finds: 'T46 public.act(p_sql text)',
  },
  {
    name: 'a function that puts text together',
    rule: 'T46',
    before: TEAMS,
    wrong: definer(
      `DECLARE q text; BEGIN q := 'SELECT * FROM public.invoices ORDER BY ' || p_order; EXECUTE q; END`,
      'p_order text',
    ),
    right: definer(
      `DECLARE q text; BEGIN q := 'SELECT * FROM public.invoices ORDER BY ' || quote_ident(p_order); EXECUTE q; END`,
      'p_order text',
    ),
    finds: 'T46 public.act(p_order text)',
  },
  {
    name: 'a function that binds the tenant for the session',
    rule: 'T45',
    before: GUARDED,
    wrong: `CREATE FUNCTION bind(org text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.org', org, false); END $$`,
    right: `CREATE FUNCTION bind(org text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('app.org', org, true); END $$`,
    finds: 'T45 public.bind(org text)',
  },
];

describe.each(KINDS)('$name', ({ rule, before, wrong, right, finds }) => {
  test('is found', async () => {
    expect(
      linesOf(await database.after(`${before} ${wrong}`)).filter((line) => line.startsWith(rule)),
    ).toEqual([finds]);
  });
  test('is not found in what looks alike', async () => {
    expect(
      linesOf(await database.after(`${before} ${right}`)).filter((line) => line.startsWith(rule)),
    ).toEqual([]);
  });
});

test.each([{}, { appRoles: ['shop_app'] }])(
  'a view whose owner has a wider policy than its reader is found with %o',
  async (given) => {
    const sql = `${GUARDED} CREATE ROLE reporting; GRANT SELECT ON orders TO reporting;
      CREATE POLICY everything ON orders FOR SELECT TO reporting USING (true);
      CREATE VIEW totals AS SELECT organization_id, count(*) FROM orders GROUP BY 1; ALTER VIEW totals OWNER TO reporting; GRANT SELECT ON totals TO shop_app;`;
    expect(linesOf(await database.after(sql, given)).filter((line) => line.startsWith('T07'))).toEqual([
      'T07 public.totals',
    ]);
    const narrow = sql.replace('USING (true)', `USING (${OWN})`);
    expect(linesOf(await database.after(narrow, given)).filter((line) => line.startsWith('T07'))).toEqual([]);
  },
);

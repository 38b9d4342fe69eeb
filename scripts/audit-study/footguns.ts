/** Defects of isolation that are planted into the databases of the study, one by one, to measure what the audit finds. */

/** Where a defect is planted. */
export interface Ground {
  /** A tenant table that is isolated: its qualified name. */
  readonly table: string;
  /** Its tenant column, quoted. */
  readonly column: string;
  readonly type: string;
  /** The expression of one of its policies that isolates it. */
  readonly own: string;
  /** The application's role. */
  readonly role: string;
  /** The setting that carries the tenant or the user. */
  readonly setting: string;
}

export interface Footgun {
  readonly name: string;
  /** Needs the platform's `auth` and `storage`. */
  readonly supabase?: boolean;
  readonly plant: (ground: Ground) => string;
  /** Part of the object that a finding has to name; ROLE is the application's. The table when it is left out. */
  readonly object?: string;
}

const policy = (body: string): string => `CREATE POLICY planted ON ${body};`;
const using = (name: string, expression: (ground: Ground) => string, supabase = false): Footgun => ({
  name,
  supabase,
  plant: (ground) => policy(`${ground.table} TO ${ground.role} USING (${expression(ground)})`),
});
const definer = (name: string, parameters: string, body: (ground: Ground) => string): Footgun => ({
  name,
  object: 'planted',
  plant: (ground) =>
    `CREATE FUNCTION public.planted(${parameters}) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $planted$
     BEGIN ${body(ground)} END $planted$;
     GRANT EXECUTE ON FUNCTION public.planted TO ${ground.role};`,
});
const table = (columns: (ground: Ground) => string, rest: (ground: Ground) => string) => (ground: Ground) =>
  `CREATE TABLE public.planted (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ${columns(ground)});
   GRANT SELECT, INSERT, UPDATE, DELETE ON public.planted TO ${ground.role}; ${rest(ground)}`;
const withTenant = ({ column, type }: Ground): string => `${column} ${type} NOT NULL, label text`;
const ENABLE = 'ALTER TABLE public.planted ENABLE ROW LEVEL SECURITY;';
/** A table of members, which a policy of the tenant table reads. */
const members = (rights: string): ((ground: Ground) => string) =>
  table(
    ({ column, type }) => `${column} ${type} NOT NULL, user_id uuid NOT NULL`,
    (ground) => `${ENABLE}
      CREATE POLICY seen ON public.planted FOR SELECT TO ${ground.role} USING (user_id = auth.uid());
      CREATE POLICY self ON public.planted ${rights.replace('ROLE', ground.role)};
      ${policy(
        `${ground.table} TO ${ground.role} USING (${ground.column} IN
           (SELECT m.${ground.column} FROM public.planted m WHERE m.user_id = auth.uid()))`,
      )}`,
  );
const read = ({ setting }: Ground): string => `current_setting('${setting}', true)`;

export const FOOTGUNS: readonly Footgun[] = [
  {
    name: 'row-level security off',
    plant: ({ table: on }) => `ALTER TABLE ${on} DISABLE ROW LEVEL SECURITY`,
  },
  using('USING (true)', () => 'true'),
  using('OR true', ({ own }) => `${own} OR true`),
  using('NOT false', () => 'NOT false'),
  using('CASE with ELSE true', ({ own }) => `CASE WHEN ${own} THEN true ELSE true END`),
  using('the role of the application', ({ role }) => `current_user = '${role}'`),
  using('the role, or the tenant', ({ role, own }) => `${own} OR current_user = '${role}'`),
  using('the role among several', ({ role }) => `current_user IN ('${role}', 'postgres')`),
  using('membership in the role', ({ role }) => `pg_has_role(current_user, '${role}', 'MEMBER')`),
  using('somebody is signed in', () => 'auth.uid() IS NOT NULL', true),
  using('the role of everybody who is signed in', () => "auth.role() = 'authenticated'", true),
  using('a context is bound', (ground) => `${read(ground)} IS NOT NULL`),
  using('a switch', () => "current_setting('app.bypass', true) = 'on'"),
  using(
    'a switch beside the tenant',
    ({ own }) => `${own} OR current_setting('app.is_admin', true) = 'true'`,
  ),
  using('the tenant is not NULL', ({ column }) => `${column} IS NOT NULL`),
  using('the tenant is another', ({ column }) => `${column}::text <> ''`),
  using('open without a context', (ground) => `${read(ground)} IS NULL OR ${ground.own}`),
  using('open with an empty context', (ground) => `coalesce(${read(ground)}, '') = '' OR ${ground.own}`),
  using(
    'the column when there is no context',
    (ground) => `${ground.column}::text = coalesce(${read(ground)}, ${ground.column}::text)`,
  ),
  using(
    'a tenant by default',
    (ground) =>
      `${ground.column}::text = coalesce(nullif(${read(ground)}, ''), '00000000-0000-0000-0000-000000000001')`,
  ),
  using('a pattern', (ground) => `${ground.column}::text LIKE ${read(ground)} || '%'`),
  using(
    'a comparison with itself',
    ({ table: on, column }) => `EXISTS (SELECT 1 FROM ${on} m WHERE m.${column} = m.${column})`,
  ),
  {
    name: 'a sub-select without the row',
    supabase: true,
    plant: table(
      withTenant,
      ({ table: on, role }) => `ALTER TABLE public.planted ADD user_id uuid; ${ENABLE}
      CREATE POLICY seen ON public.planted FOR SELECT TO ${role} USING (user_id = auth.uid());
      ${policy(`${on} TO ${role} USING (EXISTS (SELECT 1 FROM public.planted m WHERE m.user_id = auth.uid()))`)}`,
    ),
  },
  {
    name: 'INSERT into any tenant',
    plant: ({ table: on, role }) => policy(`${on} FOR INSERT TO ${role} WITH CHECK (true)`),
  },
  {
    name: 'UPDATE into any tenant',
    plant: ({ table: on, role, own }) =>
      policy(`${on} FOR UPDATE TO ${role} USING (${own}) WITH CHECK (true)`),
  },
  {
    name: 'a view',
    object: 'planted',
    plant: ({ table: on, role }) =>
      `CREATE VIEW public.planted AS SELECT * FROM ${on}; GRANT SELECT ON public.planted TO ${role};`,
  },
  {
    name: 'a view of a role with a wider policy',
    object: 'planted',
    plant: ({ table: on, role }) =>
      `CREATE ROLE planted_owner; GRANT SELECT ON ${on} TO planted_owner; ${policy(`${on} TO planted_owner USING (true)`)}
       GRANT CREATE, USAGE ON SCHEMA public TO planted_owner;
       CREATE VIEW public.planted AS SELECT * FROM ${on}; ALTER VIEW public.planted OWNER TO planted_owner;
       GRANT SELECT ON public.planted TO ${role};`,
  },
  {
    name: 'a materialized view',
    object: 'planted',
    plant: ({ table: on, role }) =>
      `CREATE MATERIALIZED VIEW public.planted AS SELECT * FROM ${on}; GRANT SELECT ON public.planted TO ${role};`,
  },
  {
    name: 'a function that returns every row',
    object: 'planted',
    plant: ({ table: on, role }) =>
      `CREATE FUNCTION public.planted() RETURNS SETOF ${on} LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
       $planted$ SELECT * FROM ${on} $planted$; GRANT EXECUTE ON FUNCTION public.planted TO ${role};`,
  },
  {
    name: 'a function that returns the rows that its caller names',
    object: 'planted',
    plant: ({ table: on, role, column }) =>
      `CREATE FUNCTION public.planted(wanted text) RETURNS SETOF ${on} LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
       $planted$ SELECT * FROM ${on} t WHERE t.${column}::text = wanted $planted$;
       GRANT EXECUTE ON FUNCTION public.planted TO ${role};`,
  },
  definer(
    'a function that deletes what its caller names',
    'wanted text',
    ({ table: on, column }) => `DELETE FROM ${on} t WHERE t.${column}::text = wanted;`,
  ),
  definer('a function that deletes everything', '', ({ table: on }) => `DELETE FROM ${on};`),
  {
    ...definer(
      'a function that only asks whether somebody is signed in',
      'wanted text',
      ({ table: on, column }) =>
        `IF auth.uid() IS NULL THEN RAISE EXCEPTION 'no'; END IF; DELETE FROM ${on} t WHERE t.${column}::text = wanted;`,
    ),
    supabase: true,
  },
  definer('a function that runs text', 'wanted text', () => 'EXECUTE wanted;'),
  definer(
    'a function that binds the session',
    'wanted text',
    ({ setting }) => `PERFORM pg_catalog.set_config('${setting}', wanted, false);`,
  ),
  {
    name: 'a trigger that writes across tenants',
    object: 'planted',
    plant: (ground) => `${table(
      withTenant,
      () => `${ENABLE}
        CREATE POLICY own ON public.planted TO ${ground.role} USING (${ground.column}::text = ${read(ground)});`,
    )(ground)}
      CREATE FUNCTION public.planted_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
      $planted$ BEGIN UPDATE ${ground.table} t SET ${ground.column} = NEW.${ground.column} WHERE t.${ground.column}::text = NEW.label; RETURN NEW; END $planted$;
      CREATE TRIGGER planted AFTER INSERT ON public.planted FOR EACH ROW EXECUTE FUNCTION public.planted_write();`,
  },
  { name: 'a role that skips policies', object: 'ROLE', plant: ({ role }) => `ALTER ROLE ${role} BYPASSRLS` },
  {
    name: 'a role that may become one that skips policies',
    object: 'ROLE',
    plant: ({ role }) => `CREATE ROLE planted_super BYPASSRLS; GRANT planted_super TO ${role}`,
  },
  { name: 'the owner of the table', plant: ({ table: on, role }) => `ALTER TABLE ${on} OWNER TO ${role}` },
  {
    name: 'a default for the setting',
    object: 'ROLE',
    plant: ({ role, setting }) => `ALTER ROLE ${role} SET "${setting}" = 'a'`,
  },
  using(
    'a claim that the user writes',
    ({ column }) => `${column}::text = (auth.jwt() -> 'user_metadata' ->> 'tenant')`,
    true,
  ),
  using(
    'what the user wrote into auth.users',
    ({ column }) =>
      `${column}::text = (SELECT u.raw_user_meta_data ->> 'tenant' FROM auth.users u WHERE u.id = auth.uid())`,
    true,
  ),
  {
    name: 'a right in the own row',
    supabase: true,
    object: 'planted',
    plant: table(
      () => 'is_admin boolean NOT NULL DEFAULT false',
      ({ table: on, role }) => `${ENABLE}
        CREATE POLICY self ON public.planted TO ${role} USING (id = auth.uid());
        ${policy(`${on} TO ${role} USING (EXISTS (SELECT 1 FROM public.planted p WHERE p.id = auth.uid() AND p.is_admin))`)}`,
    ),
  },
  {
    name: 'members who join by themselves',
    supabase: true,
    object: 'planted',
    plant: members('FOR INSERT TO ROLE WITH CHECK (user_id = auth.uid())'),
  },
  {
    name: 'members who move',
    supabase: true,
    object: 'planted',
    plant: members('FOR UPDATE TO ROLE USING (user_id = auth.uid())'),
  },
  {
    name: 'members who write themselves',
    supabase: true,
    object: 'planted',
    plant: members('FOR ALL TO ROLE USING (user_id = auth.uid())'),
  },
  {
    name: 'an open child',
    object: 'planted',
    plant: (ground) => `ALTER TABLE ${ground.table} ADD planted_key uuid UNIQUE DEFAULT gen_random_uuid();
      ${table(
        ({ table: on }) => `parent uuid NOT NULL REFERENCES ${on} (planted_key), text text`,
        ({ role }) => `${ENABLE}
        CREATE POLICY every ON public.planted TO ${role} USING (true);`,
      )(ground)}`,
  },
  {
    name: 'a child without row-level security',
    object: 'planted',
    plant: (ground) => `ALTER TABLE ${ground.table} ADD planted_key uuid UNIQUE DEFAULT gen_random_uuid();
      ${table(
        ({ table: on }) => `parent uuid NOT NULL REFERENCES ${on} (planted_key), text text`,
        () => '',
      )(ground)}`,
  },
  {
    name: 'shared rows that everybody may change',
    plant: ({ table: on, column, role, own }) =>
      `ALTER TABLE ${on} ALTER ${column} DROP NOT NULL; ${policy(`${on} TO ${role} USING (${column} IS NULL OR ${own})`)}`,
  },
  {
    name: 'files of everybody',
    supabase: true,
    object: 'storage.objects',
    plant: ({ role }) => policy(`storage.objects TO ${role} USING (true)`),
  },
  {
    name: 'files of a bucket that everybody may delete',
    supabase: true,
    object: 'storage.objects',
    plant: ({ role }) => policy(`storage.objects FOR DELETE TO ${role} USING (bucket_id = 'planted')`),
  },
  {
    name: 'a view in front of the users',
    supabase: true,
    object: 'planted',
    plant: ({ role }) =>
      `CREATE VIEW public.planted AS SELECT id, email FROM auth.users; GRANT SELECT ON public.planted TO ${role};`,
  },
  {
    name: 'an IMMUTABLE function over the setting',
    object: 'planted',
    plant: (ground) =>
      `CREATE FUNCTION public.planted() RETURNS text LANGUAGE sql IMMUTABLE AS $planted$ SELECT ${read(ground)} $planted$;
       ${policy(`${ground.table} TO ${ground.role} USING (${ground.column}::text = public.planted())`)}`,
  },
  {
    name: 'a tenant table without row-level security',
    object: 'planted',
    plant: table(withTenant, () => ''),
  },
  {
    name: 'a key between tenants',
    object: 'planted',
    plant: (ground) => `ALTER TABLE ${ground.table} ADD planted_key uuid UNIQUE DEFAULT gen_random_uuid();
      ${table(
        (each) => `${withTenant(each)}, other uuid REFERENCES ${each.table} (planted_key)`,
        ({ role, own }) => `${ENABLE}
        CREATE POLICY own ON public.planted TO ${role} USING (${own});`,
      )(ground)}`,
  },
  {
    name: 'a unique key across tenants',
    object: 'planted',
    plant: ({ table: on }) =>
      `ALTER TABLE ${on} ADD planted_number integer; CREATE UNIQUE INDEX planted ON ${on} (planted_number);`,
  },
  {
    name: 'an audit log that can be changed',
    object: 'planted',
    plant: (ground) =>
      table(withTenant, () => '')(ground).replaceAll('public.planted', 'public.planted_audit_log'),
  },
  {
    name: 'a policy that reads an open table',
    plant: table(
      ({ column, type }) => `${column} ${type} NOT NULL, who text`,
      (ground) =>
        policy(`${ground.table} TO ${ground.role} USING (${ground.column} IN
        (SELECT m.${ground.column} FROM public.planted m WHERE m.who = ${read(ground)}))`),
    ),
    object: 'planted',
  },
  {
    name: 'a partition with rights of its own',
    object: 'planted_part',
    plant: (ground) => `CREATE TABLE public.planted (${withTenant(ground)}) PARTITION BY LIST (label);
      CREATE TABLE public.planted_part PARTITION OF public.planted DEFAULT; ${ENABLE}
      CREATE POLICY own ON public.planted TO ${ground.role} USING (${ground.column}::text = ${read(ground)});
      GRANT SELECT ON public.planted, public.planted_part TO ${ground.role};`,
  },
  {
    name: 'a publication without a filter',
    object: 'planted',
    plant: ({ table: on }) => `CREATE PUBLICATION planted FOR TABLE ${on}`,
  },
  {
    name: 'rights on every future table',
    object: 'default privileges',
    plant: ({ table: on, role }) =>
      `ALTER DEFAULT PRIVILEGES IN SCHEMA ${on.split('.')[0]!} GRANT ALL ON TABLES TO ${role}`,
  },
];

/** Catalogs that break a rule, with the findings that are expected. */

/** A tenant table as the kernel protects it. */
export const NOTES = `
  CREATE TABLE notes (
    tenant_id uuid NOT NULL DEFAULT tenantry.current_tenant() REFERENCES tenants,
    id uuid NOT NULL DEFAULT tenantry.uuid_v7(), body text, is_public boolean NOT NULL DEFAULT false, author text,
    PRIMARY KEY (tenant_id, id)
  );
  SELECT tenantry.isolate('notes');
  ALTER TABLE notes OWNER TO tenantry_owner;`;

/** The table of {@link NOTES} with these policies instead of the kernel's. */
export const notesWith = (...policies: readonly string[]): string =>
  `${NOTES} DROP POLICY tenant_isolation ON notes; ${policies.map((each) => `CREATE POLICY ${each};`).join('\n')}`;

export const OURS = '(tenant_id = (SELECT tenantry.current_tenant()))';
export const SETTING = "current_setting('app.current_tenant', true)";

export interface Case {
  readonly name: string;
  readonly sql: string;
  readonly finds?: readonly string[];
}

export const BROKEN: readonly Required<Case>[] = [
  {
    name: 'T01 a tenant table without row-level security',
    sql: `${NOTES} ALTER TABLE notes DISABLE ROW LEVEL SECURITY; DROP POLICY tenant_isolation ON notes`,
    finds: ['T01 public.notes'],
  },
  {
    name: 'T01 dormant policies',
    sql: 'ALTER TABLE memberships DISABLE ROW LEVEL SECURITY',
    finds: ['T01 public.memberships'],
  },
  {
    name: 'T02 an application role with BYPASSRLS',
    sql: 'ALTER ROLE tenantry_app BYPASSRLS',
    finds: ['T02 tenantry_app'],
  },
  {
    name: 'T02 an application role that may become one with BYPASSRLS',
    sql: 'GRANT tenantry_operator TO tenantry_app',
    finds: ['T02 tenantry_app'],
  },
  {
    name: 'T02 an application role that may become one with BYPASSRLS through another role, only by SET ROLE',
    sql: `CREATE ROLE door NOINHERIT; GRANT tenantry_operator TO door; ALTER ROLE tenantry_app NOINHERIT; GRANT door TO tenantry_app`,
    finds: ['T02 tenantry_app'],
  },
  {
    name: 'T02 an application role that may read the server’s files',
    sql: 'GRANT pg_read_server_files TO tenantry_app',
    finds: ['T02 tenantry_app'],
  },
  {
    name: 'T03 an application role that may become the owner',
    sql: 'ALTER ROLE tenantry_app NOINHERIT; GRANT tenantry_owner TO tenantry_app',
    finds: ['T03 tenantry_app'],
  },
  {
    name: 'T03 an application role that owns a table',
    sql: `${NOTES} ALTER TABLE notes OWNER TO tenantry_app`,
    finds: ['T03 tenantry_app'],
  },
  {
    name: 'T03 a table that does not force row-level security on its owner, unlike the others',
    sql: `${NOTES} ALTER TABLE notes NO FORCE ROW LEVEL SECURITY`,
    finds: ['T03 public.notes'],
  },
  { name: 'T04 always true', sql: notesWith(`p ON notes USING (true)`), finds: ['T04 public.notes.p'] },
  {
    name: 'T04 OR true',
    sql: notesWith(`p ON notes USING (${OURS} OR 1 = 1)`),
    finds: ['T04 public.notes.p'],
  },
  {
    name: 'T04 a second policy undoes the first',
    sql: `${NOTES} CREATE POLICY support ON notes FOR SELECT USING (true)`,
    finds: ['T04 public.notes.support'],
  },
  {
    name: 'T04 a condition on the context, not on the row',
    sql: notesWith(`p ON notes FOR SELECT USING (${SETTING} IS NOT NULL)`),
    finds: ['T04 public.notes.p'],
  },
  {
    name: 'T04 a condition on the row, not on its tenant',
    sql: notesWith(`p ON notes USING (tenant_id IS NOT NULL)`),
    finds: ['T04 public.notes.p'],
  },
  {
    name: 'T04 the rows of all tenants but the own one',
    sql: notesWith(`p ON notes FOR SELECT USING (tenant_id <> ${SETTING}::uuid)`),
    finds: ['T04 public.notes.p'],
  },
  {
    name: 'T04 every tenant may change public rows',
    sql: `${NOTES} CREATE POLICY p ON notes FOR UPDATE USING (is_public) WITH CHECK ${OURS}`,
    finds: ['T04 public.notes.p'],
  },
  {
    name: 'T04 a sub-select that compares its own column with itself',
    sql: notesWith(
      `p ON notes FOR SELECT USING (EXISTS (SELECT FROM memberships m WHERE m.tenant_id = tenant_id AND m.user_id = current_setting('app.current_actor')))`,
    ),
    finds: ['T04 public.notes.p'],
  },
  {
    name: 'T04 a setting that any statement can change',
    sql: `${NOTES} CREATE POLICY p ON notes USING (current_setting('app.bypass_rls', true) = 'on')`,
    finds: ['T04 public.notes.p'],
  },
  {
    name: 'T04 a function that is always true',
    sql: `CREATE FUNCTION may_see(t uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
      ${notesWith('p ON notes USING (public.may_see(tenant_id))')}`,
    finds: ['T04 public.notes.p'],
  },
  {
    name: 'T05 open when the setting is unset',
    sql: notesWith(`p ON notes USING (${SETTING} IS NULL OR tenant_id = ${SETTING}::uuid)`),
    finds: ['T05 public.notes.p'],
  },
  {
    name: "T05 open when the setting is ''",
    sql: notesWith(`p ON notes USING (${SETTING} = '' OR tenant_id = nullif(${SETTING}, '')::uuid)`),
    finds: ['T05 public.notes.p'],
  },
  {
    name: 'T05 coalesce to the row’s own tenant',
    sql: notesWith(`p ON notes USING (tenant_id = coalesce(nullif(${SETTING}, '')::uuid, tenant_id))`),
    finds: ['T05 public.notes.p'],
  },
  {
    name: 'T05 CASE',
    sql: notesWith(
      `p ON notes USING (CASE WHEN ${SETTING} IS NULL THEN true ELSE tenant_id = ${SETTING}::uuid END)`,
    ),
    finds: ['T05 public.notes.p'],
  },
  {
    name: 'T05 through a helper function',
    sql: `CREATE FUNCTION tenant_or_null() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(${SETTING}, '')::uuid $$;
      ${notesWith('p ON notes USING (public.tenant_or_null() IS NULL OR tenant_id = public.tenant_or_null())')}`,
    finds: ['T05 public.notes.p'],
  },
  {
    name: 'T05 a pattern that matches everything when the setting is missing',
    sql: notesWith(`p ON notes USING (tenant_id::text LIKE ${SETTING} || '%')`),
    finds: ['T05 public.notes.p'],
  },
  {
    name: 'T06 WITH CHECK (true)',
    sql: notesWith(`p ON notes USING ${OURS} WITH CHECK (true)`),
    finds: ['T06 public.notes.p'],
  },
  {
    name: 'T06 WITH CHECK on another column',
    sql: notesWith(`p ON notes USING ${OURS} WITH CHECK (author = current_setting('app.current_actor'))`),
    finds: ['T06 public.notes.p'],
  },
  {
    name: 'T06 inserts for any tenant',
    sql: `${NOTES} CREATE POLICY p ON notes FOR INSERT WITH CHECK (true)`,
    finds: ['T06 public.notes.p'],
  },
  {
    name: 'T07 a view that belongs to a superuser',
    sql: `${NOTES} CREATE VIEW all_notes AS SELECT body FROM notes; GRANT SELECT ON all_notes TO tenantry_app`,
    finds: ['T07 public.all_notes'],
  },
  {
    name: 'T07 behind a view with security_invoker',
    sql: `${NOTES} CREATE VIEW inner_notes AS SELECT body FROM notes;
      CREATE VIEW outer_notes WITH (security_invoker) AS SELECT * FROM inner_notes;
      GRANT SELECT ON outer_notes, inner_notes TO tenantry_app`,
    finds: ['T07 public.inner_notes'],
  },
  {
    name: 'T07 a view whose owner sees all rows through its own policy',
    sql: `CREATE VIEW members AS SELECT * FROM memberships; ALTER VIEW members OWNER TO tenantry_owner; GRANT SELECT ON members TO tenantry_app`,
    finds: ['T07 public.members'],
  },
  {
    name: 'T08 a materialized view',
    sql: `CREATE MATERIALIZED VIEW counts AS SELECT tenant_id, count(*) FROM memberships GROUP BY 1; GRANT SELECT ON counts TO tenantry_app`,
    finds: ['T08 public.counts'],
  },
  {
    name: 'T08 a foreign table',
    sql: `CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;
      CREATE FOREIGN TABLE remote_notes (tenant_id uuid, body text) SERVER elsewhere; GRANT SELECT ON remote_notes TO tenantry_app`,
    finds: ['T08 public.remote_notes'],
  },
  {
    name: 'T09 all rows of all tenants',
    sql: `CREATE FUNCTION everybody() RETURNS SETOF memberships LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT * FROM public.memberships'`,
    finds: ['T09 public.everybody()'],
  },
  {
    name: 'T09 the tenant that the caller names',
    sql: `CREATE FUNCTION members_of(tenant uuid) RETURNS SETOF memberships LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS
      $$ BEGIN RETURN QUERY SELECT * FROM public.memberships m WHERE m.tenant_id = tenant; END $$`,
    finds: ['T09 public.members_of(tenant uuid)'],
  },
  {
    name: 'T09 all rows through a policy that names the owner',
    sql: `CREATE FUNCTION everybody() RETURNS SETOF memberships LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT * FROM public.memberships';
      ALTER FUNCTION everybody() OWNER TO tenantry_owner`,
    finds: ['T09 public.everybody()'],
  },
  {
    name: 'T09 changes rows of the tenant that the caller names',
    sql: `CREATE FUNCTION rename(tenant uuid, new_name text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = '' AS
      'UPDATE public.tenants SET name = new_name WHERE id = tenant'`,
    finds: ['T09 public.rename(tenant uuid, new_name text)'],
  },
  {
    name: 'T10 a default for the role',
    sql: `ALTER ROLE tenantry_app SET app.current_tenant = '018f0000-0000-7000-8000-000000000000'`,
    finds: ['T10 role tenantry_app app.current_tenant'],
  },
  {
    name: 'T11 rows linked across tenants (and T14, which let it happen)',
    sql: `${NOTES} ALTER TABLE notes ADD UNIQUE (id);
      CREATE TABLE comments (tenant_id uuid NOT NULL REFERENCES tenants, id uuid NOT NULL, note_id uuid REFERENCES notes (id), PRIMARY KEY (tenant_id, id));
      SELECT tenantry.isolate('comments') WHERE false; ALTER TABLE comments ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY p ON comments USING ${OURS}; GRANT SELECT, INSERT ON comments TO tenantry_app;
      INSERT INTO notes (tenant_id) SELECT id FROM tenants;
      INSERT INTO comments SELECT t.id, gen_random_uuid(), n.id FROM tenants t, notes n`,
    finds: ['T11 public.comments.comments_note_id_fkey', 'T14 public.comments.comments_note_id_fkey'],
  },
  {
    name: 'T12 an IMMUTABLE helper',
    sql: `CREATE FUNCTION tenant() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(${SETTING}, '')::uuid $$;
      ${notesWith('p ON notes USING (tenant_id = (SELECT public.tenant()))')}`,
    finds: ['T12 public.tenant()'],
  },
  {
    name: 'T13 a role that may use two tenants’ schemas',
    sql: `CREATE SCHEMA acme; CREATE TABLE acme.notes (id int PRIMARY KEY); CREATE TABLE acme.files (id int PRIMARY KEY);
      CREATE SCHEMA globex; CREATE TABLE globex.notes (id int PRIMARY KEY); CREATE TABLE globex.files (id int PRIMARY KEY);
      CREATE ROLE acme LOGIN; GRANT USAGE ON SCHEMA acme, globex TO acme`,
    finds: ['T13 acme'],
  },
  {
    name: 'T14 a foreign key without the tenant',
    sql: `${NOTES} ALTER TABLE notes ADD UNIQUE (id); ALTER TABLE notes ADD parent uuid REFERENCES notes (id) ON DELETE CASCADE`,
    finds: ['T14 public.notes.notes_parent_fkey'],
  },
  {
    name: 'T15 a unique key without the tenant',
    sql: `${NOTES} ALTER TABLE notes ADD slug text UNIQUE`,
    finds: ['T15 public.notes.notes_slug_key'],
  },
  {
    name: 'T15 a unique index on an expression',
    sql: `CREATE UNIQUE INDEX one_email ON memberships (lower(email))`,
    finds: ['T15 public.memberships.one_email'],
  },
  {
    name: 'T15 keys that can be guessed or counted, also together with the number of a row',
    sql: `${NOTES} ALTER TABLE notes ADD employee_id text UNIQUE, ADD number bigserial UNIQUE,
      ADD follows bigint REFERENCES notes (number), ADD place text, ADD UNIQUE (follows, place)`,
    finds: [
      'T14 public.notes.notes_follows_fkey',
      'T15 public.notes.notes_employee_id_key',
      'T15 public.notes.notes_follows_place_key',
    ],
  },
  {
    name: 'T16 a nullable tenant column of another type without a key',
    sql: `CREATE TABLE tags (id int PRIMARY KEY, tenant_id text); GRANT SELECT, INSERT ON tags TO tenantry_app;
      ALTER TABLE tags ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON tags USING (tenant_id = ${SETTING})`,
    finds: ['T16 public.tags'],
  },
  {
    name: 'T17 a table without a tenant',
    sql: `CREATE TABLE feedback (id int PRIMARY KEY, body text); GRANT SELECT, INSERT ON feedback TO tenantry_app`,
    finds: ['T17 public.feedback'],
  },
  {
    name: 'T17 a join table as Prisma creates it',
    sql: `${NOTES} ALTER TABLE notes ADD UNIQUE (id);
      CREATE TABLE "_NoteToTag" ("A" uuid NOT NULL REFERENCES notes (id), "B" uuid NOT NULL); GRANT SELECT, INSERT ON "_NoteToTag" TO tenantry_app`,
    finds: ['T17 public."_NoteToTag"'],
  },
  {
    name: 'T18 TRUNCATE',
    sql: 'GRANT TRUNCATE ON memberships TO tenantry_app',
    finds: ['T18 public.memberships'],
  },
  {
    name: 'T18 through PUBLIC, and through a group',
    sql: `GRANT REFERENCES (id) ON tenants TO PUBLIC; CREATE ROLE staff; GRANT TRIGGER ON memberships TO staff; GRANT staff TO tenantry_app`,
    finds: ['T18 public.memberships', 'T18 public.tenants'],
  },
  {
    name: 'T19 an audit log that can be changed',
    sql: `CREATE TABLE audit_events (tenant_id uuid NOT NULL REFERENCES tenants, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
      SELECT tenantry.isolate('audit_events')`,
    finds: ['T19 public.audit_events'],
  },
  {
    name: 'T19 refuses changes of rows, but not TRUNCATE',
    sql: 'DROP TRIGGER append_only_truncate ON audit_log',
    finds: ['T19 public.audit_log'],
  },
];

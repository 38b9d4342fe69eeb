/** Mutants of the database: each removes one guarantee of PostgreSQL. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const REFUSES = 'test/kernel/database-refuses.test.ts';
const AUDIT_LOG = 'test/kernel/audit-log-refuses.test.ts';
const CATALOG = 'test/kernel/catalog.test.ts';
const KERNEL = 'prisma/migrations/20261128100000_kernel/migration.sql';
const PLATFORM = 'prisma/migrations/20261128100100_platform/migration.sql';

export const rowLevelSecurity: MutantGroup = {
  title: 'Row-level security',
  mutants: [
    {
      name: 'policy-dropped',
      breaks: 'a table has no isolation policy (it then shows no rows at all)',
      sql: 'DROP POLICY tenant_isolation ON memberships',
      audit: ['T32'],
      tests: [REFUSES],
    },
    {
      name: 'policy-using-true',
      breaks: 'the isolation policy of a table lets every row be read',
      sql: 'ALTER POLICY tenant_isolation ON memberships USING (true)',
      audit: ['T04', 'P01'],
      tests: [REFUSES],
    },
    {
      name: 'policy-check-true',
      breaks: 'the isolation policy of a table lets every row be written',
      sql: 'ALTER POLICY tenant_isolation ON memberships WITH CHECK (true)',
      audit: ['T06'],
      tests: [REFUSES],
    },
    {
      name: 'policy-or',
      breaks: 'a second permissive policy opens the table: policies are joined by OR',
      sql: 'CREATE POLICY support ON memberships FOR SELECT TO tenantry_app USING (true)',
      audit: ['T04', 'P01'],
      tests: [REFUSES],
    },
    {
      name: 'row-security-not-forced',
      breaks: 'row-level security does not bind the owner of a table',
      sql: 'ALTER TABLE memberships NO FORCE ROW LEVEL SECURITY',
      audit: ['T03'],
      tests: [CATALOG],
    },
    {
      name: 'row-security-off',
      breaks: 'row-level security is off for a table, its policies in place',
      sql: 'ALTER TABLE memberships DISABLE ROW LEVEL SECURITY',
      audit: ['T01', 'P01'],
      tests: [REFUSES],
    },
    {
      name: 'view-as-owner',
      breaks: 'a view without security_invoker reads a tenant table as its owner',
      sql: 'CREATE VIEW all_members AS SELECT * FROM memberships; GRANT SELECT ON all_members TO tenantry_app',
      audit: ['T07', 'P01'],
      tests: [CATALOG],
    },
    {
      name: 'actor-policy-dropped',
      breaks: 'kept answers are no longer the actor’s own within the tenant',
      sql: 'DROP POLICY actor_isolation ON idempotency_keys',
      tests: ['test/kernel/idempotency-keys.slow.test.ts'],
    },
  ],
};

export const rolesAndGrants: MutantGroup = {
  title: 'Roles and grants',
  mutants: [
    {
      name: 'app-bypasses',
      breaks: 'the server’s role has BYPASSRLS',
      superuserSql: 'ALTER ROLE tenantry_app BYPASSRLS',
      undoSql: 'ALTER ROLE tenantry_app NOBYPASSRLS',
      audit: ['T02', 'P01'],
      tests: [REFUSES],
    },
    {
      name: 'app-may-become-owner',
      breaks: 'the server’s role is a member of the owner’s',
      superuserSql: 'GRANT tenantry_owner TO tenantry_app',
      undoSql: 'REVOKE tenantry_owner FROM tenantry_app',
      audit: ['T03'],
      tests: [REFUSES],
    },
    {
      name: 'app-owns-a-table',
      breaks: 'the server’s role owns a table',
      superuserSql: 'ALTER TABLE memberships OWNER TO tenantry_app',
      audit: ['T03'],
      tests: [REFUSES],
    },
    {
      name: 'truncate-granted',
      breaks: 'the server’s role may TRUNCATE, which row-level security does not see',
      sql: 'GRANT TRUNCATE ON memberships TO tenantry_app',
      audit: ['T18'],
      tests: [REFUSES],
    },
    {
      name: 'trigger-granted',
      breaks: 'the server’s role may put triggers on a table, and refer to it by foreign keys',
      sql: 'GRANT TRIGGER, REFERENCES ON memberships TO tenantry_app',
      audit: ['T18'],
      tests: [CATALOG],
    },
    {
      name: 'everybody-reads',
      breaks: 'a tenant table is granted to PUBLIC',
      sql: 'GRANT SELECT ON memberships TO PUBLIC',
      tests: [CATALOG],
    },
    {
      name: 'status-granted',
      breaks: 'a tenant may lift its own suspension',
      sql: 'GRANT UPDATE (status) ON tenants TO tenantry_app',
      tests: [REFUSES],
    },
    {
      name: 'definer-function-opened',
      breaks: 'a function that reads as the owner is open to the server’s role',
      sql: `
        CREATE FUNCTION tenantry.all_members() RETURNS SETOF memberships
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS 'SELECT * FROM public.memberships';
        REVOKE ALL ON FUNCTION tenantry.all_members() FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION tenantry.all_members() TO tenantry_app`,
      audit: ['T09', 'P02'],
      tests: [CATALOG],
    },
    {
      name: 'search-path-not-pinned',
      breaks: 'a function that runs as its owner looks names up where the caller says',
      sql: 'ALTER FUNCTION tenantry.resolve_access RESET search_path',
      audit: ['T27'],
      tests: [CATALOG],
    },
  ],
};

export const keysAndDefaults: MutantGroup = {
  title: 'Keys and defaults',
  mutants: [
    {
      name: 'unique-key-without-tenant',
      breaks: 'a unique key without the tenant tells what other tenants have',
      sql: 'CREATE UNIQUE INDEX memberships_email_key ON memberships (email)',
      audit: ['T15'],
      tests: [CATALOG],
    },
    {
      name: 'foreign-key-without-tenant',
      breaks: 'a foreign key does not carry the row’s own tenant: it may refer to a row of another',
      sql: `
        ALTER TABLE memberships ADD COLUMN home uuid, ADD COLUMN invitation uuid;
        ALTER TABLE memberships ADD FOREIGN KEY (home, invitation) REFERENCES invitations (tenant_id, id)`,
      audit: ['T14'],
      tests: [CATALOG],
    },
    {
      name: 'protect-takes-foreign-keys',
      breaks: 'protect() accepts a table whose foreign key does not carry the tenant',
      edits: [edit(KERNEL, 'pair.own = tenant_column AND pair.other = referenced.attnum', 'true')],
      tests: ['test/kernel/migration-making.slow.test.ts'],
    },
    {
      name: 'protect-takes-unique-keys',
      breaks: 'protect() accepts a table whose unique key does not start with the tenant',
      edits: [edit(KERNEL, 'AND indkey[0] <> tenant_column', 'AND false')],
      tests: ['test/kernel/migration-making.slow.test.ts'],
    },
    {
      name: 'constant-tenant-by-default',
      breaks: 'rows belong to one and the same tenant unless somebody says otherwise',
      sql: `
        DO $$ BEGIN
          EXECUTE format('ALTER TABLE memberships ALTER tenant_id SET DEFAULT %L', gen_random_uuid());
        END $$`,
      tests: [REFUSES],
    },
  ],
};

export const auditLog: MutantGroup = {
  title: 'The audit log',
  mutants: [
    {
      name: 'audit-log-granted',
      breaks: 'the server’s role may write, change and delete entries',
      sql: 'GRANT INSERT, UPDATE, DELETE ON audit_log TO tenantry_app',
      tests: [AUDIT_LOG],
    },
    {
      name: 'audit-trigger-off',
      breaks: 'changes of a table are not recorded',
      sql: 'ALTER TABLE memberships DISABLE TRIGGER audit',
      audit: ['T41'],
      tests: [AUDIT_LOG],
    },
    {
      name: 'audit-log-like-any-table',
      breaks: 'the audit log is isolated like any other table: a tenant may change its entries',
      sql: "DROP TRIGGER append_only ON audit_log; SELECT tenantry.isolate('audit_log')",
      audit: ['T19'],
      tests: [AUDIT_LOG],
    },
    {
      name: 'audit-log-guard-rests',
      breaks: 'what refuses changes of entries rests in sessions that apply replicated changes',
      sql: 'ALTER TABLE audit_log ENABLE TRIGGER append_only',
      audit: ['T40'],
      tests: [AUDIT_LOG],
    },
    {
      name: 'keys-unchecked',
      breaks: 'a foreign key of a tenant table is not checked',
      superuserSql: `
        DO $$ DECLARE name text; BEGIN
          FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'memberships'::regclass AND tgisinternal LOOP
            EXECUTE format('ALTER TABLE memberships DISABLE TRIGGER %I', name);
          END LOOP;
        END $$`,
      audit: ['T41'],
      tests: ['test/kernel/protection.slow.test.ts'],
    },
    {
      name: 'unprotected-database-served',
      breaks: 'a server starts on a database whose triggers and policies are not in force',
      edits: [edit('src/kernel/database/preparation/prepare.ts', '    await checkProtection(client);\n', '')],
      tests: ['test/kernel/protection.slow.test.ts'],
    },
    {
      name: 'audit-tenant-from-caller',
      breaks: 'record_audit takes the tenant from its argument',
      sql: inFunction(
        'record_audit',
        'tenantry.current_tenant(),',
        "coalesce((new_value ->> 'tenant_id')::uuid, tenantry.current_tenant()),",
      ),
      tests: [AUDIT_LOG],
    },
    {
      name: 'audit-action-forged',
      breaks: 'record_audit accepts entries that say a row was changed',
      sql: inFunction(
        'record_audit',
        String.raw`IF action ~ '\.(created|updated|deleted)$' THEN`,
        'IF false THEN',
      ),
      tests: [AUDIT_LOG],
    },
    {
      name: 'audit-records-secrets',
      breaks: 'columns whose names say that they hold a secret are recorded',
      sql: inFunction('write_audit', 'WHERE tenantry.names_secret(key)', 'WHERE false'),
      tests: ['test/kernel/audit-secrets.test.ts'],
    },
    {
      name: 'audit-records-declared-secrets',
      breaks: 'columns that were declared secret are recorded',
      sql: inFunction('write_audit', 'secrets := secrets || TG_ARGV[2:];', ''),
      tests: ['test/kernel/audit-secrets.test.ts'],
    },
    {
      name: 'audit-forgets-declared-secrets',
      breaks: 'what was declared secret is recorded once the table is protected again',
      sql: inFunction('audit', 'unnest(tenantry.concealed(target))', "unnest('{}'::text[])"),
      tests: ['test/kernel/audit-secrets.test.ts'],
    },
    {
      name: 'audit-actor-lost',
      breaks: 'entries of changed rows name the database role instead of the actor',
      sql: inFunction(
        'write_audit',
        "coalesce(current_setting('app.current_tenant', true), '') <> ''",
        'false',
      ),
      tests: [REFUSES],
    },
    {
      name: 'tenant-table-shared',
      breaks: 'a table with a tenant may be declared as shared by all of them',
      edits: [
        edit(
          'prisma/migrations/20261129190200_shared_tables/migration.sql',
          "attname = 'tenant_id' AND NOT attisdropped",
          'false',
        ),
      ],
      tests: ['test/kernel/migration-checks.slow.test.ts'],
    },
    {
      name: 'shared-table-written',
      breaks: 'the server may write a table that it shares for reading only',
      edits: [
        edit(
          'prisma/migrations/20261129190200_shared_tables/migration.sql',
          "CASE WHEN writable THEN rights ELSE 'SELECT' END",
          'rights',
        ),
      ],
      tests: ['test/kernel/migration-checks.slow.test.ts'],
    },
    {
      name: 'server-passes-for-old-code',
      breaks:
        'while a table is converted, the server may write it without a tenant, in the name of the system',
      sql: inFunction('write_audit', "NOT pg_has_role(oid, 'tenantry_app', 'MEMBER')", 'true'),
      tests: ['test/kernel/tenantize.slow.test.ts'],
    },
  ],
};

export const context: MutantGroup = {
  title: 'The bound tenant',
  mutants: [
    {
      name: 'unbound-is-silent',
      breaks: 'current_tenant() is NULL instead of an error when no tenant is bound',
      sql: inFunction(
        'current_tenant',
        "RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = '42501'",
        'RETURN NULL',
      ),
      tests: [REFUSES],
    },
    {
      name: 'unbound-is-a-tenant',
      breaks: 'current_tenant() falls back to a tenant when none is bound',
      sql: inFunction(
        'current_tenant',
        "RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = '42501'",
        "RETURN (SELECT tenant_id FROM tenantry.resolve_access('acme', ''))",
      ),
      audit: ['P03'],
      tests: [REFUSES],
    },
    {
      name: 'current-tenant-immutable',
      breaks: 'current_tenant() is IMMUTABLE: a plan that is kept has the tenant of its first use',
      sql: 'ALTER FUNCTION tenantry.current_tenant() IMMUTABLE',
      audit: ['T12', 'P05'],
      tests: ['test/kernel/pool-safety.slow.test.ts', REFUSES],
    },
    {
      name: 'bound-for-the-session',
      breaks: 'binding sets the tenant for the session: the next user of the connection has it',
      sql: inFunction(
        'bind|open_context',
        "set_config('app.current_tenant', tenant::text, true)",
        "set_config('app.current_tenant', tenant::text, false)",
      ),
      audit: ['P06'],
      tests: [REFUSES],
    },
    {
      name: 'bound-twice',
      breaks: 'a transaction may be bound a second time, to another tenant',
      sql: inFunction(
        'bind|open_context',
        "IF current_setting('app.current_tenant', true) <> '' THEN",
        'IF false THEN',
      ),
      tests: [REFUSES],
    },
    {
      name: 'reads-may-write',
      breaks: 'a transaction that is bound to read may write',
      sql: inFunction('bind|open_context', 'CASE WHEN read_only THEN', 'CASE WHEN false THEN'),
      tests: ['test/kernel/tenant-client.test.ts'],
    },
  ],
};

export const beforeATenant: MutantGroup = {
  title: 'What is asked before a tenant is bound',
  mutants: [
    {
      name: 'role-of-any-tenant',
      breaks: 'resolve_access answers with the role the user has in whatever tenant',
      sql: inFunction('resolve_access', 'm.tenant_id = t.id AND m.user_id = member', 'm.user_id = member'),
      tests: [CATALOG],
    },
    {
      name: 'memberships-of-everybody',
      breaks: 'memberships_of_actor answers with the memberships of everybody',
      sql: inFunction('memberships_of_actor', 'm.user_id = acting.actor', 'true'),
      tests: [CATALOG],
    },
    {
      name: 'revoked-key-resolves',
      breaks: 'an API key that was revoked is still a key',
      sql: inFunction('resolve_api_key', 'AND k.revoked_at IS NULL', ''),
      tests: ['test/platform/api-key-validity.slow.test.ts'],
    },
    {
      name: 'anybody-accepts',
      breaks: 'an invitation may be accepted with another e-mail address than it was sent to',
      sql: inFunction(
        'accept_invitation',
        'OR lower(verified_email COLLATE "C") IS DISTINCT FROM invitation.email',
        '',
      ),
      tests: ['test/platform/invitation-acceptance.test.ts'],
    },
    {
      name: 'announcement-with-values',
      breaks:
        'the announcement of a change carries the values of the row: a channel has no row-level security',
      sql: inFunction(
        'announce_change',
        "jsonb_build_object('keys', keys))::text",
        "jsonb_build_object('keys', keys, 'row', to_jsonb(NEW)))::text",
      ),
      tests: ['test/kernel/published-changes.test.ts'],
    },
  ],
};

export const sessions: MutantGroup = {
  title: 'What a session has, and what stays on it',
  mutants: [
    {
      name: 'temporary-tables-allowed',
      breaks: 'migrate leaves everybody the right to make temporary tables',
      edits: [
        edit(
          'src/kernel/database/preparation/role-defaults.ts',
          '`REVOKE TEMPORARY ON DATABASE ${pg.escapeIdentifier(database)} FROM PUBLIC, ${APP_ROLE}`',
          "'SELECT 1'",
        ),
      ],
      tests: ['test/kernel/roles.slow.test.ts'],
    },
    {
      name: 'temporary-tables-granted',
      breaks: 'the server’s role may make temporary tables, and the server starts',
      superuserSql: `
        DO $$ BEGIN
          EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO tenantry_app', current_database());
        END $$`,
      edits: [
        edit(
          'src/kernel/database/preparation/prepare.ts',
          'if (role.temporary) {',
          'if (role.temporary && false) {',
        ),
      ],
      audit: ['T36'],
      tests: ['test/kernel/leftovers.test.ts'],
    },
    {
      name: 'table-without-schema',
      breaks: 'a statement of the server names a table without its schema: a temporary one comes first',
      edits: [
        edit(
          'src/services/idempotency/key-store.ts',
          'INSERT INTO public.idempotency_keys AS mine',
          'INSERT INTO idempotency_keys AS mine',
        ),
      ],
      tests: ['test/kernel/qualified-names.test.ts', 'test/kernel/leftovers.test.ts'],
    },
    {
      name: 'leftovers-not-looked-for',
      breaks: 'a connection is given back with whatever a statement has left on it',
      edits: [
        edit(
          'src/kernel/driver/leftovers.ts',
          'else if (isDue) void this.#look().then(giveBack);',
          'else if (isDue) giveBack();',
        ),
      ],
      tests: ['test/kernel/leftovers.test.ts'],
    },
    {
      name: 'time-zone-of-the-session',
      breaks: 'binding leaves the time zone that a statement has given the session: times are others',
      sql: inFunction('open_context', "SET LOCAL TimeZone = 'UTC';", ''),
      tests: ['test/kernel/leftovers.test.ts'],
    },
    {
      name: 'time-zone-of-the-role',
      breaks: 'a connection starts with the time zone and the style of dates that somebody gave the role',
      edits: [
        edit(
          'src/kernel/database/session.ts',
          'getStartupConf.call(this), ...OF_A_CONNECTION',
          'getStartupConf.call(this)',
        ),
      ],
      tests: ['test/example/hostile-settings.slow.test.ts'],
    },
    {
      name: 'settings-of-the-database',
      breaks: 'the roles have no defaults of their own: those of the database are in force',
      edits: [edit('src/kernel/database/preparation/roles.ts', 'await setMissingDefaults(client);', '')],
      tests: ['test/kernel/roles.slow.test.ts', 'test/example/hostile-settings.slow.test.ts'],
    },
    {
      name: 'slug-by-locale',
      breaks: 'a slug is compared by the letters of the database’s language',
      edits: [
        edit(
          KERNEL,
          'wanted constant text := lower(tenant_ref COLLATE "C");',
          'wanted constant text := lower(tenant_ref);',
        ),
      ],
      tests: ['test/kernel/locale.test.ts'],
    },
    {
      name: 'search-by-locale',
      breaks: 'search folds letters as the database’s language does',
      edits: [edit(KERNEL, "coalesce(chosen, 'default')", "'default'")],
      tests: ['test/kernel/locale.test.ts'],
    },
    {
      name: 'candidates-of-all-tenants',
      breaks: 'the index of search answers with ids of all tenants',
      edits: [edit(KERNEL, 'WHERE c.tenant_id = tenant AND %3$s', 'WHERE %3$s')],
      tests: ['test/example/search.slow.test.ts'],
    },
    {
      name: 'times-not-checked',
      breaks: 'a key may expire at a time that no client can read',
      edits: [
        edit(PLATFORM, "SELECT tenantry.check_times('public.api_keys');", ''),
        edit(PLATFORM, "SELECT tenantry.check_times('public.invitations');", ''),
      ],
      tests: ['test/platform/far-times.test.ts'],
    },
  ],
};

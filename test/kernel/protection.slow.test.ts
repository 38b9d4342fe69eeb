/** Proves that a server does not start on a database that has lost what isolation and the audit log depend on. */
import { describe, expect, inject, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { withDatabase as onDatabase } from '../../src/kernel/database/owner-connection.js';
import { prepareDatabase } from '../../src/kernel/database/preparation/prepare.js';
import { connected } from '../support/demo-tenants.js';
import { useOwnDatabases } from '../support/own-databases.js';

const databases = useOwnDatabases();

const prepare = (url: string, owner: boolean) =>
  prepareDatabase(
    readConfig({
      DATABASE_URL: onDatabase(inject('postgres').app, new URL(url).pathname.slice(1)),
      ...(owner && { DATABASE_OWNER_URL: url }),
      CONTEXT_SIGNING_KEY: inject('postgres').contextKey,
    }),
  );

const RESTORED = /was restored without its roles or privileges\. Restore it again, the roles first/;

interface Case {
  readonly sql: string;
  readonly says: RegExp;
}

const CASES: Readonly<Record<string, Case>> = {
  'the guard of the audit log rests in replication sessions': {
    sql: 'ALTER TABLE audit_log ENABLE TRIGGER append_only',
    says: /entries can be deleted: append_only of public\.audit_log\. .*ALTER TABLE public\.audit_log ENABLE ALWAYS TRIGGER append_only;$/,
  },
  'a restore of data with --disable-triggers': {
    sql: 'ALTER TABLE audit_log DISABLE TRIGGER ALL; ALTER TABLE audit_log ENABLE TRIGGER ALL',
    says: /ALWAYS TRIGGER append_only; .* ENABLE ALWAYS TRIGGER append_only_truncate; .* TRIGGER append_only_update;$/,
  },
  'changes of a table are not recorded': {
    sql: 'ALTER TABLE memberships DISABLE TRIGGER audit',
    says: /ALTER TABLE public\.memberships ENABLE TRIGGER audit;$/,
  },
  'the guard of the audit log is gone': {
    sql: 'DROP TRIGGER append_only ON audit_log; DROP TRIGGER append_only_update ON audit_log',
    says: /^The database lacks the trigger that refuses UPDATE of audit_log, the trigger that refuses DELETE of/,
  },
  'a foreign key is not checked': {
    sql: `DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'memberships'::regclass AND tgisinternal LOOP
          EXECUTE format('ALTER TABLE memberships DISABLE TRIGGER %I', name);
        END LOOP;
      END $$`,
    says: /^The foreign key memberships_tenant_id_fkey of public\.memberships is not checked/,
  },
  'a function of the kernel runs as a superuser': {
    sql: 'ALTER FUNCTION tenantry.uuid_v7 OWNER TO postgres',
    says: /^The function tenantry\.uuid_v7\(\) belongs to postgres instead of tenantry_owner/,
  },
  'a tenant table belongs to a superuser': {
    sql: 'ALTER TABLE memberships OWNER TO postgres',
    says: /^The table public\.memberships belongs to postgres instead of tenantry_owner/,
  },
  'a table in the schema of a tenant belongs to a superuser': {
    sql: `CREATE SCHEMA tenant_018f0000000070008000000000000001;
      CREATE TABLE tenant_018f0000000070008000000000000001.memberships (LIKE memberships INCLUDING ALL);
      CREATE POLICY tenant_isolation ON tenant_018f0000000070008000000000000001.memberships USING (false)`,
    says: /^The table tenant_018f0000000070008000000000000001\.memberships belongs to postgres instead of tenantry_owner/,
  },
  'the kernel is closed to the application': {
    sql: 'REVOKE USAGE ON SCHEMA tenantry FROM tenantry_app',
    says: RESTORED,
  },
  'policies are gone, as where the roles they name were missing': {
    sql: 'DROP POLICY resolve_access ON tenants; DROP POLICY audit_writer ON audit_log',
    says: /lacks the policy resolve_access of tenants, the policy audit_writer of audit_log: it was restored/,
  },
  'nobody has rights to anything': {
    sql: 'REVOKE ALL ON _prisma_migrations FROM tenantry_app; ALTER TABLE _prisma_migrations OWNER TO postgres',
    says: /^The database holds Tenantry's tables, but the roles tenantry_owner and tenantry_app have no rights to them/,
  },
};

describe.each([
  ['without the owner’s URL', false],
  ['with it', true],
] as const)('a server that starts %s is refused where', (_way, owner) => {
  test.each(Object.entries(CASES))('%s', async (_what, { sql, says }) => {
    const url = await databases.newClone();
    await connected(url, (client) => client.query(sql));
    await expect(prepare(url, owner)).rejects.toThrow(says);
  });
});

test('it starts once what it asks for was run', async () => {
  const url = await databases.newClone();
  await connected(url, (client) =>
    client.query('ALTER TABLE audit_log DISABLE TRIGGER ALL; ALTER TABLE memberships DISABLE TRIGGER audit'),
  );
  const { message } = (await prepare(url, false).catch((error: unknown) => error)) as Error;
  const [, remedy = ''] = /As tenantry_owner, run: (.*)$/.exec(message) ?? [];
  await connected(url, (client) => client.query(`SET ROLE tenantry_owner; ${remedy}`));
  // Only a superuser can enable the triggers of foreign keys, so the owner's statements leave those of audit_log
  // disabled.
  await expect(prepare(url, false)).rejects.toThrow(/The foreign key audit_log_tenant_id_fkey/);
  await connected(url, (client) => client.query('ALTER TABLE audit_log ENABLE TRIGGER ALL; ' + remedy));
  await expect(prepare(url, false)).resolves.toMatchObject({ newerMigrations: [] });
});

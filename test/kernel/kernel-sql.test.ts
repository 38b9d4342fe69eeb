/**
 * Proves that prisma/kernel.sql shows everything that grants or removes access, so that a review sees it as added and
 * removed lines.
 */
import { beforeAll, expect, test } from 'vitest';
import { printKernel } from '../../scripts/kernel-sql/print-kernel.js';
import { connected } from '../support/demo-tenants.js';
import { useOwnDatabases } from '../support/own-databases.js';

const databases = useOwnDatabases();
let url = '';
let before = '';
beforeAll(async () => {
  url = await databases.newClone();
  before = await connected(url, printKernel);
});

/** The lines that one text has and the other lacks, or has less often. */
function linesOnlyIn(one: string, other: string): string[] {
  const left = other.split('\n');
  return one.split('\n').filter((line) => {
    const index = left.indexOf(line);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

interface Change {
  readonly what: string;
  readonly sql: string;
  readonly added?: readonly string[];
  readonly removed?: readonly string[];
}

const CHANGES: readonly Change[] = [
  {
    what: 'a grant to everybody',
    sql: 'GRANT SELECT ON memberships TO PUBLIC',
    added: ['GRANT SELECT ON TABLE public.memberships TO PUBLIC;'],
  },
  {
    what: 'a grant that may be passed on',
    sql: 'GRANT TRUNCATE ON memberships TO tenantry_app WITH GRANT OPTION',
    added: ['GRANT TRUNCATE ON TABLE public.memberships TO tenantry_app WITH GRANT OPTION;'],
  },
  {
    what: 'a grant on a column',
    sql: 'GRANT SELECT (fingerprint) ON tenantry.context_keys TO tenantry_app',
    added: ['GRANT SELECT (fingerprint) ON TABLE tenantry.context_keys TO tenantry_app;'],
  },
  {
    what: 'a grant on a schema',
    sql: 'GRANT CREATE ON SCHEMA tenantry TO tenantry_operator',
    added: ['GRANT CREATE, USAGE ON SCHEMA tenantry TO tenantry_operator;'],
    removed: ['GRANT USAGE ON SCHEMA tenantry TO tenantry_operator;'],
  },
  {
    what: 'a grant that is taken away',
    sql: 'REVOKE EXECUTE ON FUNCTION tenantry.listen(uuid[]) FROM tenantry_app',
    removed: ['GRANT EXECUTE ON FUNCTION tenantry.listen(uuid[]) TO tenantry_app;'],
  },
  {
    what: 'a policy that lets everything through',
    sql: 'ALTER POLICY audit_writer ON audit_log TO tenantry_app',
    added: ['CREATE POLICY audit_writer ON public.audit_log FOR INSERT TO tenantry_app'],
    removed: ['CREATE POLICY audit_writer ON public.audit_log FOR INSERT TO tenantry_owner'],
  },
  {
    what: 'a restrictive policy',
    sql: 'CREATE POLICY closed ON memberships AS RESTRICTIVE FOR DELETE USING (false)',
    added: [
      'CREATE POLICY closed ON public.memberships AS RESTRICTIVE FOR DELETE TO PUBLIC',
      '  USING (false);',
    ],
  },
  {
    what: 'row-level security that does not bind the owner',
    sql: 'ALTER TABLE memberships NO FORCE ROW LEVEL SECURITY',
    removed: ['ALTER TABLE public.memberships FORCE ROW LEVEL SECURITY;'],
  },
  {
    what: 'a trigger that is switched off',
    sql: 'ALTER TABLE memberships DISABLE TRIGGER audit',
    added: ['ALTER TABLE public.memberships DISABLE TRIGGER audit;'],
  },
  {
    what: 'a trigger that no longer fires always',
    sql: 'ALTER TABLE audit_log ENABLE TRIGGER append_only',
    removed: ['ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only;'],
  },
  {
    what: 'a trigger that is gone',
    sql: 'DROP TRIGGER append_only_truncate ON audit_log',
    removed: [
      'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();',
      'ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only_truncate;',
    ],
  },
  {
    what: 'a function that nobody has closed',
    sql: `CREATE FUNCTION public.opened() RETURNS integer LANGUAGE sql RETURN 1`,
    added: ['-- public.opened()', 'GRANT EXECUTE ON FUNCTION public.opened() TO PUBLIC;'],
  },
  {
    what: 'a search_path that is no longer fixed',
    sql: 'ALTER FUNCTION tenantry.resolve_api_key RESET search_path',
    removed: [" SET search_path TO 'pg_catalog', 'pg_temp'"],
  },
  {
    what: 'an object of another owner',
    sql: 'ALTER TABLE memberships OWNER TO postgres; ALTER FUNCTION tenantry.bind OWNER TO postgres',
    added: [
      'ALTER FUNCTION tenantry.bind(uuid,text,text,text,integer,boolean,bigint,text) OWNER TO postgres;',
      'ALTER TABLE public.memberships OWNER TO postgres;',
    ],
  },
  {
    what: 'a view',
    sql: 'CREATE VIEW everybody AS SELECT user_id FROM memberships; GRANT SELECT ON everybody TO tenantry_app',
    added: ['CREATE VIEW public.everybody AS', 'GRANT SELECT ON TABLE public.everybody TO tenantry_app;'],
  },
];

test.each(CHANGES)('it shows $what', async ({ sql, added = [], removed = [] }) => {
  await connected(url, async (client) => {
    await client.query('BEGIN; SET LOCAL search_path = public');
    await client.query(sql);
    const after = await printKernel(client);
    expect(linesOnlyIn(after, before)).toEqual(expect.arrayContaining([...added]));
    expect(linesOnlyIn(before, after)).toEqual(removed);
  });
});

test('it is the same whatever the order in which things were made, and holds no object ids', async () => {
  const remade = await databases.newClone();
  const after = await connected(remade, async (client) => {
    await client.query(`
      REVOKE ALL ON memberships FROM tenantry_app, tenantry_operator;
      GRANT UPDATE, DELETE ON memberships TO tenantry_operator;
      GRANT INSERT, SELECT, UPDATE, DELETE ON memberships TO tenantry_app;
      GRANT SELECT, INSERT ON memberships TO tenantry_operator;
      DROP POLICY resolve_access ON memberships;
      CREATE POLICY resolve_access ON memberships FOR SELECT TO tenantry_owner USING (true);
      DROP TRIGGER announce_access ON memberships;
      CREATE TRIGGER announce_access AFTER INSERT OR UPDATE OR DELETE ON memberships
        FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access()`);
    return printKernel(client);
  });
  const nameOf = (of: string): string => new URL(of).pathname.slice(1);
  expect(after.replaceAll(nameOf(remade), nameOf(url))).toBe(before);
});

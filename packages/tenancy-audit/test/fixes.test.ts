/**
 * Every proposed migration is run on a copy and attacked: the application's role, bound to one tenant, reads its own
 * rows as before, and no row of the other tenant in what a statement has closed.
 */
import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { auditCatalog } from '../src/audit.js';
import { fingerprintOf } from '../src/finding.js';
import { asMigration } from '../src/fix-sql.js';
import { ORG, OWN, SHOP, usePlainDatabase } from './plain-database.js';

const database = usePlainDatabase();

const ACME = '00000000-0000-4000-8000-00000000000a';

/** A tenant table with one row for each organization. */
const table = (name: string, policies: string, columns = ''): string => `
  CREATE TABLE ${name} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid NOT NULL REFERENCES organizations, body text${columns});
  INSERT INTO ${name} (organization_id, body) SELECT id, name FROM organizations;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ${name} TO shop_app; ${policies}`;
const guarded = (name: string, ...policies: readonly string[]): string =>
  table(
    name,
    `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; ${policies.map((each) => `CREATE POLICY ${each};`).join(' ')}`,
  );

const BASE = `${SHOP} CREATE POLICY own ON orders USING (${OWN});`;

/** What the application's role reads when it is bound to Acme: the numbers of its own rows and of others, by relation. */
async function readAsAcme(
  client: pg.Client,
): Promise<ReadonlyMap<string, { own: number; foreign: number } | string>> {
  const { rows: relations } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', c.relnamespace::regnamespace, c.relname) AS name FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND EXISTS (
       SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id'
     ) ORDER BY 1`,
  );
  const read = new Map<string, { own: number; foreign: number } | string>();
  for (const { name } of relations) {
    await client.query('SAVEPOINT reading');
    try {
      await client.query('SET LOCAL ROLE shop_app; SET LOCAL row_security = on');
      await client.query("SELECT set_config('app.org', $1, true)", [ACME]);
      const { rows } = await client.query<{ own: number; foreign: number }>(
        `SELECT count(*) FILTER (WHERE organization_id = $1)::int AS own,
           count(*) FILTER (WHERE organization_id <> $1)::int AS foreign FROM ${name}`,
        [ACME],
      );
      read.set(name, rows[0]!);
    } catch (error) {
      read.set(name, String(error));
    }
    await client.query('ROLLBACK TO SAVEPOINT reading');
  }
  return read;
}

const CASES: readonly { readonly name: string; readonly sql: string; readonly closes: readonly string[] }[] =
  [
    { name: 'row-level security off, no policy', sql: table('notes', ''), closes: ['T01 public.notes'] },
    {
      name: 'row-level security off, policies asleep',
      sql: table('notes', `CREATE POLICY own ON notes USING (${OWN});`),
      closes: ['T01 public.notes'],
    },
    {
      name: 'row-level security off, a policy for others',
      sql: table('notes', 'CREATE POLICY own ON notes TO pg_monitor USING (true);'),
      closes: ['T01 public.notes'],
    },
    {
      name: 'the only policy is open',
      sql: guarded('notes', 'own ON notes USING (true)'),
      closes: ['T04 public.notes.own'],
    },
    {
      name: 'all policies are open',
      sql: guarded(
        'notes',
        'a ON notes USING (true)',
        'b ON notes USING (true)',
        'c ON notes FOR SELECT USING (1 = 1)',
      ),
      closes: ['T04 public.notes.a', 'T04 public.notes.b', 'T04 public.notes.c'],
    },
    {
      name: 'one of two policies is open',
      sql: guarded('notes', `own ON notes USING (${OWN})`, 'support ON notes FOR SELECT USING (true)'),
      closes: ['T04 public.notes.support'],
    },
    {
      name: 'an open policy for reading beside one for writing',
      sql: guarded(
        'notes',
        `own ON notes FOR INSERT WITH CHECK (${OWN})`,
        'seen ON notes FOR SELECT USING (true)',
      ),
      closes: ['T04 public.notes.seen'],
    },
    {
      name: 'an open policy with an open check, for each row a setting',
      sql: guarded(
        'notes',
        `own ON notes USING (current_setting('app.org', true) IS NOT NULL) WITH CHECK (true)`,
      ),
      closes: ['T04 public.notes.own'],
    },
    {
      name: 'open by the role',
      sql: guarded('notes', `own ON notes USING (current_user = 'shop_app')`),
      closes: ['T04 public.notes.own'],
    },
    {
      name: 'a check that is wider',
      sql: guarded('notes', `own ON notes USING (${OWN}) WITH CHECK (true)`),
      closes: ['T06 public.notes.own'],
    },
    {
      name: 'a view of a superuser',
      sql: `${guarded('notes', `own ON notes USING (${OWN})`)}
        CREATE VIEW all_notes AS SELECT * FROM notes; GRANT SELECT ON all_notes TO shop_app`,
      closes: ['T07 public.all_notes'],
    },
    {
      name: 'a SECURITY DEFINER function',
      sql: `CREATE FUNCTION everything() RETURNS SETOF orders LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT * FROM public.orders';
        CREATE VIEW through AS SELECT * FROM everything(); GRANT SELECT ON through TO shop_app`,
      closes: ['T09 public.everything()'],
    },
    {
      name: 'loose keys and columns',
      sql: `${guarded('notes', `own ON notes USING (${OWN})`)} ALTER TABLE notes ADD slug text UNIQUE, ADD order_id uuid REFERENCES orders;
        ALTER TABLE notes ALTER COLUMN organization_id DROP NOT NULL;`,
      closes: ['T14 public.notes.notes_order_id_fkey', 'T15 public.notes.notes_slug_key', 'T16 public.notes'],
    },
    {
      name: 'a default of the role, and more privileges than rows',
      sql: `ALTER ROLE shop_app SET app.org = '${ACME}'; GRANT TRUNCATE, REFERENCES ON orders TO shop_app; GRANT TRIGGER ON orders TO PUBLIC`,
      closes: ['T10 role shop_app app.org', 'T18 public.orders'],
    },
    {
      name: 'a source of policies that the application writes through a group',
      sql: `CREATE ROLE staff; GRANT staff TO shop_app; CREATE TABLE readers (login text PRIMARY KEY, org uuid);
        GRANT SELECT, INSERT, DELETE ON readers TO staff;
        INSERT INTO readers SELECT 'x', '${ACME}';
        ${guarded('notes', `own ON notes USING (${OWN} OR organization_id IN (SELECT r.org FROM readers r WHERE r.login = current_setting('app.user', true)))`)}`,
      closes: ['T21 public.notes.own'],
    },
  ];

describe('a proposed migration closes what it names, and the application still reads its own rows', () => {
  test.each(CASES)('$name', async ({ sql, closes }) => {
    await database.broken(async (client) => {
      await client.query(BASE + sql);
      const before = await readAsAcme(client);
      const { report } = await auditCatalog(client, {});
      const fixed = report.findings.filter(({ fix }) => fix !== undefined).map(fingerprintOf);
      expect(fixed).toEqual(expect.arrayContaining([...closes]));
      await client.query(asMigration({ ...report, accepted: [], stale: [] }));
      const after = await readAsAcme(client);
      for (const [name, rows] of before) {
        const own = typeof rows === 'string' ? rows : rows.own;
        expect({ name, own, foreign: 0 }).toEqual({ name, ...(after.get(name) as object) });
      }
      const { findings } = (await auditCatalog(client, {})).report;
      const left = findings.map(fingerprintOf);
      expect(left.filter((each) => closes.includes(each))).toEqual([]);
      // No fix makes a new finding that is worse than minor.
      const known = new Set(report.findings.map(fingerprintOf));
      const serious = findings.filter(({ rule }) => rule.severity !== 'minor').map(fingerprintOf);
      expect(serious.filter((each) => !known.has(each))).toEqual([]);
    });
  });
});

test.each([
  [
    'no setting is known',
    `CREATE ROLE shop_app LOGIN; CREATE TABLE organizations (id uuid PRIMARY KEY);
    CREATE TABLE notes (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations); GRANT SELECT, INSERT ON notes TO shop_app;`,
    'T01',
  ],
  [
    'a copy that the application reads',
    `${BASE} CREATE MATERIALIZED VIEW copied AS SELECT * FROM orders; GRANT SELECT ON copied TO shop_app`,
    'T08',
  ],
  [
    'a view over a table that its reader may not read',
    `${BASE} ${guarded('notes', `own ON notes USING (${OWN})`)} REVOKE SELECT ON notes FROM shop_app;
    CREATE VIEW all_notes AS SELECT * FROM notes; GRANT SELECT ON all_notes TO shop_app`,
    'T07',
  ],
  [
    'a unique key that others reference',
    `${BASE} ${guarded('notes', `own ON notes USING (${OWN})`)} ALTER TABLE notes ADD slug text UNIQUE;
    CREATE TABLE links (id uuid PRIMARY KEY, slug text REFERENCES notes (slug)); `,
    'T15',
  ],
  ['a superuser without grants', `${SHOP} CREATE ROLE boss LOGIN SUPERUSER;`, 'T02'],
])('nothing is proposed that would break the application: %s', async (_, sql, rule) => {
  const given = rule === 'T02' ? { appRoles: ['boss'] } : {};
  const { findings } = await database.after(sql, given);
  const found = findings.filter((each) => each.rule.id === rule);
  expect(found.length).toBeGreaterThan(0);
  expect(found.flatMap(({ fix }) => fix ?? [])).toEqual([]);
  expect(found.every(({ advice }) => advice !== undefined)).toBe(true);
});

test('the policy of a new table is that of the others, with the name of its own column', async () => {
  const { findings } = await database.after(
    `${BASE} ${table('"Notes"', '')} ALTER TABLE "Notes" RENAME organization_id TO "organizationId";`,
  );
  expect(findings.find(({ rule }) => rule.id === 'T01')?.fix).toBe(
    'ALTER TABLE public."Notes" ENABLE ROW LEVEL SECURITY;\n' +
      'CREATE POLICY tenant_isolation ON public."Notes" TO shop_app USING ' +
      `("organizationId" = (NULLIF(current_setting('app.org'::text, true), ''::text))::uuid);`,
  );
  expect(ORG).toContain('app.org');
});

/**
 * Proves that search finds the rows that it should, in linear time and only in the tenant, and that with an index it
 * finds the same rows by that index, although row-level security does not let PostgreSQL use an index for such a
 * condition.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { bind, connected, contextOf, refusalOf } from '../support/demo-tenants.js';
import { useServer, type TestClient } from '../support/server.js';

const server = useServer();
let member: TestClient;

/** A word that few rows have, and more rows than the index returns as candidates. */
const RARE = 'Zwölfboxkämpfer';
const ROWS = 12_000;

beforeAll(async () => {
  member = await server().as('member', 'acme');
  const [acme, globex] = await Promise.all(
    ['acme', 'globex'].map((slug) => server().database.tenantId(slug)),
  );
  await server().database.asSuperuser(
    `ALTER TABLE conversations DISABLE TRIGGER USER;
     INSERT INTO conversations (tenant_id, user_id, subject, body, created_at)
     SELECT CASE i % 2 WHEN 0 THEN '${acme!}'::uuid ELSE '${globex!}'::uuid END, 'u', 'Subject ' || i,
       left(md5(i::text), 8) || CASE WHEN i % 3 = 0 THEN ' COMMON word' ELSE '' END
         || CASE WHEN i % 1001 < 2 THEN ' ${RARE}' ELSE '' END,
       '2026-01-01'::timestamptz + i * interval '1 minute'
     FROM generate_series(1, ${String(ROWS)}) AS i;
     ALTER TABLE conversations ENABLE TRIGGER USER; ANALYZE conversations`,
  );
});

interface Found {
  readonly subjects: readonly (string | null)[];
  readonly totalCount: number;
  readonly endCursor: string;
  readonly startCursor: string;
  readonly hasNextPage: boolean;
}

async function search(term: string, more = '', filter = ''): Promise<Found> {
  const { data, errors } = await member.query<{
    conversations: {
      nodes: { subject: string }[];
      totalCount: number;
      pageInfo: Omit<Found, 'subjects' | 'totalCount'>;
    };
  }>(
    `query ($term: String) { conversations(filter: { search: $term ${filter} } ${more}) {
       nodes { subject } totalCount pageInfo { endCursor startCursor hasNextPage } } }`,
    { term },
  );
  expect(errors).toEqual([]);
  const { nodes, totalCount, pageInfo } = data.conversations;
  return { subjects: nodes.map(({ subject }) => subject), totalCount, ...pageInfo };
}

/** The matching rows of acme, newest first, computed in JavaScript. */
async function expected(term: string): Promise<(string | null)[]> {
  const rows = await server().database.asSuperuser<{ subject: string | null; body: string }>(
    `SELECT subject, body FROM conversations WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')
     ORDER BY created_at DESC, id DESC`,
  );
  const folded = term.toLowerCase();
  return rows
    .filter(({ subject, body }) => [subject ?? '', body].some((text) => text.toLowerCase().includes(folded)))
    .map(({ subject }) => subject);
}

function finds(): void {
  test.each([
    RARE,
    RARE.toUpperCase(),
    'zWÖLF',
    'common WORD',
    'Subject 11',
    'kämpfer',
    'ö',
    '',
    'nowhere',
    'subject  ',
  ])('%j', async (term) => {
    const all = await expected(term);
    const found = await search(term, 'first: 50');
    expect(found.subjects).toEqual(all.slice(0, 50));
    expect(found.totalCount).toBe(all.length);
    expect(found.hasNextPage).toBe(all.length > 50);
  });

  test.each(['common', RARE])('page by page, forwards and backwards: %s', async (term) => {
    const all = await expected(term);
    const first = await search(term, 'first: 3');
    const second = await search(term, `first: 2 after: "${first.endCursor}"`);
    expect([...first.subjects, ...second.subjects]).toEqual(all.slice(0, 5));
    const back = await search(term, `last: 2 before: "${second.startCursor}"`);
    expect(back.subjects).toEqual(all.slice(1, 3));
    const ascending = await search(term, 'first: 4 orderBy: { field: UPDATED_AT, direction: ASC }');
    expect(ascending.totalCount).toBe(all.length);
    const oldest = await search(term, 'first: 4 orderBy: { field: CREATED_AT, direction: ASC }');
    expect(oldest.subjects).toEqual(all.toReversed().slice(0, 4));
  });

  test('together with other conditions', async () => {
    const between = 'createdAt: { from: "2026-01-02T00:00:00Z", to: "2026-01-03T00:00:00Z" }';
    const { subjects, totalCount } = await search('common', 'first: 100', between);
    const numbers = subjects.map((subject) => Number(subject!.replace('Subject ', '')));
    expect(totalCount).toBe(240);
    expect(numbers[0]).toBeLessThan(2_880);
    expect(numbers.every((number) => number % 6 === 0)).toBe(true);
    expect((await search('common', '', 'userId: "somebody else"')).totalCount).toBe(0);
  });

  test('text as it is, whatever it is made of', async () => {
    const piece = fc.constantFrom(
      '%',
      '_',
      '\\',
      "'",
      '*',
      ' ',
      'a',
      'B',
      'subject',
      '1',
      'é',
      '\u001f',
      '😀',
      '\n',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        const term = pieces.join('');
        const all = await expected(term);
        const found = await search(term, 'first: 10');
        expect(found.subjects).toEqual(all.slice(0, 10));
        expect(found.totalCount).toBe(all.length);
      }),
      { numRuns: 15 },
    );
  });
}

describe('without an index, search finds', finds);

test('a term of one letter repeated costs no more than any other, in texts of it', async () => {
  const { database } = server();
  const globex = await server().as('member', 'globex');
  const id = await database.tenantId('globex');
  await database.asSuperuser(
    `INSERT INTO conversations (tenant_id, user_id, body) SELECT $1, 'u', $2 FROM generate_series(1, 100)`,
    [id, 'a'.repeat(10_000)],
  );
  const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await work();
    return performance.now() - began;
  };
  const ask = async (term: string) => {
    const { data, errors } = await globex.query<{ conversations: { totalCount: number } }>(
      'query ($term: String) { conversations(filter: { search: $term }) { totalCount } }',
      { term },
    );
    expect(errors).toEqual([]);
    expect(data.conversations.totalCount).toBe(0);
  };
  const repeated = `${'a'.repeat(254)}b`;
  // ILIKE restarts the comparison of such a term at each character, which takes it about ten times as long.
  const restarting = await timeOf(() =>
    database.asSuperuser('SELECT count(*) FROM conversations WHERE tenant_id = $1 AND body ILIKE $2', [
      id,
      `%${repeated}%`,
    ]),
  );
  const times: number[] = [];
  // Of several attempts, one is not held up by what else the machine does.
  for (let attempt = 0; attempt < 5; attempt++) times.push(await timeOf(() => ask(repeated)));
  expect(Math.min(...times)).toBeLessThan(restarting / 2);
  for (const term of [`b${'a'.repeat(254)}`, `${'a'.repeat(127)}b${'a'.repeat(127)}`]) await ask(term);
});

describe('with an index', () => {
  beforeAll(async () => {
    const { database } = server();
    await database.asSuperuser(`GRANT CREATE ON DATABASE ${database.name} TO tenantry_owner`);
    await database.asSuperuser(
      `SET ROLE tenantry_owner; SELECT tenantry.index_search('public.conversations', 'subject', 'body'); RESET ROLE`,
    );
    await database.asSuperuser('ANALYZE conversations');
  });

  describe('search finds', finds);

  const asApp = async (
    slug: string,
    term: string,
  ): Promise<{ ids: string[] | null; scans: Readonly<Record<string, number>> }> => {
    const tenantId = await server().database.tenantId(slug);
    return connected(server().database.app, async (client) => {
      await client.query('BEGIN');
      await bind(client, contextOf(tenantId));
      const { rows } = await client.query<{ ids: string[] | null }>(
        'SELECT tenantry.candidates_of_conversations($1) AS ids',
        [term],
      );
      // The scans of this transaction so far, for each index and for the table.
      const scans = await client.query<{ name: string; scans: number }>(
        `SELECT relname AS name, pg_stat_get_xact_numscans(oid)::int AS scans FROM pg_class
         WHERE relname LIKE 'conversations%' AND pg_stat_get_xact_numscans(oid) > 0`,
      );
      await client.query('ROLLBACK');
      return {
        ids: rows[0]!.ids,
        scans: Object.fromEntries(scans.rows.map(({ name, scans: n }) => [name, n])),
      };
    });
  };

  test('the server’s role finds a rare term by it, and reads nothing else', async () => {
    const { ids, scans } = await asApp('acme', RARE);
    expect(scans).toEqual({ conversations_search: 1 });
    expect(ids).toHaveLength((await expected(RARE)).length);
  });

  test('candidates are of the bound tenant, and without one there are none', async () => {
    const both = await Promise.all(['acme', 'globex'].map(async (slug) => (await asApp(slug, RARE)).ids!));
    for (const [at, slug] of ['acme', 'globex'].entries()) {
      const [row] = await server().database.asSuperuser<{ own: boolean }>(
        `SELECT bool_and(tenant_id = (SELECT id FROM tenants WHERE slug = $2)) AS own FROM conversations WHERE id = ANY ($1)`,
        [both[at], slug],
      );
      expect(row!.own).toBe(true);
    }
    await connected(server().database.app, async (client) => {
      const refused = await refusalOf(client.query("SELECT tenantry.candidates_of_conversations('common')"));
      expect(refused).toEqual({ state: '42501', message: 'no tenant is bound to this transaction' });
    });
  });

  test.each(['common', 'ab', '%%%', '', 'ö1 ö'])('for %j, one has to look through the rows', async (term) => {
    expect((await asApp('acme', term)).ids).toBeNull();
  });

  test('a new row is found at once; without the index, the function answers as before', async () => {
    await member.query(
      'mutation { createConversation(input: { body: "Xylophon 77" }) { conversation { id } } }',
    );
    expect((await search('xylophon')).totalCount).toBe(1);
    await server().database.asSuperuser(
      `SET ROLE tenantry_owner; SELECT tenantry.drop_search_index('public.conversations'); RESET ROLE`,
    );
    expect((await asApp('acme', RARE)).ids).toBeNull();
    expect((await search('xylophon')).totalCount).toBe(1);
    expect(
      await server().database.asSuperuser(
        "SELECT polname FROM pg_policy WHERE polrelid = 'conversations'::regclass AND polname = 'search'",
      ),
    ).toEqual([]);
  });
});

/**
 * Proves that conversations page through exactly the tenant's own rows in every order and filter as they say; and that
 * the messages nested in them come to the right conversation, a page of each, at a cost that does not grow with the
 * number of rows.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { useClients } from '../support/clients.js';
import { provePaging, secondsLater, sortKey, type Page } from '../support/connections.js';
import { insertConversation, insertMessage } from '../support/example-rows.js';
import { insertMembership } from '../support/rows.js';
import { useServer, type Answer } from '../support/server.js';
import { transactionsAmong, watchStatements } from '../support/statements.js';

const statements = watchStatements();
const server = useServer();
const clientOf = useClients(server);

/** A user of each tenant whose conversations make a list of their own. */
const listOf = (name: string) => `lists|${name}`;

const remove = async (database: ReturnType<typeof server>['database'], tenant: string, id: string) =>
  database.asSuperuser('DELETE FROM conversations WHERE tenant_id = $1 AND id = $2', [
    await database.tenantId(tenant),
    id,
  ]);

describe.each([
  ['as they come', undefined, 'createdAt', 'desc'],
  ['by CREATED_AT, ASC', 'orderBy: { field: CREATED_AT, direction: ASC }', 'createdAt', 'asc'],
  ['by UPDATED_AT, DESC', 'orderBy: { field: UPDATED_AT }', 'updatedAt', 'desc'],
  ['by UPDATED_AT, ASC', 'orderBy: { field: UPDATED_AT, direction: ASC }', 'updatedAt', 'asc'],
] as const)('conversations %s', (name, orderBy, column, direction) => {
  const userId = listOf(name);
  provePaging(server, {
    field: 'conversations',
    args: `filter: { userId: "${userId}" }${orderBy === undefined ? '' : `, ${orderBy}`}`,
    column,
    direction,
    rows: async (database, tenant) =>
      database.asSuperuser(
        `SELECT id, ${sortKey(column === 'createdAt' ? 'created_at' : 'updated_at')}
         FROM conversations WHERE tenant_id = $1 AND user_id = $2`,
        [await database.tenantId(tenant), userId],
      ),
    add: (database, tenant, seconds) =>
      insertConversation(database, tenant, {
        id: randomUUID(),
        userId,
        // The column that does not sort runs the other way round.
        createdAt: secondsLater(column === 'createdAt' ? seconds : 1_000 - seconds),
        updatedAt: secondsLater(column === 'updatedAt' ? seconds : 1_000 - seconds),
      }),
    remove,
  });
});

describe('a cursor', () => {
  const cursorOf = async (args: string) => {
    const { data } = await (
      await clientOf('owner')
    ).query<{ conversations: Page }>(`{ conversations(first: 1, ${args}) { pageInfo { endCursor } } }`);
    return data.conversations.pageInfo.endCursor;
  };
  const ask = async (args: string, after: string | null) =>
    (await clientOf('owner')).query(`query ($after: String) { ${args} }`, { after });

  test.each([
    ['CREATED_AT', 'UPDATED_AT'],
    ['UPDATED_AT', 'CREATED_AT'],
  ])('of the order by %s is refused in the order by %s', async (of, by) => {
    const cursor = await cursorOf(`orderBy: { field: ${of} }`);
    const { errors } = await ask(
      `conversations(first: 1, after: $after, orderBy: { field: ${by} }) { totalCount }`,
      cursor,
    );
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'after' } }]);
  });

  test.each(['members', 'auditLog'])('of the conversations is refused by %s', async (list) => {
    const cursor = await cursorOf('orderBy: { field: CREATED_AT }');
    const { errors } = await ask(`${list}(first: 1, after: $after) { totalCount }`, cursor);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'after' } }]);
  });

  test('serves in the same order read the other way, and under another filter', async () => {
    const cursor = await cursorOf('orderBy: { direction: DESC }');
    for (const args of ['orderBy: { direction: ASC }', 'filter: { search: "pizza" }']) {
      const { errors } = await ask(`conversations(first: 1, after: $after, ${args}) { totalCount }`, cursor);
      expect(errors).toEqual([]);
    }
  });

  test('leads on from a row with any id that PostgreSQL can hold', async () => {
    const userId = listOf('odd ids');
    const ids = [
      '00000000-0000-0000-0000-000000000000',
      '11111111-1111-1111-1111-111111111111',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
    ];
    for (const id of ids) {
      await insertConversation(server().database, 'acme', { id, userId, createdAt: secondsLater(1) });
    }
    const client = await clientOf('owner');
    const seen: string[] = [];
    for (let after: string | null = null; seen.length < ids.length;) {
      const { data, errors }: Answer<{ conversations: Page }> = await client.query(
        `query ($after: String, $userId: ID) {
           conversations(first: 1, after: $after, filter: { userId: $userId }, orderBy: { direction: ASC }) {
             nodes { id } pageInfo { endCursor }
           }
         }`,
        { after, userId },
      );
      expect(errors).toEqual([]);
      seen.push(data.conversations.nodes[0]!.id);
      after = data.conversations.pageInfo.endCursor;
    }
    expect(seen).toEqual(ids);
  });
});

describe('a filter of conversations', () => {
  const author = listOf('filtered');
  const found = async (filter: object | null) => {
    const { data, errors } = await (
      await clientOf('viewer')
    ).query<{ conversations: { nodes: { subject: string | null }[]; totalCount: number } }>(
      `query ($filter: ConversationFilter) {
         conversations(first: 100, filter: $filter, orderBy: { direction: ASC }) { nodes { subject } totalCount }
       }`,
      { filter },
    );
    expect(errors).toEqual([]);
    expect(data.conversations.totalCount).toBe(data.conversations.nodes.length);
    return data.conversations.nodes.map(({ subject }) => subject);
  };
  const search = (text: string) => found({ userId: author, search: text });

  const TEXTS: readonly (readonly [subject: string | null, body: string])[] = [
    ['percent', 'it was 100% sure'],
    ['no percent', 'it was 100x sure'],
    ['underscore', 'snake_case'],
    ['no underscore', 'snakeXcase'],
    ['backslash', 'C:\\temp'],
    ['no backslash', 'C:temp'],
    ['quote', `it's "quoted"`],
    ['Umlaut', 'ÄRGER mit Öl'],
    ['the needle is here', 'elsewhere'],
    [null, 'no subject, but a needle'],
  ];

  beforeAll(async () => {
    const { database } = server();
    for (const [at, [subject, body]] of TEXTS.entries()) {
      await insertConversation(database, 'acme', {
        userId: author,
        subject,
        body,
        createdAt: secondsLater(at),
      });
      await insertConversation(database, 'globex', { userId: author, subject: `globex ${subject}`, body });
    }
  });

  test.each([
    ['100%', ['percent']],
    ['%', ['percent']],
    ['1%0', []],
    ['snake_case', ['underscore']],
    ['_', ['underscore']],
    ['s_ake', []],
    ['C:\\temp', ['backslash']],
    ['\\', ['backslash']],
    ['\\%', []],
    ['\\_', []],
    ["it's", ['quote']],
    ['"quoted"', ['quote']],
    ["' OR '1'='1", []],
  ])('takes %j literally in a search', async (text, subjects) => {
    expect(await search(text)).toEqual(subjects);
  });

  test('searches subject and body, in whatever case', async () => {
    expect(await search('NEEDLE')).toEqual(['the needle is here', null]);
    expect(await search('umLAUT')).toEqual(['Umlaut']);
    expect(await search('SNAKE')).toEqual(['underscore', 'no underscore']);
  });

  test('finds everything by an empty search, and nothing of another tenant', async () => {
    expect(await search('')).toHaveLength(TEXTS.length);
    expect(await search('globex')).toEqual([]);
    expect(await found({ search: 'globex' })).toEqual([]);
  });

  test('by user finds the conversations of this user only', async () => {
    expect(await found({ userId: author })).toHaveLength(TEXTS.length);
    expect(await found({ userId: 'demo|globex|owner' })).toEqual([]);
    expect(await found({ userId: '' })).toEqual([]);
  });

  test('by time takes the first moment in, and leaves the last out', async () => {
    const between = (from?: number, to?: number) =>
      found({
        userId: author,
        createdAt: {
          ...(from !== undefined && { from: secondsLater(from) }),
          ...(to !== undefined && { to: secondsLater(to) }),
        },
      });
    expect(await between(1, 3)).toEqual(['no percent', 'underscore']);
    expect(await between(9)).toEqual([null]);
    expect(await between(undefined, 1)).toEqual(['percent']);
    expect(await between()).toHaveLength(TEXTS.length);
    expect(await between(3, 1)).toEqual([]);
  });

  test('reads a time in another zone as the same moment', async () => {
    const filter = {
      userId: author,
      createdAt: { from: '2024-01-01T02:00:00+02:00', to: '2024-01-01T02:00:01+02:00' },
    };
    expect(await found(filter)).toEqual(['percent']);
  });

  test('is the conjunction of its conditions', async () => {
    const createdAt = { from: secondsLater(8), to: secondsLater(9) };
    expect(await found({ userId: author, search: 'needle', createdAt })).toEqual(['the needle is here']);
    expect(await found({ userId: 'somebody else', search: 'needle', createdAt })).toEqual([]);
  });

  test('that says nothing leaves nothing out', async () => {
    const client = await clientOf('viewer');
    const [row] = await server().database.asSuperuser<{ count: number }>(
      'SELECT count(*)::int AS count FROM conversations WHERE tenant_id = $1',
      [await server().database.tenantId('acme')],
    );
    for (const filter of [null, {}, { userId: null, search: null, createdAt: null }]) {
      const { data } = await client.query(
        'query ($filter: ConversationFilter) { conversations(filter: $filter) { totalCount } }',
        { filter },
      );
      expect(data).toEqual({ conversations: { totalCount: row!.count } });
    }
  });

  test.each([
    ['search', { search: 'a\u0000b' }],
    ['userId', { userId: '\u0000' }],
  ])('with a U+0000 in %s is refused', async (_name, filter) => {
    const { data, errors } = await (
      await clientOf('viewer')
    ).query('query ($filter: ConversationFilter) { conversations(filter: $filter) { totalCount } }', {
      filter,
    });
    expect(data).toEqual({ conversations: null });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('that is narrowed by paging still counts all that it finds', async () => {
    const { data } = await (
      await clientOf('viewer')
    ).query<{ conversations: Page }>(
      `query ($userId: ID) {
         conversations(first: 2, filter: { userId: $userId, search: "needle" }) {
           nodes { id } totalCount pageInfo { hasNextPage endCursor }
         }
       }`,
      { userId: author },
    );
    expect(data.conversations).toMatchObject({ totalCount: 2, pageInfo: { hasNextPage: false } });
  });
});

describe('the messages of conversations', () => {
  const author = listOf('with messages');
  /** How many messages the conversations have. */
  const COUNTS = [0, 1, 3, 25, 105];
  const expected = new Map<string, string[]>();

  interface Nested {
    readonly conversations: {
      readonly nodes: readonly {
        readonly id: string;
        readonly messages: Page & { readonly nodes: readonly { id: string; conversationId: string }[] };
      }[];
    };
  }
  const ask = async (args: string, after?: string) => {
    const { data, errors } = await (
      await clientOf('viewer')
    ).query<Nested>(
      `query ($userId: ID${after === undefined ? '' : ', $after: String'}) {
         conversations(first: 100, filter: { userId: $userId }, orderBy: { direction: ASC }) {
           nodes {
             id
             messages${args} {
               nodes { id conversationId }
               edges { cursor node { id } }
               totalCount
               pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
             }
           }
         }
       }`,
      { userId: author, ...(after !== undefined && { after }) },
    );
    expect(errors).toEqual([]);
    expect(data.conversations.nodes.map(({ id }) => id)).toEqual([...expected.keys()]);
    return data.conversations.nodes;
  };

  beforeAll(async () => {
    const { database } = server();
    for (const [at, count] of COUNTS.entries()) {
      const conversationId = await insertConversation(database, 'acme', {
        userId: author,
        createdAt: secondsLater(at),
      });
      const rows: { id: string; seconds: number }[] = [];
      for (let message = 0; message < count; message++) {
        // Several at the same time, and the conversations' times interleaved.
        const seconds = Math.floor(((message * 7) % count) / 3);
        const id = await insertMessage(database, 'acme', {
          conversationId,
          createdAt: secondsLater(seconds),
        });
        rows.push({ id, seconds });
      }
      rows.sort((a, b) => a.seconds - b.seconds || (a.id < b.id ? -1 : 1));
      expected.set(
        conversationId,
        rows.map(({ id }) => id),
      );
    }
  });

  test('are those of each conversation, the oldest first, 20 unless more are asked for', async () => {
    for (const { id, messages } of await ask('')) {
      const ids = expected.get(id)!;
      expect(messages.nodes).toEqual(
        ids.slice(0, 20).map((message) => ({ id: message, conversationId: id })),
      );
      expect(messages.edges.map(({ node }) => node.id)).toEqual(ids.slice(0, 20));
      expect(messages.totalCount).toBe(ids.length);
      expect(messages.pageInfo).toEqual({
        hasNextPage: ids.length > 20,
        hasPreviousPage: false,
        startCursor: messages.edges[0]?.cursor ?? null,
        endCursor: messages.edges.at(-1)?.cursor ?? null,
      });
    }
  });

  test.each([0, 2, 100])('are at most the %i of a page in each conversation', async (size) => {
    for (const { id, messages } of await ask(`(first: ${size})`)) {
      const ids = expected.get(id)!;
      expect(messages.nodes.map((message) => message.id)).toEqual(ids.slice(0, size));
      expect(messages.pageInfo.hasNextPage).toBe(ids.length > size);
      expect(messages.totalCount).toBe(ids.length);
    }
  });

  test('page through a conversation to its end', async () => {
    const [id, ids] = [...expected].at(-1)!;
    const seen: string[] = [];
    for (let after: string | null = null, more = true; more;) {
      const { data, errors }: Answer<{ conversation: { messages: Page } }> = await (
        await clientOf('viewer')
      ).query(
        `query ($id: ID!, $after: String) {
           conversation(id: $id) { messages(first: 10, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }
         }`,
        { id, after },
      );
      expect(errors).toEqual([]);
      seen.push(...data.conversation.messages.nodes.map((message) => message.id));
      expect(seen.length).toBeLessThanOrEqual(ids.length);
      ({ endCursor: after, hasNextPage: more } = data.conversation.messages.pageInfo);
    }
    expect(seen).toEqual(ids);
  });

  test('start behind a cursor in every conversation alike', async () => {
    const { cursor, node } = (await ask('(first: 100)'))[3]!.messages.edges[9]!;
    const { database } = server();
    const [{ key } = { key: '' }] = await database.asSuperuser<{ key: string }>(
      `SELECT ${sortKey('created_at')} FROM messages WHERE id = $1`,
      [node.id],
    );
    for (const { id, messages } of await ask('(first: 100, after: $after)', cursor)) {
      const behind = await database.asSuperuser<{ id: string }>(
        `SELECT id FROM messages WHERE conversation_id = $1 AND (created_at, id) > ($2::text::timestamp AT TIME ZONE 'UTC', $3)
         ORDER BY created_at, id LIMIT 100`,
        [id, key, node.id],
      );
      expect(messages.nodes.map((message) => message.id)).toEqual(behind.map((message) => message.id));
      expect(messages.totalCount).toBe(expected.get(id)!.length);
    }
  });

  test('are not mixed up when one conversation is asked for twice with different pages', async () => {
    const [id, ids] = [...expected].at(-1)!;
    const { data, errors } = await (
      await clientOf('viewer')
    ).query<{ conversation: Record<'a' | 'b', Page> }>(
      `query ($id: ID!) {
         conversation(id: $id) { a: messages(first: 2) { nodes { id } } b: messages(first: 5) { nodes { id } } }
       }`,
      { id },
    );
    expect(errors).toEqual([]);
    expect(data.conversation.a.nodes.map((message) => message.id)).toEqual(ids.slice(0, 2));
    expect(data.conversation.b.nodes.map((message) => message.id)).toEqual(ids.slice(0, 5));
  });

  test.each([
    ['(first: 101)', 'first'],
    ['(first: -1)', 'first'],
    ['(after: "garbage")', 'after'],
  ])('are refused with %s, and the list of conversations stands', async (args, argument) => {
    const { data, errors } = await (
      await clientOf('viewer')
    ).query<{ conversations: { totalCount: number } | null }>(
      `query ($userId: ID) {
         conversations(first: 1, filter: { userId: $userId }) { totalCount nodes { id } }
         with: conversation(id: "${[...expected.keys()][0]}") { id messages${args} { totalCount } }
       }`,
      { userId: author },
    );
    expect(errors).toMatchObject([
      { path: ['with', 'messages'], extensions: { code: 'BAD_USER_INPUT', field: argument } },
    ]);
    expect(data.conversations?.totalCount).toBe(COUNTS.length);
  });

  test('of another tenant are not shown, even if a conversation has the same id there', async () => {
    const { database } = server();
    const id = randomUUID();
    await insertConversation(database, 'acme', { id });
    await insertConversation(database, 'globex', { id });
    await insertMessage(database, 'globex', { conversationId: id });
    const { data } = await (
      await clientOf('viewer')
    ).query('query ($id: ID!) { conversation(id: $id) { messages { nodes { id } totalCount } } }', { id });
    expect(data).toEqual({ conversation: { messages: { nodes: [], totalCount: 0 } } });
  });
});

describe('the cost of a list with everything in it', () => {
  test('is the same number of transactions and statements for 3 rows as for 60', async () => {
    const userId = listOf('expensive');
    const { database } = server();
    const authors = Array.from({ length: 10 }, (_value, at) => `${userId}|${at}`);
    for (const member of authors) await insertMembership(database, 'acme', { userId: member });
    for (let row = 0; row < 60; row++) {
      const conversationId = await insertConversation(database, 'acme', {
        userId: authors[row % authors.length]!,
        subject: userId,
      });
      await insertMessage(database, 'acme', { conversationId });
      await insertMessage(database, 'acme', { conversationId });
    }
    const client = await clientOf('owner');
    const ask = async (first: number) => {
      const { data, errors } = await client.query<{ conversations: Page }>(
        `query ($first: Int, $search: String) {
           conversations(first: $first, filter: { search: $search }) {
             nodes { id body author { userId email } messages(first: 5) { nodes { id body } totalCount } }
             edges { cursor }
             totalCount
           }
         }`,
        { first, search: userId },
      );
      expect(errors).toEqual([]);
      expect(data.conversations.nodes).toHaveLength(first);
    };
    await ask(1);
    const few = await statements.during(() => ask(3));
    const many = await statements.during(() => ask(60));
    expect(transactionsAmong(many)).toBe(transactionsAmong(few));
    expect(many).toHaveLength(few.length);
    // The conversations; their count; their authors and messages; the messages' counts.
    expect(transactionsAmong(many)).toBeLessThanOrEqual(4);
  });
});

/**
 * Proves that conversations page through exactly the tenant's own rows in every order and with every filter, and that
 * the messages in them belong to the right conversation, one page each, at a cost that does not depend on the number of
 * rows.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { provePaging, secondsLater, sortKey, type Page } from '../support/connections.js';
import { insertConversation } from '../support/example-rows.js';
import type { Answer } from '../support/server.js';
import { useClients } from '../support/clients.js';
import { useServer } from '../support/server.js';

const server = useServer();
const clientOf = useClients(server);

/** A user of each tenant whose conversations are a list of their own. */
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
        // The other column has the reverse order.
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
    expect(seen).toEqual(ids.map((id) => encodeId('Conversation', id)));
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

/**
 * Proves that lists below a list are read together with it, and that nothing else differs: neither the answers, nor what a
 * caller may read.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Message } from '../../src/generated/prisma/client.js';
import { childList } from '../../src/kernel/graphql/children.js';
import { LookAhead } from '../../src/kernel/graphql/look-ahead.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { dataRule } from '../../src/kernel/graphql/shield.js';
import { sortBy } from '../../src/kernel/graphql/sort-key.js';
import { forbidden } from '../../src/kernel/vocabulary/errors.js';
import { modules } from '../../src/modules.js';
import { useServer, type TestClient } from '../support/server.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();

/** Lists of messages behind a permission that viewers do not have, and behind a rule that refuses everybody. */
const guarded = defineModule({
  name: 'guarded lists',
  typeDefs: `
    extend enum Permission { REPLIES_READ }
    extend type Conversation {
      replies(first: Int, after: String, last: Int, before: String): MessageConnection
        @requires(permission: REPLIES_READ)
      ruled(first: Int, after: String, last: Int, before: String): MessageConnection
        @requires(permission: CONVERSATIONS_READ)
      secluded(first: Int, after: String, last: Int, before: String): SecludedConnection
        @requires(permission: CONVERSATIONS_READ)
    }
    type SecludedConnection {
      nodes: [Message!] @requires(permission: CONVERSATIONS_READ)
      pageInfo: PageInfo! @requires(permission: REPLIES_READ)
    }`,
  resolvers: {
    Conversation: { replies: messages('asc'), ruled: messages('desc'), secluded: messages('desc') },
  } as object,
  permissions: { 'replies:read': ['owner', 'admin', 'member'] },
  rules: { 'Conversation.ruled': dataRule('refuses all', () => forbidden('a rule')) },
});

function messages(direction: 'asc' | 'desc') {
  return childList<Message>('Message', 'conversationId', { key: sortBy('Message', 'createdAt'), direction });
}

const server = useServer({ modules: [...modules, guarded] });
let owner: TestClient;

beforeAll(async () => {
  owner = await server().as('owner', 'acme');
  const { tenantId } = await tenantOf('acme');
  await server().database.asSuperuser(
    `INSERT INTO conversations (tenant_id, user_id, body, created_at)
     SELECT $1, 'u', 'look ahead ' || n, timestamptz '2024-01-01Z' + (n / 2) * interval '1 ms' FROM generate_series(1, 6) n`,
    [tenantId],
  );
  await server().database.asSuperuser(
    `INSERT INTO messages (tenant_id, conversation_id, user_id, body, created_at)
     SELECT tenant_id, id, 'u', 'message ' || n, timestamptz '2024-01-02Z' + (n / 2) * interval '1 ms'
     FROM conversations, generate_series(1, right(body, 1)::int - 1) n WHERE body LIKE 'look ahead %'`,
  );
});
afterEach(() => vi.restoreAllMocks());

async function tenantOf(slug: string): Promise<{ readonly tenantId: string }> {
  const [row] = await server().database.asSuperuser<{ tenantId: string }>(
    'SELECT id AS "tenantId" FROM tenants WHERE slug = $1',
    [slug],
  );
  return row!;
}

const readTwice = (sent: readonly string[]) => sent.filter((text) => text.includes('unnest'));
const readAhead = (sent: readonly string[]) => sent.filter((text) => text.includes('LEFT JOIN LATERAL'));

async function sentBy(document: string, client = owner, variables = {}): Promise<readonly string[]> {
  return statements.during(async () => {
    await client.query(document, variables);
  });
}

describe('one round trip', () => {
  test.each([
    ['nodes', '{ conversations(first: 3) { nodes { body messages(first: 2) { nodes { body } } } } }'],
    [
      'edges',
      '{ conversations(last: 3) { edges { node { id messages { edges { cursor node { id } } } } } } }',
    ],
    [
      'fragments',
      `{ conversations { nodes { ...c ... on Node { id } } } }
       fragment c on Conversation { messages { nodes { ...m } } } fragment m on Message { body createdAt }`,
    ],
    [
      'several lists',
      '{ conversations { nodes { a: messages(last: 1) { nodes { id } } messages { nodes { id } } } } }',
    ],
    ['a filter', '{ conversations(filter: { userId: "u" }) { nodes { messages { nodes { id } } } } }'],
  ])('reads a list with what is below it: %s', async (_what, document) => {
    const sent = await sentBy(document);
    expect(sent).toHaveLength(1);
    expect(readAhead(sent)).toHaveLength(1);
  });

  test('with variables', async () => {
    const document = `query ($few: Int!) { conversations { nodes { messages(first: $few) { nodes { id } } } } }`;
    expect(readAhead(await sentBy(document, owner, { few: 3 }))).toHaveLength(1);
  });

  test.each([
    [
      'a directive',
      'query ($no: Boolean = false) { conversations { nodes { messages @include(if: $no) { nodes { id } } } } }',
    ],
    ['a page that is too large', '{ conversations { nodes { messages(first: 101) { nodes { id } } } } }'],
    ['an invalid cursor', '{ conversations { nodes { messages(after: "x") { nodes { id } } } } }'],
    ['a list of no page', '{ conversations { nodes { id } } }'],
    ['a list without its rows', '{ conversations { nodes { messages { totalCount } } } }'],
  ])('reads nothing ahead for %s', async (_what, document) => {
    expect(readAhead(await sentBy(document))).toEqual([]);
  });

  test('the columns that nobody asks for are not read', async () => {
    const [sent] = await sentBy('{ conversations { nodes { id messages { nodes { id } } } } }');
    expect(sent).not.toMatch(/"(body|subject|user_id)"/);
    const [all] = await sentBy(
      '{ conversations { nodes { author { id } messages { nodes { author { id } } } } } }',
    );
    expect(all!.match(/"user_id"/g)).toHaveLength(2);
  });

  test('what could not be read ahead is read for itself', async () => {
    const document = '{ conversations { nodes { messages { nodes { id } } } } }';
    const { data } = await owner.query(document);
    const client = Object.getPrototypeOf(server().services.database.forTenant(await contextOf())) as object;
    vi.spyOn(client as { readBelow(): Promise<unknown> }, 'readBelow').mockResolvedValue(undefined);
    const sent = await statements.during(async () =>
      expect((await owner.query(document)).data).toEqual(data),
    );
    expect(readTwice(sent)).toHaveLength(1);
    vi.spyOn(client as { readBelow(): Promise<unknown> }, 'readBelow').mockRejectedValue(new Error('lost'));
    expect(await owner.query(document)).toMatchObject({ data, errors: [] });
  });
});

const contextOf = async () => ({
  ...(await tenantOf('acme')),
  actor: { type: 'user' as const, id: 'u' },
  requestId: randomUUID(),
});

describe('nobody reads more', () => {
  const withList = (list: string) => `{ conversations { nodes { id ${list} { nodes { id body } } } } }`;

  test('a list is not read ahead for a caller without its permission, and is refused', async () => {
    const document = withList('replies');
    expect(readAhead(await sentBy(document))).toHaveLength(1);
    const viewer = await server().as('viewer', 'acme');
    expect(readAhead(await sentBy(document, viewer))).toEqual([]);
    const { data, errors } = await viewer.query<{ conversations: { nodes: { replies: null }[] } }>(document);
    expect(data.conversations.nodes.length).toBeGreaterThan(6);
    for (const { replies } of data.conversations.nodes) expect(replies).toBeNull();
    expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(new Set(['FORBIDDEN']));
  });

  test('a list with a rule is not read ahead, and the rule decides', async () => {
    const document = withList('ruled');
    expect(readAhead(await sentBy(document))).toEqual([]);
    const { data, errors } = await owner.query<{ conversations: { nodes: { ruled: null }[] } }>(document);
    for (const { ruled } of data.conversations.nodes) expect(ruled).toBeNull();
    expect(errors).toHaveLength(data.conversations.nodes.length);
  });

  test('a list is not read ahead when a field on the way to its rows has a guard of its own', async () => {
    const document = withList('secluded');
    expect(readAhead(await sentBy(document))).toEqual([]);
    expect(await owner.query(document)).toMatchObject({ errors: [] });
  });

  test('lists that were read ahead are those of the tenant', async () => {
    const document = withList('messages');
    const ids = async (tenant: string) => {
      const { data } = await (
        await server().as('owner', tenant)
      ).query<{ conversations: { nodes: { messages: { nodes: { id: string }[] } }[] } }>(document);
      return data.conversations.nodes.flatMap(({ messages: { nodes } }) => nodes.map(({ id }) => id));
    };
    const [acme, globex] = [await ids('acme'), await ids('globex')];
    expect(globex.length).toBeGreaterThan(0);
    expect(acme.filter((id) => globex.includes(id))).toEqual([]);
  });

  test('the rows that are found for it are narrowed by the filter and by row-level security', async () => {
    const acme = server().services.database.forTenant(await contextOf());
    const below = (text: string) =>
      acme.readBelow<{ tenant: string }>('conversation', { select: { id: true } }, (found) => {
        expect(found.text).toContain('"tenant_id" = $1');
        const [start, end] = text.split('FOUND') as [string, string];
        return Object.assign(found, {
          strings: [start + found.strings[0]!, ...found.strings.slice(1, -1), found.strings.at(-1)! + end],
        });
      });
    const { tenantId } = await tenantOf('acme');
    const all = await below(
      'SELECT DISTINCT c.tenant_id AS tenant FROM conversations c WHERE EXISTS (FOUND) AND true',
    );
    expect(all).toEqual([{ tenant: tenantId }]);
  });
});

/** Selections of a list of messages, of conversations, and of a document, some of which are wrong. */
const page = fc.record({
  first: fc.option(fc.constantFrom('0', '1', '2', '5', '101', '$few', 'null'), { nil: undefined, freq: 1 }),
  last: fc.option(fc.constantFrom('1', '3', '$few'), { nil: undefined, freq: 5 }),
  after: fc.option(fc.constantFrom('"x"', 'null', '$cursor'), { nil: undefined, freq: 6 }),
});
const argumentsOf = (args: object) => {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  return given.length > 0 ? `(${given.map(([name, value]) => `${name}: ${String(value)}`).join(', ')})` : '';
};
const some = (fields: readonly string[]) =>
  fc.subarray([...fields], { minLength: 1 }).map((chosen) => chosen.join(' '));
const directive = fc.constantFrom('', '', '', ' @include(if: $yes)', ' @skip(if: $yes)');
const messageFields = fc.oneof(
  some(['id', 'body', 'createdAt', '__typename', 'userId', 'author { id }', 'conversation { id body }']),
  fc.constant('...m'),
);
const connectionOf = (row: fc.Arbitrary<string>) =>
  fc
    .tuple(
      row,
      row,
      some(['NODES', 'EDGES', 'pageInfo { hasNextPage endCursor }', 'totalCount', '__typename']),
      directive,
    )
    .map(([nodes, node, parts, when]) =>
      parts
        .replace('NODES', `nodes${when} { ${nodes} }`)
        .replace('EDGES', `edges { cursor node { ${node} } }`),
    );
const messageList = fc
  .tuple(
    fc.constantFrom('', 'a: ', 'b: '),
    fc.constantFrom('messages', 'replies', 'ruled'),
    page,
    connectionOf(messageFields),
    directive,
  )
  .map(
    ([alias, name, args, rows, when]) =>
      `${alias || (name === 'messages' ? '' : `${name}: `)}${name}${argumentsOf(args)}${when} { ${rows} }`,
  );
const conversationFields = fc
  .tuple(
    some(['id', 'subject', 'body', 'userId', 'createdAt', 'updatedAt', 'version', 'author { id }']),
    fc.array(messageList, { maxLength: 2 }),
    fc.boolean(),
  )
  .map(([fields, lists, isFragment]) => {
    const all = `${fields} ${lists.join(' ')}`;
    return isFragment ? `... on Conversation { ${all} }` : all;
  });
const order = fc.option(fc.constantFrom('{ field: UPDATED_AT }', '{ direction: ASC }', '$order'), {
  nil: undefined,
  freq: 2,
});
const filter = fc.option(fc.constantFrom('{ userId: "u" }', '{ search: "look" }'), {
  nil: undefined,
  freq: 2,
});
const documents = fc.tuple(page, order, filter, connectionOf(conversationFields)).map(
  ([args, orderBy, chosen, rows]) =>
    `query Q($few: Int = 2, $yes: Boolean = true, $cursor: String, $order: ConversationOrder) {
         conversations${argumentsOf({ ...args, orderBy, filter: chosen })} { ${rows} }
         known: conversations(after: $cursor, orderBy: $order) { nodes { few: messages(first: $few) { nodes { ...m } } } }
         yes: conversations(first: 1) { nodes @include(if: $yes) { id } }
       }
       fragment m on Message { id body }`,
);

interface Refusal {
  readonly message: string;
  readonly path?: readonly (string | number)[];
}

/**
 * The errors. Of those that made more null than their own field, only the path of that null is kept: GraphQL reports those
 * that came first, so their number and their messages differ from run to run.
 */
function refusalsIn(data: unknown, errors: readonly Refusal[]): readonly string[] {
  const all = errors.map(({ message, path = [] }) => {
    let value = data;
    const end = path.findIndex((key) => {
      value = (value as Readonly<Record<string | number, unknown>> | null)?.[key];
      return value === null || value === undefined;
    });
    return end === path.length - 1
      ? `${path.join('.')}: ${message}`
      : `within ${path.slice(0, end + 1).join('.')}`;
  });
  return [...new Set(all)].sort();
}

test('random documents are answered as without look-ahead, also when they are compiled', async () => {
  const clients = [owner, await server().as('viewer', 'acme')];
  let ahead = 0;
  await fc.assert(
    fc.asyncProperty(
      documents,
      fc.constantFrom(...clients),
      fc.nat({ max: 4 }),
      async (document, client, few) => {
        const ask = async () => {
          const { status, text } = await client.query(document, { few });
          const { data, errors = [] } = JSON.parse(text) as { data: unknown; errors?: Refusal[] };
          return [status, JSON.stringify(data), refusalsIn(data, errors)];
        };
        const without = vi
          .spyOn(LookAhead.prototype, 'below')
          .mockReturnValue({ fields: undefined, lists: [] });
        const expected = await ask();
        without.mockRestore();
        for (let use = 0; use < 2; use++) {
          const sent = await statements.during(async () => expect(await ask()).toEqual(expected));
          ahead += readAhead(sent).length;
        }
      },
    ),
    { numRuns: 60, endOnFailure: true },
  );
  expect(ahead).toBeGreaterThan(10);
});

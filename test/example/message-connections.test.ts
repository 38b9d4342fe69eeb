/**
 * Proves that each conversation's messages have their own pages, and that a list with everything in it costs the same
 * number of statements for any number of rows.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { secondsLater, sortKey, type Page } from '../support/connections.js';
import { insertConversation, insertMessage } from '../support/example-rows.js';
import { insertMembership } from '../support/rows.js';
import type { Answer } from '../support/server.js';
import { transactionsAmong, watchStatements } from '../support/statements.js';
import { useClients } from '../support/clients.js';
import { useServer } from '../support/server.js';

const server = useServer();
const clientOf = useClients(server);

const statements = watchStatements();

/** A user of each tenant whose conversations are a list of their own. */
const listOf = (name: string) => `lists|${name}`;

describe('the messages of conversations', () => {
  const author = listOf('with messages');
  /** The numbers of messages in the conversations. */
  const COUNTS = [0, 1, 3, 25, 105];
  /** Ids of the API: of each conversation those of its messages, in their order. */
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
        // Several messages have the same time, and the times of the conversations overlap.
        const seconds = Math.floor(((message * 7) % count) / 3);
        const id = await insertMessage(database, 'acme', {
          conversationId,
          createdAt: secondsLater(seconds),
        });
        rows.push({ id, seconds });
      }
      rows.sort((a, b) => a.seconds - b.seconds || (a.id < b.id ? -1 : 1));
      expected.set(
        encodeId('Conversation', conversationId),
        rows.map(({ id }) => encodeId('Message', id)),
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
      expect(messages.nodes.map((message) => message.id)).toEqual(
        behind.map((message) => encodeId('Message', message.id)),
      );
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
    // One each for: the conversations; their count; their authors and messages; the messages' counts.
    expect(transactionsAmong(many)).toBeLessThanOrEqual(4);
  });
});

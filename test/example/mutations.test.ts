/**
 * Proves for every mutation of conversations what it changes, what it returns and what it records in the audit log, and
 * that a refused one changes nothing and reveals nothing of another tenant.
 */
import { describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { bareId } from '../support/ids.js';
import { insertConversation, insertMessage } from '../support/example-rows.js';
import { stateOf } from '../support/mutations.js';
import { auditRows } from '../support/rows.js';
import { TABLES, MISSING, TEXT, CONVERSATION, useConversations } from '../support/example-conversations.js';

const { server, run, succeed, refused, messagesOf } = useConversations();

interface ConversationRow {
  readonly id: string;
  readonly user_id: string;
  readonly subject: string | null;
  readonly body: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const conversationOf = async (id: string) => {
  const [row] = await server().database.asSuperuser<ConversationRow>(
    'SELECT * FROM conversations WHERE id = $1',
    [id],
  );
  return row;
};

interface Conversation {
  readonly conversation: {
    readonly id: string;
    readonly subject: string | null;
    readonly body: string;
    readonly userId: string;
    readonly createdAt: string;
    readonly updatedAt: string;
    readonly author: { readonly userId: string } | null;
    readonly messages: { readonly totalCount: number };
  };
}

describe('createConversation', () => {
  test('creates a conversation of the caller, answers with it and records it', async () => {
    const { payload, entries } = await succeed<Conversation>(
      'createConversation',
      CONVERSATION,
      { subject: 'A subject', body: TEXT },
      { user: 'member' },
    );
    const { id, createdAt } = payload.conversation;
    expect(payload.conversation).toEqual({
      id,
      subject: 'A subject',
      body: TEXT,
      userId: 'demo|acme|member',
      createdAt,
      updatedAt: createdAt,
      author: { userId: 'demo|acme|member' },
      messages: { totalCount: 0 },
    });
    expect(await conversationOf(id)).toMatchObject({
      tenant_id: await server().database.tenantId('acme'),
      user_id: 'demo|acme|member',
      subject: 'A subject',
      body: TEXT,
    });
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'demo|acme|member',
      actor_type: 'user',
      action: 'conversation.created',
      entity: 'Conversation',
      entity_id: bareId(id),
      old_value: null,
      new_value: { id: bareId(id), body: TEXT, subject: 'A subject', user_id: 'demo|acme|member' },
    });
  });

  test.each([[{}], [{ subject: null }]])('needs no subject: %o', async (rest) => {
    const { payload } = await succeed<Conversation>('createConversation', CONVERSATION, {
      body: 'b',
      ...rest,
    });
    expect(payload.conversation.subject).toBeNull();
  });

  test('takes a body of 10,000 characters and a subject of 200', async () => {
    const input = { body: 'x'.repeat(10_000), subject: 'y'.repeat(200) };
    const { payload } = await succeed<Conversation>('createConversation', CONVERSATION, input);
    expect(payload.conversation).toMatchObject(input);
  });

  test.each([
    ['an empty body', { body: '' }, 'input.body'],
    ['a body of 10,001 characters', { body: 'x'.repeat(10_001) }, 'input.body'],
    ['a U+0000 in the body', { body: 'a\u0000b' }, 'input.body'],
    ['a subject of 201 characters', { body: 'b', subject: 'x'.repeat(201) }, 'input.subject'],
    ['a U+0000 in the subject', { body: 'b', subject: '\u0000' }, 'input.subject'],
  ])('is refused with %s', async (_name, input, field) => {
    expect(await refused('createConversation', CONVERSATION, input)).toEqual({
      code: 'BAD_USER_INPUT',
      field,
    });
  });

  test.each([
    ['no body', {}],
    ['null for a body', { body: null }],
    ['a number for a body', { body: 1 }],
    ['an author', { body: 'b', userId: 'demo|acme|owner' }],
    ['a tenant', { body: 'b', tenantId: MISSING }],
    ['an id', { body: 'b', id: MISSING }],
  ])('is refused by the schema with %s', async (_name, input) => {
    const before = await stateOf(server().database, TABLES);
    const { status, errors } = await run('createConversation', CONVERSATION, input);
    expect(status).toBe(400);
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(await stateOf(server().database, TABLES)).toEqual(before);
  });

  test('thirty times at once creates thirty, each with its own entry', async () => {
    const bodies = Array.from({ length: 30 }, (_value, at) => `at once ${at}`);
    const answers = await Promise.all(
      bodies.map((body) => succeed<Conversation>('createConversation', CONVERSATION, { body })),
    );
    expect(answers.map(({ payload }) => payload.conversation.body)).toEqual(bodies);
    for (const { payload, entries } of answers) {
      expect(entries.map((entry) => entry.entity_id)).toEqual([bareId(payload.conversation.id)]);
    }
  });
});

describe('updateConversation', () => {
  const LONG_AGO = '2024-01-01T00:00:00.000Z';
  const existing = () =>
    insertConversation(server().database, 'acme', { subject: 'Old', body: 'old', createdAt: LONG_AGO });

  test('changes body and subject, answers with the conversation and records both values', async () => {
    const id = await existing();
    await insertMessage(server().database, 'acme', { conversationId: id });
    const { payload, entries } = await succeed<Conversation>(
      'updateConversation',
      CONVERSATION,
      { id, subject: 'New', body: TEXT },
      { user: 'admin' },
    );
    expect(payload.conversation).toMatchObject({
      id: encodeId('Conversation', id),
      subject: 'New',
      body: TEXT,
      userId: 'demo|acme|owner',
      createdAt: LONG_AGO,
      messages: { totalCount: 1 },
    });
    expect(Date.parse(payload.conversation.updatedAt)).toBeGreaterThan(Date.parse(LONG_AGO));
    expect(await conversationOf(id)).toMatchObject({ subject: 'New', body: TEXT });
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'demo|acme|admin',
      action: 'conversation.updated',
      entity: 'Conversation',
      entity_id: bareId(id),
      old_value: { subject: 'Old', body: 'old', user_id: 'demo|acme|owner' },
      new_value: { subject: 'New', body: TEXT, user_id: 'demo|acme|owner' },
    });
  });

  test.each([
    [{ body: 'new' }, { body: 'new', subject: 'Old' }],
    [
      { body: 'new', subject: null },
      { body: 'new', subject: null },
    ],
    [{ subject: 'New' }, { body: 'old', subject: 'New' }],
    [{ subject: null }, { body: 'old', subject: null }],
    [
      { body: null, subject: 'New' },
      { body: 'old', subject: 'New' },
    ],
  ])('with %o keeps what is not named', async (input, outcome) => {
    const id = await existing();
    await succeed('updateConversation', CONVERSATION, { id, ...input });
    expect(await conversationOf(id)).toMatchObject(outcome);
  });

  test('finds a conversation by its id in capitals', async () => {
    const id = await existing();
    const { payload } = await succeed<Conversation>('updateConversation', CONVERSATION, {
      id: id.toUpperCase(),
      body: 'new',
    });
    expect(payload.conversation).toMatchObject({ id: encodeId('Conversation', id), body: 'new' });
  });

  test.each([
    ['nothing to change', {}, 'input'],
    ['null for a body and nothing else', { body: null }, 'input'],
    ['an empty body', { body: '' }, 'input.body'],
    ['a body of 10,001 characters', { body: 'x'.repeat(10_001) }, 'input.body'],
    ['a U+0000 in the body', { body: '\u0000' }, 'input.body'],
    ['a subject of 201 characters', { subject: 'x'.repeat(201) }, 'input.subject'],
    ['a U+0000 in the subject', { subject: 'a\u0000' }, 'input.subject'],
  ])('is refused with %s', async (_name, input, field) => {
    const id = await existing();
    expect(await refused('updateConversation', CONVERSATION, { id, ...input })).toEqual({
      code: 'BAD_USER_INPUT',
      field,
    });
  });

  test('at once, by many, loses no change: each begins where the one before it ended', async () => {
    const id = await existing();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_value, at) =>
        run('updateConversation', CONVERSATION, { id, body: `body ${at}` }),
      ),
    );
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    const chain = (await auditRows(server().database, 'acme')).filter(
      (entry) => entry.entity_id === bareId(id) && entry.action === 'conversation.updated',
    );
    expect(chain).toHaveLength(12);
    let body: unknown = 'old';
    for (const entry of chain) {
      expect(entry.old_value?.['body']).toBe(body);
      body = entry.new_value?.['body'];
    }
    expect((await conversationOf(id))?.body).toBe(body);
  });
});

describe('deleteConversation', () => {
  test('deletes the conversation with its messages, and records each of them', async () => {
    const { database } = server();
    const id = await insertConversation(database, 'acme', { subject: 'Doomed' });
    const messages: string[] = [];
    for (let message = 0; message < 5; message++) {
      messages.push(
        await insertMessage(database, 'acme', { conversationId: id, body: `message ${message}` }),
      );
    }
    const neighbour = await insertConversation(database, 'acme');
    const kept = await insertMessage(database, 'acme', { conversationId: neighbour });

    const { payload, entries } = await succeed('deleteConversation', 'deletedId', { id }, { user: 'member' });
    expect(payload).toEqual({ deletedId: encodeId('Conversation', id) });
    expect(await conversationOf(id)).toBeUndefined();
    expect(await messagesOf(id)).toEqual([]);
    expect(await messagesOf(neighbour)).toEqual([kept]);

    expect(entries).toHaveLength(6);
    for (const entry of entries) {
      expect(entry).toMatchObject({ actor: 'demo|acme|member', actor_type: 'user', new_value: null });
    }
    const [conversation] = entries.filter((entry) => entry.action === 'conversation.deleted');
    expect(conversation).toMatchObject({
      entity: 'Conversation',
      entity_id: bareId(id),
      old_value: { subject: 'Doomed' },
    });
    const deleted = entries.filter((entry) => entry.action === 'message.deleted');
    expect(deleted.map((entry) => entry.entity_id).sort()).toEqual([...messages].sort());
    for (const entry of deleted) {
      expect(entry).toMatchObject({
        entity: 'Message',
        old_value: { conversation_id: id, id: entry.entity_id },
      });
    }
  });

  test('a second time says that there is no such conversation', async () => {
    const id = await insertConversation(server().database, 'acme');
    await succeed('deleteConversation', 'deletedId', { id });
    expect(await refused('deleteConversation', 'deletedId', { id })).toEqual({ code: 'NOT_FOUND' });
  });

  test('by many at once succeeds for one', async () => {
    const id = await insertConversation(server().database, 'acme');
    await insertMessage(server().database, 'acme', { conversationId: id });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => run('deleteConversation', 'deletedId', { id })),
    );
    const codes = answers.flatMap(({ errors }) => errors.map(({ extensions }) => extensions.code));
    expect(codes).toEqual(Array.from({ length: 5 }, () => 'NOT_FOUND'));
    const entries = (await auditRows(server().database, 'acme')).filter(
      (entry) => entry.entity_id === bareId(id),
    );
    expect(entries.map((entry) => entry.action)).toEqual(['conversation.created', 'conversation.deleted']);
  });

  test('leaves no message behind that is posted at the same moment', async () => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const id = await insertConversation(server().database, 'acme');
      const [deleted, ...posted] = await Promise.all([
        run('deleteConversation', 'deletedId', { id }),
        ...[1, 2, 3].map((body) =>
          run('postMessage', 'message { id }', { conversationId: id, body: `${body}` }),
        ),
      ]);
      expect(deleted.errors).toEqual([]);
      for (const { errors } of posted) {
        for (const { extensions } of errors) expect(extensions).toEqual({ code: 'NOT_FOUND' });
      }
      expect(await messagesOf(id)).toEqual([]);
    }
  });
});

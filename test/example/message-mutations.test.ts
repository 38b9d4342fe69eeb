/**
 * Proves for every mutation of messages what it changes, what it returns and what it records in the audit log, and that
 * a refused one changes nothing and reveals nothing of another tenant.
 */
import { describe, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { bareId } from '../support/ids.js';
import { insertConversation, insertMessage } from '../support/example-rows.js';
import { stateOf, whatTheAnswerTells, withoutAuditOf } from '../support/mutations.js';
import { TABLES, MISSING, TEXT, CONVERSATION, useConversations } from '../support/example-conversations.js';

const { server, run, succeed, refused, messagesOf } = useConversations();

describe('postMessage', () => {
  const selection = 'message { id conversationId body userId createdAt }';

  test('adds a message of the caller, answers with it and records it', async () => {
    const conversationId = await insertConversation(server().database, 'acme');
    const { payload, entries } = await succeed<{ message: { id: string } }>(
      'postMessage',
      selection,
      { conversationId, body: TEXT },
      { user: 'member' },
    );
    const { id } = payload.message;
    expect(payload.message).toEqual({
      id,
      conversationId: encodeId('Conversation', conversationId),
      body: TEXT,
      userId: 'demo|acme|member',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    });
    expect(await messagesOf(conversationId)).toEqual([bareId(id)]);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'demo|acme|member',
      actor_type: 'user',
      action: 'message.created',
      entity: 'Message',
      entity_id: bareId(id),
      old_value: null,
      new_value: { id: bareId(id), conversation_id: conversationId, body: TEXT, user_id: 'demo|acme|member' },
    });
  });

  test.each([
    ['an empty body', { body: '' }, 'input.body'],
    ['a body of 10,001 characters', { body: 'x'.repeat(10_001) }, 'input.body'],
    ['a U+0000 in the body', { body: 'a\u0000' }, 'input.body'],
  ])('is refused with %s', async (_name, input, field) => {
    const conversationId = await insertConversation(server().database, 'acme');
    expect(await refused('postMessage', selection, { conversationId, ...input })).toEqual({
      code: 'BAD_USER_INPUT',
      field,
    });
  });
});

describe('a conversation that is not there', () => {
  const cases = async () => [
    MISSING,
    await insertConversation(server().database, 'globex'),
    encodeId('Conversation', await insertConversation(server().database, 'globex')),
    encodeId('Message', await insertConversation(server().database, 'acme')),
    `nothing_${MISSING}`,
  ];

  test.each([
    ['updateConversation', CONVERSATION, 'id', { body: 'new' }],
    ['deleteConversation', 'deletedId', 'id', {}],
    ['postMessage', 'message { id }', 'conversationId', { body: 'new' }],
  ])(
    'answers %s alike whether it is of another tenant, of nobody or of another type',
    async (field, selection, key, rest) => {
      const ids = await cases();
      const before = await stateOf(server().database, TABLES);
      const answers = [];
      for (const id of ids) answers.push(await run(field, selection, { [key]: id, ...rest }));
      const told = answers.map(whatTheAnswerTells);
      for (const answer of told) expect(answer).toEqual(told[0]);
      expect(answers[0]!.errors).toEqual([
        {
          message: 'There is no such object.',
          locations: expect.any(Array) as unknown[],
          path: [field],
          extensions: { code: 'NOT_FOUND' },
        },
      ]);
      expect(await stateOf(server().database, TABLES)).toEqual(before);
    },
  );

  test('is null to a query, alike whether it is of another tenant, of nobody or of another type', async () => {
    const client = await server().as('owner', 'acme');
    const answers = [];
    for (const id of await cases()) {
      answers.push(await client.query('query ($id: ID!) { conversation(id: $id) { id } }', { id }));
    }
    const told = answers.map(whatTheAnswerTells);
    for (const answer of told) expect(answer).toEqual(told[0]);
    expect(answers[0]).toMatchObject({ data: { conversation: null }, errors: [] });
  });
});

describe('a change whose audit entry cannot be written', () => {
  const withMessages = async () => {
    const id = await insertConversation(server().database, 'acme');
    await insertMessage(server().database, 'acme', { conversationId: id });
    await insertMessage(server().database, 'acme', { conversationId: id });
    return id;
  };

  test.each([
    ['createConversation', CONVERSATION, 'conversation.created', async () => ({ body: 'b' })],
    [
      'updateConversation',
      CONVERSATION,
      'conversation.updated',
      async () => ({ id: await withMessages(), body: 'b' }),
    ],
    ['deleteConversation', 'deletedId', 'conversation.deleted', async () => ({ id: await withMessages() })],
    // The entry of a message that is deleted with its conversation.
    ['deleteConversation', 'deletedId', 'message.deleted', async () => ({ id: await withMessages() })],
    [
      'postMessage',
      'message { id }',
      'message.created',
      async () => ({ conversationId: await withMessages(), body: 'b' }),
    ],
  ])('does not happen: %s', async (field, selection, action, makeInput) => {
    const { database } = server();
    const input = await makeInput();
    const before = await stateOf(database, TABLES);
    const { data, errors, text, headers } = await withoutAuditOf(database, action, () =>
      run(field, selection, input),
    );
    expect(data).toEqual({ [field]: null });
    expect(errors).toMatchObject([
      {
        path: [field],
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: headers.get('x-request-id') },
      },
    ]);
    expect(text).not.toMatch(/audit|constraint|refused|prisma|23514/i);
    expect(await stateOf(database, TABLES)).toEqual(before);
    await succeed(field, selection, input);
  });
});

/**
 * Proves the purpose of idempotency keys with the example's mutations: repeated clicks, and retries of what must not
 * happen twice.
 */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { insertConversation } from '../support/example-rows.js';
import { sendKeyed } from '../support/keyed-mutations.js';
import { useMutations } from '../support/mutations.js';
import { auditRows, insertMembership } from '../support/rows.js';
import { useServer } from '../support/server.js';

const server = useServer();
const { clientOf } = useMutations(server, ['conversations', 'messages']);

const send = async (key: string, query: string, variables: Record<string, unknown> = {}) =>
  sendKeyed(server(), (await clientOf('owner')).token, key, { query, variables });

const entriesOf = async (action: string, matches: (value: Readonly<Record<string, unknown>>) => boolean) =>
  (await auditRows(server().database, 'acme')).filter(
    (entry) => entry.action === action && matches(entry.new_value ?? entry.old_value ?? {}),
  );

test('a conversation that is created ten times at once is there once, with its message', async () => {
  const body = randomUUID();
  await clientOf('owner');
  const key = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      send(
        key,
        'mutation ($body: String!) { createConversation(input: { body: $body }) { conversation { id author { userId } messages { totalCount } } } }',
        { body },
      ),
    ),
  );
  const given = answers.filter(({ errors }) => errors.length === 0).map(({ text }) => text);
  expect(new Set(given).size).toBe(1);
  expect(await entriesOf('conversation.created', (value) => value['body'] === body)).toHaveLength(1);
});

test('a conversation that was deleted is deleted for the retry as well, not missing', async () => {
  const id = await insertConversation(server().database, 'acme');
  const [key, request] = [
    randomUUID(),
    `mutation { deleteConversation(input: { id: "${id}" }) { deletedId } }`,
  ];
  const first = await send(key, request);
  expect(first).toMatchObject({
    errors: [],
    data: { deleteConversation: { deletedId: encodeId('Conversation', id) } },
  });
  expect(await send(key, request)).toMatchObject({ replayed: true, text: first.text });
  const other = await send(randomUUID(), request);
  expect(other.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
});

test('a message and a change of roles, which has a transaction of its own, come together or not at all', async () => {
  const conversationId = await insertConversation(server().database, 'acme');
  const membershipId = await insertMembership(server().database, 'acme');
  const body = randomUUID();
  const request = (membership: string) =>
    `mutation {
      postMessage(input: { conversationId: "${conversationId}", body: "${body}" }) { message { body } }
      changeMemberRole(input: { membershipId: "${membership}", role: MEMBER }) { membership { role } }
    }`;
  const key = randomUUID();
  const failed = await send(key, request(randomUUID()));
  expect(failed).toMatchObject({ data: null, errors: [{ path: ['changeMemberRole'] }] });
  expect(await entriesOf('message.created', (value) => value['body'] === body)).toEqual([]);

  const first = await send(key, request(membershipId));
  expect(first).toMatchObject({
    errors: [],
    data: { postMessage: { message: { body } }, changeMemberRole: { membership: { role: 'MEMBER' } } },
  });
  expect(await send(key, request(membershipId))).toMatchObject({ replayed: true, text: first.text });
  expect(await entriesOf('message.created', (value) => value['body'] === body)).toHaveLength(1);
  expect(await entriesOf('membership.updated', (value) => value['id'] === membershipId)).toHaveLength(1);
});

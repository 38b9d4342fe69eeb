/** Proves that loaders batch what is loaded together, and cache nothing from before a change. */
import { expect, test } from 'vitest';
import { useServer } from '../support/server.js';

const server = useServer();

test('a mutation shows what the one before it in the same request has changed', async () => {
  const member = await server().as('member', 'acme');
  const created = await member.query<{ createConversation: { conversation: { id: string } } }>(
    'mutation { createConversation(input: { body: "counted" }) { conversation { id } } }',
  );
  const { id } = created.data.createConversation.conversation;
  const counted = 'conversation { messages { totalCount nodes { body } } }';
  const { data } = await member.query(`mutation {
    before: updateConversation(input: { id: "${id}", body: "one" }) { ${counted} }
    postMessage(input: { conversationId: "${id}", body: "new" }) { message { id } }
    after: updateConversation(input: { id: "${id}", body: "two" }) { ${counted} }
  }`);
  expect(data).toMatchObject({
    before: { conversation: { messages: { totalCount: 0, nodes: [] } } },
    after: { conversation: { messages: { totalCount: 1, nodes: [{ body: 'new' }] } } },
  });
});

test('what is asked for twice at a time is answered twice, and once each', async () => {
  const owner = await server().as('owner', 'globex');
  const list = 'conversations { nodes { id messages { nodes { id } } author { id } } }';
  const { data, errors } = await owner.query<
    Record<string, { nodes: { messages: { nodes: { id: string }[] } }[] }>
  >(`{ one: ${list} two: ${list} }`);
  expect(errors).toEqual([]);
  expect(data['one']).toEqual(data['two']);
  const ids = data['one']?.nodes.flatMap(({ messages }) => messages.nodes.map(({ id }) => id)) ?? [];
  expect(ids.length).toBeGreaterThan(0);
  expect(new Set(ids).size).toBe(ids.length);
});

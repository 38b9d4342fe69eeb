/** The setting of the example: who may delete a conversation. */
import { expect, test } from 'vitest';
import { useMutations } from '../support/mutations.js';
import { useServer } from '../support/server.js';

const server = useServer();
const { succeed, refused, run } = useMutations(server, ['conversations']);

const create = async (): Promise<string> => {
  const { payload } = await succeed<{ conversation: { id: string } }>(
    'createConversation',
    'conversation { id }',
    { body: 'Hello' },
    { user: 'member' },
  );
  return payload.conversation.id;
};

test('members delete the conversations of others unless the tenant leaves it to the author', async () => {
  const first = await create();
  await succeed('deleteConversation', 'deletedId', { id: first }, { user: 'admin' });
  await succeed('updateTenantSettings', 'tenant { id }', { settings: { conversationDeletion: 'author' } });
  const second = await create();
  expect(await refused('deleteConversation', 'deletedId', { id: second }, { user: 'admin' })).toMatchObject({
    code: 'FORBIDDEN',
  });
  await succeed('deleteConversation', 'deletedId', { id: second }, { user: 'member' });
  const missing = await run('deleteConversation', 'deletedId', { id: second });
  expect(missing.errors[0]?.extensions.code).toBe('NOT_FOUND');
  await succeed('updateTenantSettings', 'tenant { id }', { settings: { conversationDeletion: null } });
  await succeed('deleteConversation', 'deletedId', { id: await create() }, { user: 'admin' });
});

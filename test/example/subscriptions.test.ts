/**
 * The subscriptions of the example. Two servers share one database: changes through the API of one reach clients of the
 * other.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { insertConversation } from '../support/example-rows.js';
import { startTestServer, useServer, type TestClient, type TestServer } from '../support/server.js';
import {
  endSubscribersAfterEach,
  inForce,
  subscriberOf,
  type Message,
  type Watched,
} from '../support/subscriber.js';
import { until } from '../support/until.js';

const server = useServer();
let replica: TestServer;
let member: TestClient;
let stranger: TestClient;

beforeAll(async () => {
  replica = await startTestServer({ database: server().database });
  member = await server().as('member', 'acme');
  stranger = await server().as('owner', 'globex');
});
afterAll(async () => {
  await replica.close();
});
endSubscribersAfterEach(() => [server(), replica]);

const CHANGED =
  'subscription { conversationChanged { kind conversationId conversation { subject body author { userId } } } }';
const POSTED =
  'subscription ($id: ID!) { messagePosted(conversationId: $id) { body conversationId author { userId } } }';

const watch = (client: TestClient, query: string, variables = {}, at = replica) =>
  inForce(at, () => subscriberOf(at, client).subscribe(query, variables));

async function mutate(client: TestClient, document: string, input: object): Promise<Record<string, unknown>> {
  const { data, errors } = await client.query(document, { input });
  expect(errors).toEqual([]);
  return Object.values(data)[0] as Record<string, unknown>;
}
const create = (client: TestClient, body: string) =>
  mutate(
    client,
    'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { conversation { id } } }',
    { body },
  ).then(({ conversation }) => (conversation as { id: string }).id);
const post = (client: TestClient, conversationId: string, body: string) =>
  mutate(client, 'mutation ($input: PostMessageInput!) { postMessage(input: $input) { message { id } } }', {
    conversationId,
    body,
  });

const arrived = (watched: Watched, count: number) =>
  until(`${count} messages arrive`, () => watched.messages.length >= count);

test('a conversation is followed from its creation to its end', async () => {
  const watched = await watch(member, CHANGED);
  const id = await create(member, 'first');
  await arrived(watched, 1);
  await mutate(
    member,
    'mutation ($input: UpdateConversationInput!) { updateConversation(input: $input) { conversation { id } } }',
    { id, subject: 'a subject' },
  );
  await arrived(watched, 2);
  await mutate(
    member,
    'mutation ($input: DeleteConversationInput!) { deleteConversation(input: $input) { deletedId } }',
    { id },
  );
  await arrived(watched, 3);
  const author = { userId: 'demo|acme|member' };
  expect(watched.messages).toEqual(
    [
      { kind: 'CREATED', conversationId: id, conversation: { subject: null, body: 'first', author } },
      { kind: 'UPDATED', conversationId: id, conversation: { subject: 'a subject', body: 'first', author } },
      { kind: 'DELETED', conversationId: id, conversation: null },
    ].map((conversationChanged): Message => ({ data: { conversationChanged } })),
  );
});

test('messages arrive where their conversation is followed, and nowhere else', async () => {
  const [mine, other] = [await create(member, 'mine'), await create(member, 'other')];
  const watched = await watch(member, POSTED, { id: mine });
  const elsewhere = await watch(member, POSTED, { id: other });
  for (const body of ['one', 'two']) await post(member, mine, body);
  await arrived(watched, 2);
  await post(member, other, 'three');
  await arrived(elsewhere, 1);
  expect(watched.messages.map(({ data }) => data)).toEqual(
    ['one', 'two'].map((body) => ({
      messagePosted: { body, conversationId: mine, author: { userId: 'demo|acme|member' } },
    })),
  );
  expect(elsewhere.messages).toMatchObject([{ data: { messagePosted: { body: 'three' } } }]);
});

test('a conversation of another tenant is followed like one that does not exist: in silence', async () => {
  const theirs = await create(stranger, 'theirs');
  const attempts = [
    await watch(member, POSTED, { id: theirs }),
    await watch(member, POSTED, { id: randomUUID() }),
    await watch(member, POSTED, { id: `message_${randomUUID()}` }),
    await watch(member, CHANGED),
  ];
  const witness = await watch(stranger, POSTED, { id: theirs });
  await post(stranger, theirs, 'a secret of globex');
  await arrived(witness, 1);
  const last = await create(member, 'last');
  await arrived(attempts[3]!, 1);
  expect(attempts.map(({ messages, end }) => ({ messages, end }))).toEqual([
    ...[1, 2, 3].map(() => ({ messages: [], end: undefined })),
    {
      messages: [
        { data: { conversationChanged: expect.objectContaining({ conversationId: last }) as unknown } },
      ],
      end: undefined,
    },
  ]);
});

test('what an author may not be seen by is refused in an event as in a query', async () => {
  await server().database.asSuperuser(
    "UPDATE memberships SET role = 'viewer' WHERE user_id = 'demo|acme|member'",
  );
  const watched = await watch(
    member,
    'subscription { conversationChanged { conversation { body author { userId email } } } }',
  );
  await insertConversation(server().database, 'acme', { body: 'by maintenance' });
  await arrived(watched, 1);
  expect(watched.messages).toMatchObject([
    {
      data: {
        conversationChanged: {
          conversation: { body: 'by maintenance', author: { userId: 'demo|acme|owner', email: null } },
        },
      },
      errors: [{ extensions: { code: 'FORBIDDEN', requires: 'users:manage' } }],
    },
  ]);
});

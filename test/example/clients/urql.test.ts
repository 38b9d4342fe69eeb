/** Proves that urql works with the API as docs/clients.md says. Each test does what an application does. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@urql/core';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { encodeId } from '../../../src/kernel/vocabulary/id.js';
import { insertConversation } from '../../support/example-rows.js';
import { useServer } from '../../support/server.js';
import { connectionsAt, subscriptionsAt } from '../../support/subscriber.js';
import { until } from '../../support/until.js';
import {
  ConversationChangedDocument,
  ConversationDocument,
  ConversationsDocument,
  CreateConversationDocument,
  MeDocument,
  PlanDocument,
  UpdateConversationDocument,
  type ConversationChangedSubscription,
} from './generated/graphql.js';
import { recordedFetch, type RecordedFetch } from './recorded-fetch.js';
import { createUrqlClient } from './urql-client.js';

const server = useServer();
const subscriptions = new Set<{ unsubscribe: () => void }>();
afterEach(async () => {
  for (const subscription of subscriptions) subscription.unsubscribe();
  subscriptions.clear();
  await until('all connections are closed', async () => (await connectionsAt(server())) === 0);
});

type Used = Omit<RecordedFetch, 'fetch'> & { readonly client: Client };

async function clientOf(user: string, tenant = 'acme'): Promise<Used> {
  return clientWith((await server().as(user, tenant)).token);
}

function clientWith(token: string): Used {
  const { fetch, ...rest } = recordedFetch();
  const session = { url: `${server().url}/graphql`, token: async () => token, fetch, webSocket: WebSocket };
  return { client: createUrqlClient(session), ...rest };
}

/** The states that a component would show which displays the subject and the version of a conversation. */
function shown(client: Client, id: string): unknown[] {
  const states: unknown[] = [];
  const subscription = client.query(ConversationDocument, { id }).subscribe(({ data }) => {
    if (data?.conversation) states.push([data.conversation.subject, data.conversation.version]);
  });
  subscriptions.add(subscription);
  return states;
}

test('a query tells who and where the caller is', async () => {
  const { client } = await clientOf('viewer', 'globex');
  const { data } = await client.query(MeDocument, {});
  expect(data?.me).toMatchObject({ role: 'VIEWER', tenant: { slug: 'globex' } });
});

test('the optimistic value is shown first, then what the server made of it', async () => {
  const { client } = await clientOf('member');
  const id = encodeId(
    'Conversation',
    await insertConversation(server().database, 'acme', { subject: 'old' }),
  );
  const states = shown(client, id);
  await until('it is shown', () => states.length === 1);
  const { error } = await client.mutation(UpdateConversationDocument, { input: { id, subject: 'new' } });
  expect(error).toBeUndefined();
  await until('it has settled', () => states.length === 3);
  expect(states).toEqual([
    ['old', 1],
    ['new', 1],
    ['new', 2],
  ]);
});

test('what was refused is taken back, and the error has what is there now', async () => {
  const { client } = await clientOf('member');
  const other = await clientOf('owner');
  const id = encodeId(
    'Conversation',
    await insertConversation(server().database, 'acme', { subject: 'old' }),
  );
  const states = shown(client, id);
  await until('it is shown', () => states.length === 1);
  await other.client.mutation(UpdateConversationDocument, { input: { id, subject: 'theirs' } });
  const update = (expectedVersion: number) =>
    client.mutation(UpdateConversationDocument, { input: { id, subject: 'mine', expectedVersion } });
  const { error } = await update(1);
  expect(error?.graphQLErrors).toMatchObject([
    { extensions: { code: 'CONFLICT', current: { id, subject: 'theirs', version: 2 } } },
  ]);
  await until('it is taken back', () => states.length === 3);
  expect(states).toEqual([
    ['old', 1],
    ['mine', 1],
    ['old', 1],
  ]);
  const { data } = await update(2);
  expect(data?.updateConversation?.conversation).toMatchObject({ subject: 'mine', version: 3 });
});

test('pages follow each other to the end, each row once, while rows come', async () => {
  const { database } = server();
  for (let row = 0; row < 12; row++) await insertConversation(database, 'globex', { subject: `row ${row}` });
  const [{ count } = { count: 0 }] = await database.asSuperuser<{ count: number }>(
    'SELECT count(*)::int FROM conversations WHERE tenant_id = $1',
    [await database.tenantId('globex')],
  );
  const { client } = await clientOf('member', 'globex');
  const page = async (after: string | null) => {
    const { data, error } = await client.query(ConversationsDocument, { first: 5, after });
    expect(error).toBeUndefined();
    return data!.conversations!;
  };
  // Each answer contains all pages so far, because the cache merges them.
  let list = await page(null);
  let pages = 1;
  while (list.pageInfo.hasNextPage) {
    await insertConversation(database, 'globex', { subject: 'came in between' });
    list = await page(list.pageInfo.endCursor ?? null);
    pages++;
  }
  expect(pages).toBe(Math.ceil(count / 5));
  expect(list.edges).toHaveLength(count);
  expect(new Set(list.edges.map(({ node }) => node.id)).size).toBe(count);
  expect(list.edges.filter(({ node }) => node.subject === 'came in between')).toEqual([]);
});

test('a field the user may not read is null beside its error, and the rest is there', async () => {
  const { client } = await clientOf('viewer');
  const { data, error } = await client.query(PlanDocument, {});
  expect(data?.tenant).toMatchObject({ name: 'Acme Inc.', plan: null });
  expect(error?.graphQLErrors).toMatchObject([
    { path: ['tenant', 'plan'], extensions: { code: 'FORBIDDEN', requires: 'billing:manage' } },
  ]);
});

test('a mutation the user may not make is an error', async () => {
  const { client } = await clientOf('viewer');
  const { error } = await client.mutation(CreateConversationDocument, { input: { body: 'mine' } });
  expect(error?.graphQLErrors).toMatchObject([
    { extensions: { code: 'FORBIDDEN', requires: 'conversations:write' } },
  ]);
});

test('a token that is not valid is UNAUTHENTICATED', async () => {
  const { client } = clientWith('no token');
  const { error } = await client.query(MeDocument, {});
  expect(error?.graphQLErrors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  expect(error?.response).toMatchObject({ status: 401 });
});

test('with an Idempotency-Key, a mutation whose answer is lost is sent again and takes effect once', async () => {
  const { client, sent, lose } = await clientOf('member');
  const subject = `once ${randomUUID()}`;
  lose(subject, 1);
  const context = { fetchOptions: { headers: { 'idempotency-key': randomUUID() } } };
  const create = () =>
    client.mutation(CreateConversationDocument, { input: { body: 'a body', subject } }, context);
  const { error } = await create();
  expect(error?.networkError?.message).toBe('the answer was lost');
  const { data } = await create();
  const rows = await server().database.asSuperuser(
    "SELECT 'conversation_' || id AS id FROM conversations WHERE subject = $1",
    [subject],
  );
  expect(rows).toEqual([{ id: data?.createConversation?.conversation?.id }]);
  expect(new Set(sent.map(({ headers }) => headers.get('idempotency-key')))).toHaveLength(1);
});

test('a subscription brings what others change into what is shown', async () => {
  const { client } = await clientOf('viewer');
  const id = encodeId(
    'Conversation',
    await insertConversation(server().database, 'acme', { subject: 'old' }),
  );
  const states = shown(client, id);
  await until('it is shown', () => states.length === 1);
  const events: ConversationChangedSubscription['conversationChanged'][] = [];
  subscriptions.add(
    client
      .subscription(ConversationChangedDocument, {})
      .subscribe(({ data }) => events.push(data?.conversationChanged)),
  );
  await until('the subscription is in force', async () => (await subscriptionsAt(server())) === 1);
  const { client: writer } = await clientOf('member');
  await writer.mutation(UpdateConversationDocument, { input: { id, subject: 'new' } });
  await until('it is shown', () => states.length === 2);
  expect(states).toEqual([
    ['old', 1],
    ['new', 2],
  ]);
  expect(events).toMatchObject([{ kind: 'UPDATED', conversationId: id, conversation: { subject: 'new' } }]);
});

test('rows that others make and delete come and go in a list', async () => {
  const { client } = await clientOf('viewer', 'globex');
  const gone = await insertConversation(server().database, 'globex', { subject: 'goes' });
  let subjects: unknown[] = [];
  subscriptions.add(
    client.query(ConversationsDocument, { first: 50 }).subscribe(({ data }) => {
      subjects = data?.conversations?.edges.map(({ node }) => node.subject) ?? [];
    }),
  );
  await until('it is shown', () => subjects.includes('goes'));
  subscriptions.add(client.subscription(ConversationChangedDocument, {}).subscribe(() => undefined));
  await until('the subscription is in force', async () => (await subscriptionsAt(server())) === 1);
  const writer = await server().as('member', 'globex');
  await writer.query('mutation ($id: ID!) { deleteConversation(input: { id: $id }) { deletedId } }', {
    id: gone,
  });
  await until('it has gone', () => !subjects.includes('goes'));
  await insertConversation(server().database, 'globex', { subject: 'comes' });
  await until('it has come', () => subjects.includes('comes'));
});

test('a subscription without a valid token ends with an error', async () => {
  const { client } = clientWith('no token');
  const ended = await new Promise<unknown>((resolve) => {
    subscriptions.add(
      client.subscription(ConversationChangedDocument, {}).subscribe(({ error }) => resolve(error)),
    );
  });
  expect(ended).toMatchObject({
    networkError: { reason: expect.stringContaining('UNAUTHENTICATED') as unknown },
  });
});

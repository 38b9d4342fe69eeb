/** Proves that Apollo Client works with the API as docs/clients.md says. Each test does what an application does. */
import { randomUUID } from 'node:crypto';
import { CombinedGraphQLErrors, type ApolloClient } from '@apollo/client';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { encodeId } from '../../../src/kernel/vocabulary/id.js';
import { insertConversation } from '../../support/example-rows.js';
import { useServer } from '../../support/server.js';
import { connectionsAt, subscriptionsAt } from '../../support/subscriber.js';
import { until } from '../../support/until.js';
import { createApolloClient } from './apollo-client.js';
import { followConversations } from './apollo-lists.js';
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
import { recordedFetch, type Recorded } from './recorded-fetch.js';

const server = useServer();
let clients: ApolloClient[] = [];
afterEach(async () => {
  for (const client of clients) client.stop();
  clients = [];
  await until('all connections are closed', async () => (await connectionsAt(server())) === 0);
});

interface Used {
  readonly client: ApolloClient;
  readonly sent: readonly Recorded[];
  /** Loses the next `answers` answers that contain this text. */
  readonly lose: (text: string, answers: number) => void;
}

async function clientOf(user: string, tenant = 'acme'): Promise<Used> {
  const { token } = await server().as(user, tenant);
  return clientWith(token);
}

function clientWith(token: string): Used {
  const { fetch, ...rest } = recordedFetch();
  const session = { url: `${server().url}/graphql`, token: async () => token, fetch, webSocket: WebSocket };
  const client = createApolloClient(session);
  clients.push(client);
  return { client, ...rest };
}

/** The states that a component would show which displays the subject and the version of a conversation. */
function shown(client: ApolloClient, id: string) {
  const states: unknown[] = [];
  client.watchQuery({ query: ConversationDocument, variables: { id } }).subscribe(({ data, dataState }) => {
    if (dataState !== 'complete' || !data.conversation) return;
    states.push([data.conversation.subject, data.conversation.version]);
  });
  return states;
}

const renamed = (id: string, subject: string, version: number) => ({
  updateConversation: {
    __typename: 'UpdateConversationPayload' as const,
    conversation: { __typename: 'Conversation' as const, id, subject, version },
  },
});

test('a query tells who and where the caller is', async () => {
  const { client } = await clientOf('viewer', 'globex');
  const { data } = await client.query({ query: MeDocument });
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
  await client.mutate({
    mutation: UpdateConversationDocument,
    variables: { input: { id, subject: 'new' } },
    optimisticResponse: renamed(id, 'new', 1),
  });
  await until('it has settled', () => states.length === 3);
  expect(states).toEqual([
    ['old', 1],
    ['new', 1],
    ['new', 2],
  ]);
});

test('what was refused is taken back, and the error has what is there now', async () => {
  const { client } = await clientOf('member');
  const other = await server().as('owner', 'acme');
  const id = encodeId(
    'Conversation',
    await insertConversation(server().database, 'acme', { subject: 'old' }),
  );
  const states = shown(client, id);
  await until('it is shown', () => states.length === 1);
  await other.query(
    'mutation ($id: ID!) { updateConversation(input: {id: $id, subject: "theirs"}) { __typename } }',
    {
      id,
    },
  );
  const update = (expectedVersion: number) =>
    client.mutate({
      mutation: UpdateConversationDocument,
      variables: { input: { id, subject: 'mine', expectedVersion } },
      optimisticResponse: renamed(id, 'mine', expectedVersion),
    });
  const error = await update(1).catch((reason: unknown) => reason);
  expect(CombinedGraphQLErrors.is(error) && error.errors).toMatchObject([
    { extensions: { code: 'CONFLICT', current: { id, subject: 'theirs', version: 2 } } },
  ]);
  await until('it is taken back', () => states.length === 3);
  expect(states).toEqual([
    ['old', 1],
    ['mine', 1],
    ['old', 1],
  ]);
  const { data } = await update(2);
  expect(data.updateConversation?.conversation).toMatchObject({ subject: 'mine', version: 3 });
});

test('pages follow each other to the end, each row once, while rows come', async () => {
  const { database } = server();
  for (let row = 0; row < 12; row++) await insertConversation(database, 'globex', { subject: `row ${row}` });
  const [{ count } = { count: 0 }] = await database.asSuperuser<{ count: number }>(
    'SELECT count(*)::int FROM conversations WHERE tenant_id = $1',
    [await database.tenantId('globex')],
  );
  const { client } = await clientOf('member', 'globex');
  const list = client.watchQuery({ query: ConversationsDocument, variables: { first: 5 } });
  const subscription = list.subscribe(() => undefined);
  const shownRows = () => {
    const { data, dataState } = list.getCurrentResult();
    return dataState === 'complete' ? (data.conversations?.edges ?? []).map(({ node }) => node) : [];
  };
  await until('the first page is shown', () => shownRows().length === 5);
  let after = (await client.query({ query: ConversationsDocument, variables: { first: 5 } })).data
    ?.conversations?.pageInfo;
  let pages = 1;
  while (after?.hasNextPage) {
    await insertConversation(database, 'globex', { subject: 'came in between' });
    const { data } = await list.fetchMore({ variables: { after: after.endCursor } });
    after = data.conversations?.pageInfo;
    pages++;
  }
  await until('all pages are shown', () => shownRows().length >= count);
  subscription.unsubscribe();
  expect(pages).toBe(Math.ceil(count / 5));
  expect(new Set(shownRows().map(({ id }) => id)).size).toBe(count);
  expect(shownRows()).toHaveLength(count);
  expect(shownRows().filter(({ subject }) => subject === 'came in between')).toEqual([]);
});

test('a field the user may not read is null beside its error, and the rest is there', async () => {
  const { client } = await clientOf('viewer');
  const { data, error } = await client.query({ query: PlanDocument });
  expect(data?.tenant).toMatchObject({ name: 'Acme Inc.', plan: null });
  expect(CombinedGraphQLErrors.is(error) && error.errors).toMatchObject([
    { path: ['tenant', 'plan'], extensions: { code: 'FORBIDDEN', requires: 'billing:manage' } },
  ]);
});

test('a mutation the user may not make is an error', async () => {
  const { client } = await clientOf('viewer');
  const error = await client
    .mutate({ mutation: CreateConversationDocument, variables: { input: { body: 'mine' } } })
    .catch((reason: unknown) => reason);
  expect(CombinedGraphQLErrors.is(error) && error.errors).toMatchObject([
    { extensions: { code: 'FORBIDDEN', requires: 'conversations:write' } },
  ]);
});

test('a token that is not valid is UNAUTHENTICATED', async () => {
  const { client } = clientWith('no token');
  const { error } = await client.query({ query: MeDocument });
  expect(CombinedGraphQLErrors.is(error) && error.errors).toMatchObject([
    { extensions: { code: 'UNAUTHENTICATED' } },
  ]);
});

test('a document is registered once, and from then on named by its hash', async () => {
  const { client, sent } = await clientOf('admin');
  const ask = () => client.query({ query: MeDocument, fetchPolicy: 'network-only' });
  await ask();
  const { data, error } = await ask();
  expect(error).toBeUndefined();
  expect(data?.me.role).toBe('ADMIN');
  expect(sent.map(({ body }) => body['query'] !== undefined)).toEqual([false, true, false]);
  expect(new Set(sent.map(({ body }) => JSON.stringify(body['extensions'])))).toHaveLength(1);
});

test('with an Idempotency-Key, a mutation whose answers are lost takes effect once', async () => {
  const { client, sent, lose } = await clientOf('member');
  const subject = `once ${randomUUID()}`;
  lose(subject, 2);
  const { data } = await client.mutate({
    mutation: CreateConversationDocument,
    variables: { input: { body: 'a body', subject } },
    context: { headers: { 'idempotency-key': randomUUID() } },
  });
  const rows = await server().database.asSuperuser(
    "SELECT 'conversation_' || id AS id FROM conversations WHERE subject = $1",
    [subject],
  );
  expect(rows).toEqual([{ id: data.createConversation?.conversation?.id }]);
  expect(sent.length).toBeGreaterThanOrEqual(3);
  expect(new Set(sent.map(({ headers }) => headers.get('idempotency-key')))).toHaveLength(1);
});

test('without a key, a mutation whose answer is lost is not sent again', async () => {
  const { client, lose } = await clientOf('member');
  const subject = `lost ${randomUUID()}`;
  lose(subject, 1);
  await expect(
    client.mutate({
      mutation: CreateConversationDocument,
      variables: { input: { body: 'a body', subject } },
    }),
  ).rejects.toThrow('the answer was lost');
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
  const subscription = client
    .subscribe({ query: ConversationChangedDocument })
    .subscribe(({ data }) => events.push(data?.conversationChanged));
  await until('the subscription is in force', async () => (await subscriptionsAt(server())) === 1);
  const { client: writer } = await clientOf('member');
  await writer.mutate({ mutation: UpdateConversationDocument, variables: { input: { id, subject: 'new' } } });
  await until('it is shown', () => states.length === 2);
  expect(states).toEqual([
    ['old', 1],
    ['new', 2],
  ]);
  expect(events).toMatchObject([{ kind: 'UPDATED', conversationId: id, conversation: { subject: 'new' } }]);
  subscription.unsubscribe();
});

test('rows that others make and delete come and go in a list', async () => {
  const { client } = await clientOf('viewer', 'globex');
  const gone = await insertConversation(server().database, 'globex', { subject: 'goes' });
  let subjects: unknown[] = [];
  client
    .watchQuery({ query: ConversationsDocument, variables: { first: 50 } })
    .subscribe(({ data, dataState }) => {
      if (dataState === 'complete')
        subjects = data.conversations?.edges.map(({ node }) => node.subject) ?? [];
    });
  await until('it is shown', () => subjects.includes('goes'));
  const stop = followConversations(client);
  await until('the subscription is in force', async () => (await subscriptionsAt(server())) === 1);
  const writer = await server().as('member', 'globex');
  await writer.query('mutation ($id: ID!) { deleteConversation(input: { id: $id }) { deletedId } }', {
    id: gone,
  });
  await until('it has gone', () => !subjects.includes('goes'));
  await insertConversation(server().database, 'globex', { subject: 'comes' });
  await until('it has come', () => subjects.includes('comes'));
  stop();
});

test('a subscription without a valid token ends with an error', async () => {
  const { client } = clientWith('no token');
  const ended = await new Promise<unknown>((resolve) => {
    client
      .subscribe({ query: ConversationChangedDocument })
      .subscribe({ next: ({ error }) => resolve(error), error: resolve });
  });
  expect(String(ended)).toContain('UNAUTHENTICATED');
});

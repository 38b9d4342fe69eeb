/**
 * Proves that requests which Apollo Server executes without its HTTP layer are answered as with it: the same status, headers
 * and body, for every kind of answer; and that all other requests go through the layer.
 */
import { ApolloServer } from '@apollo/server';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { useServer } from '../support/server.js';

const server = useServer();

/** The requests that went through the layer since the last test began. */
let throughLayer = 0;
const LAYER = 'executeHTTPGraphQLRequest';
const layer = Object.getOwnPropertyDescriptor(ApolloServer.prototype, LAYER)!;
beforeAll(() => {
  const value = function (this: ApolloServer, ...args: unknown[]): unknown {
    throughLayer++;
    return (layer.value as (...args: unknown[]) => unknown).apply(this, args);
  };
  Object.defineProperty(ApolloServer.prototype, LAYER, { ...layer, value });
});
afterAll(() => {
  Object.defineProperty(ApolloServer.prototype, LAYER, layer);
});
beforeEach(() => {
  throughLayer = 0;
});

let kinds = 0;
/** A value of `Accept` that no request has had. The layer chooses the media type of the answers. */
const newAccept = (type = 'application/json'): string => `${type}, x/kind-${String(++kinds)}`;

interface Sent {
  readonly body: unknown;
  readonly accept: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Parts of an answer that are different each time. */
const CHANGING = /^(date|x-request-id|ratelimit|read-after|content-length)$/;

async function send({ body, accept, headers = {} }: Sent) {
  const { token } = await server().as('viewer', 'acme');
  const response = await fetch(`${server().url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, accept, ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) => !CHANGING.test(name)),
    body: (await response.text())
      .replace(/"requestId":"[^"]*"/g, '"requestId":"…"')
      .replace(/"throttle":\{[^}]*\}/g, '"throttle":{}'),
  };
}

const asks = (query: string, more: object = {}) => ({ query, ...more });

const CONVERSATION = 'query ($id: ID!) { conversation(id: $id) { id } }';

test.each<[string, unknown, Readonly<Record<string, string>>?]>([
  ['data', asks('{ me { userId email role } }')],
  ['an empty list of variables', asks('{ me { userId } }', { variables: {}, extensions: {} })],
  ['nothing but null', asks('{ me { userId } }', { variables: null, extensions: null, operationName: null })],
  [
    'one of several operations',
    asks('query A { me { role } } query B { me { email } }', { operationName: 'B' }),
  ],
  ['an operation that is not there', asks('query A { me { role } }', { operationName: 'C' })],
  ['several operations and no name', asks('query A { me { role } } query B { me { email } }')],
  ['no document', asks('{')],
  ['an unknown field', asks('{ nothing { atAll } other }')],
  ['a variable of another type', asks(CONVERSATION, { variables: { id: [1] } })],
  ['a missing variable', asks(CONVERSATION)],
  ['an object that is not there', asks(CONVERSATION, { variables: { id: 'Con_0' } })],
  ['a refused field', asks('{ me { userId } auditLog(first: 1) { nodes { id } } }')],
  [
    'a refused mutation',
    asks('mutation { inviteMember(input: { email: "a@b.test", role: VIEWER }) { invitation { id } } }'),
  ],
  ['a subscription', asks('subscription { conversationChanged { kind } }')],
  ['introspection', asks(getIntrospectionQuery())],
  [
    'an operation that costs too much',
    asks(
      `{ ${Array.from({ length: 30 }, (_, i) => `a${String(i)}: conversations(first: 100) { nodes { messages(first: 100) { nodes { id } } } }`).join(' ')} }`,
    ),
  ],
  ['a key of a query', asks('{ me { userId } }'), { 'idempotency-key': 'a-key' }],
  ['a key that is not well-formed', asks('mutation { __typename }'), { 'idempotency-key': 'ä' }],
])('answers %s as the layer does', async (_what, body, headers = {}) => {
  const accept = newAccept();
  const inFull = await send({ body, accept, headers });
  expect(throughLayer).toBe(1);
  // The media type is remembered after an answer with the status 200.
  await send({ body: asks('{ __typename }'), accept });
  throughLayer = 0;
  expect(await send({ body, accept, headers })).toEqual(inFull);
  expect(throughLayer).toBe(0);
});

test.each(['*/*', 'application/graphql-response+json', 'text/html, application/json;q=0.5'])(
  'answers in the media type that the layer has chosen for Accept: %s',
  async (type) => {
    const accept = newAccept(type);
    const body = asks('{ me { userId } }');
    const inFull = await send({ body, accept });
    throughLayer = 0;
    expect(await send({ body, accept })).toEqual(inFull);
    expect(throughLayer).toBe(0);
  },
);

test.each([
  ['a list of operations', [asks('{ me { userId } }')]],
  ['no document', { variables: {} }],
  ['variables as a text', asks('{ me { userId } }', { variables: '{}' })],
  ['a list of variables', asks('{ me { userId } }', { variables: [] })],
  ['extensions as a text', asks('{ me { userId } }', { extensions: '{}' })],
  ['a number as the name of the operation', asks('{ me { userId } }', { operationName: 1 })],
])('leaves %s to the layer', async (_what, body) => {
  const accept = newAccept();
  await send({ body: asks('{ __typename }'), accept });
  throughLayer = 0;
  expect((await send({ body, accept })).status).toBe(400);
  expect(throughLayer).toBe(1);
});

test('an Accept for which there is no media type is refused each time', async () => {
  const accept = 'image/png';
  const body = asks('{ me { userId } }');
  const refused = await send({ body, accept });
  expect(refused.status).toBe(406);
  expect(await send({ body, accept })).toEqual(refused);
});

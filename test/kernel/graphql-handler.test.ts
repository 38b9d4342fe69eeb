/**
 * Proves that requests which Apollo Server executes without its HTTP layer are answered as with it: the same status, headers
 * and body, for every kind of answer; and that all other requests go through the layer.
 */
import { getIntrospectionQuery } from 'graphql';
import { expect, test } from 'vitest';
import { REQUEST_LIMITS } from '../../src/http/request-limits.js';
import { asks, newAccept, useBothWays } from '../support/both-ways.js';
import { LISTED } from '../support/faulty-server.js';
import { userToken } from '../support/user-token.js';

const { server, send, sendBothWays, throughLayer } = useBothWays();

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
  ['an empty name of an operation', asks('{ me { userId } }', { operationName: '' })],
  ['a name that every object has', asks('query toString { me { userId } }', { operationName: 'toString' })],
  ['a name that no object may have', asks('{ me { userId } }', { operationName: '__proto__' })],
  ['a document id that is null', asks('{ me { userId } }', { documentId: null })],
  ['a persisted query that is null', asks('{ me { userId } }', { extensions: { persistedQuery: null } })],
  ['properties that nobody knows', asks('{ me { userId } }', { http: { method: 'GET' }, toString: 1 })],
  ['the same property twice', '{"query":"{","query":"{ me { userId } }"}'],
  [
    'the same variable twice',
    '{"query":"query ($id: ID!) { echo(id: $id) }","variables":{"id":"1","id":"2"}}',
  ],
  [
    'a variable with the name of a property of every object',
    '{"query":"query ($constructor: ID!) { echo(id: $constructor) }","variables":{"constructor":"1"}}',
  ],
  ['a byte order mark', `\ufeff${JSON.stringify(asks('{ me { userId } }'))}`],
  ['a document of nothing but spaces', asks('  ')],
  ['half a character', '{"query":"{ me { userId } } # \\ud800"}'],
  ['a document that is too long', asks(`{ me { userId } } #${'x'.repeat(90_000)}`)],
  [
    'variables in many lists',
    `{"query":"{ me { userId } }","variables":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
  ],
  ['a directive of incremental delivery', asks('{ me { ... @defer { userId } } }')],
  ['nothing of what was asked for', asks('{ me @skip(if: true) { userId } }')],
  ['introspection beside other fields', asks('{ __schema { types { name } } me { userId } }')],
  ['a document without an operation', asks('type Query { a: Int }')],
  ['many errors', asks(`{ ${Array.from({ length: 200 }, (_, i) => `x${String(i)}`).join(' ')} }`)],
  [
    'defects beside data',
    asks('{ me { userId } throws rejects throwsText unlisted pretends wrongType database }'),
  ],
  ['a defect of a field that is never null', asks('{ missing { id } }')],
  ['an expected failure', asks('{ taken }')],
  [
    'an answer that is too large',
    asks(
      'query ($id: ID!) { '.concat(
        Array.from({ length: 30 }, (_, i) => `a${String(i)}: echo(id: $id)`).join(' '),
        ' }',
      ),
      { variables: { id: 'x'.repeat(10_000) } },
    ),
  ],
  ['a charset', asks('{ me { userId } }'), { 'content-type': 'application/json; charset=iso-8859-1' }],
  ['a media type in capitals', asks('{ me { userId } }'), { 'content-type': 'APPLICATION/JSON' }],
  ['a front end of another origin', asks('{ me { userId } }'), { origin: LISTED }],
  ['an unknown origin', asks('{ me { userId } }'), { origin: 'https://evil.example.test' }],
  ['a client that accepts gzip', asks(getIntrospectionQuery()), { 'accept-encoding': 'identity' }],
  ['a condition', asks('{ me { userId } }'), { 'if-none-match': '*' }],
  ['another method in a header', asks('{ me { userId } }'), { 'x-http-method-override': 'GET' }],
  ['a position that nobody has given', asks('{ me { userId } }'), { 'read-after': 'x' }],
  ['a Host that is none', asks('{ me { userId } }'), { host: '[' }],
  ['a Host with a space', asks('{ me { userId } }'), { host: 'a b' }],
])('answers %s as the layer does', async (_what, body, headers) => {
  const { inFull, plain } = await sendBothWays({ body, headers });
  expect(plain).toEqual(inFull);
});

test.each<[string, unknown]>([
  ['data', asks('{ me { name permissions } }')],
  ['an unknown field', asks('{ nothing }')],
  ['a document id beside a text', asks('{ me { name } }', { documentId: 'a' })],
  [
    'a persisted query',
    asks('{ me { name } }', { extensions: { persistedQuery: { version: 1, sha256Hash: 'a' } } }),
  ],
  ['a refused variable', asks('query ($id: ID!) { tenant(id: $id) { slug } }', { variables: { id: [1] } })],
])('answers %s at the operators’ door as the layer does', async (_what, body) => {
  const { inFull, plain } = await sendBothWays({ body, door: 'operators' });
  expect(plain).toEqual(inFull);
});

test.each([
  '*/*',
  'application/graphql-response+json',
  'text/html, application/json;q=0.5',
  'application/json;q=0, application/graphql-response+json',
  'multipart/mixed; deferSpec=20220824, application/json',
  'application/json; callbackSpec=1.0',
  ', ,;q=2, application/json',
])('answers in the media type that the layer has chosen for Accept: %s', async (type) => {
  const accept = newAccept(type);
  const body = asks('{ me { userId } }');
  const inFull = await send({ body, accept });
  throughLayer.count = 0;
  expect(await send({ body, accept })).toEqual(inFull);
  expect(throughLayer.count).toBe(0);
});

test.each([
  ['a list of operations', [asks('{ me { userId } }')]],
  ['no document', { variables: {} }],
  ['variables as a text', asks('{ me { userId } }', { variables: '{}' })],
  ['a list of variables', asks('{ me { userId } }', { variables: [] })],
  ['extensions as a text', asks('{ me { userId } }', { extensions: '{}' })],
  ['a number as the name of the operation', asks('{ me { userId } }', { operationName: 1 })],
  ['no operation', []],
  ['a list in a list', [[asks('{ me { userId } }')]]],
  ['null', 'null'],
  ['a text', '"{ me { userId } }"'],
  ['a number', '1'],
  ['an object without properties', {}],
  ['an empty document', asks('')],
  ['null as the document', asks(null as unknown as string)],
  ['an empty text of variables', asks('{ me { userId } }', { variables: '' })],
  ['0 as the variables', asks('{ me { userId } }', { variables: 0 })],
  ['false as the extensions', asks('{ me { userId } }', { extensions: false })],
  ['an object as the name of the operation', asks('{ me { userId } }', { operationName: {} })],
])('leaves %s to the layer', async (_what, body) => {
  const accept = newAccept();
  await send({ body: asks('{ __typename }'), accept });
  throughLayer.count = 0;
  expect((await send({ body, accept })).status).toBe(400);
  expect(throughLayer.count).toBe(1);
});

test.each<[status: number, what: string, body: unknown, headers?: Readonly<Record<string, string>>]>([
  [
    415,
    'plain text, as a page of another origin may send it',
    asks('{ me { role } }'),
    { 'content-type': 'text/plain' },
  ],
  [415, 'a form', 'query={me{role}}', { 'content-type': 'application/x-www-form-urlencoded' }],
  [
    415,
    'a form of several parts',
    asks('{ me { role } }'),
    { 'content-type': 'multipart/form-data; boundary=x' },
  ],
  [415, 'two media types', asks('{ me { role } }'), { 'content-type': 'text/plain, application/json' }],
  [415, 'no media type', asks('{ me { role } }'), { 'content-type': '' }],
  [415, 'a document without JSON', '{ me { role } }', { 'content-type': 'application/graphql' }],
  [400, 'nothing', ''],
  [400, 'what is no JSON', '{"query":"{ me { role } }"}x'],
  [400, 'a prototype', '{"query":"{ me { role } }","__proto__":{"variables":{}}}'],
  [400, 'a prototype of variables', '{"query":"{ me { role } }","variables":{"__proto__":{"a":1}}}'],
  [400, 'a number as the document', '{"query":1}'],
  [400, 'a list as the document', '{"query":["{ me { role } }"]}'],
  [
    400,
    'an unknown form of a persisted query',
    asks('{ me { role } }', { extensions: { persistedQuery: true } }),
  ],
  [413, 'a body that is too large', 'x'.repeat(REQUEST_LIMITS.bodyBytes + 1)],
])('answers %d to %s before either way', async (status, _what, body, headers) => {
  const accept = newAccept();
  await send({ body: asks('{ __typename }'), accept });
  throughLayer.count = 0;
  const remembered = await send({ body, accept, headers });
  expect(remembered.status).toBe(status);
  expect(await send({ body, accept: newAccept(), headers })).toEqual(remembered);
  expect(throughLayer.count).toBe(0);
});

test('a guest is answered as the layer does', async () => {
  const token = userToken({ sub: 'stranger', email: 'stranger@new.test', tenant_id: 'acme' });
  const body = asks('mutation { acceptInvitation(input: { token: "none" }) { membership { id } } }');
  const headers = { authorization: `Bearer ${token}` };
  const { inFull, plain } = await sendBothWays({ body, headers });
  expect(plain).toEqual(inFull);
  expect(plain.body).toContain('"acceptInvitation":null');
});

test('a repeated mutation is answered as the layer does', async () => {
  const { token } = await server().as('owner', 'acme');
  const body = asks('mutation { updateTenant(input: { name: "Acme" }) { tenant { name } } }');
  const headers = { authorization: `Bearer ${token}`, 'idempotency-key': 'both-ways' };
  await send({ body, accept: newAccept(), headers });
  throughLayer.count = 0;
  const { inFull, plain } = await sendBothWays({ body, headers });
  expect(plain).toEqual(inFull);
  expect(plain.headers).toMatchObject({ 'idempotency-replayed': 'true' });
});

test('a mutation by GET is refused, whatever was remembered', async () => {
  const { token } = await server().as('viewer', 'acme');
  const accept = newAccept();
  await send({ body: asks('{ __typename }'), accept });
  const headers = { authorization: `Bearer ${token}`, accept, 'content-type': 'application/json' };
  const answer = await fetch(
    `${server().url}/graphql?query=${encodeURIComponent('mutation { __typename }')}`,
    {
      headers,
    },
  );
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  const head = await fetch(`${server().url}/graphql?query={me{role}}`, { method: 'HEAD', headers });
  expect(head.status).toBe(405);
});

test('an Accept for which there is no media type is refused each time', async () => {
  const accept = 'image/png';
  const body = asks('{ me { userId } }');
  const refused = await send({ body, accept });
  expect(refused.status).toBe(406);
  expect(await send({ body, accept })).toEqual(refused);
});

/**
 * Proves that requests which Apollo Server executes without its HTTP layer are answered as with it: the same status, headers
 * and body, for every kind of answer; and that all other requests go through the layer.
 */
import { ApolloServer } from '@apollo/server';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { RequestsUnderWay } from '../../src/http/requests-under-way.js';
import { LONGEST_REMEMBERED } from '../../src/http/remembering.js';
import { REQUEST_LIMITS } from '../../src/http/request-limits.js';
import { PublicError } from '../../src/kernel/vocabulary/errors.js';
import { modules } from '../../src/modules.js';
import { DocumentReader } from '../../src/services/documents/document-reader.js';
import { faultyModule, LISTED, SECRET } from '../support/faulty-server.js';
import { OPERATORS, operatorToken } from '../support/operators.js';
import { openRaw } from '../support/raw-connection.js';
import { rawPost } from '../support/raw-request.js';
import { useServer } from '../support/server.js';

const server = useServer({
  modules: [...modules, faultyModule],
  env: { ...OPERATORS, CORS_ORIGINS: LISTED, MAX_ANSWER_BYTES: '200000' },
});

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
  /** A text is sent as it is, everything else as JSON. */
  readonly body: unknown;
  readonly accept: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly door?: 'tenants' | 'operators';
}

/** Parts of an answer that are different each time. */
const CHANGING = /^(date|x-request-id|ratelimit|read-after|content-length)$/;

async function send({ body, accept, headers = {}, door = 'tenants' }: Sent) {
  const token = door === 'tenants' ? (await server().as('viewer', 'acme')).token : operatorToken();
  const path = door === 'tenants' ? '/graphql' : '/operator/graphql';
  const answer = await rawPost(`${server().url}${path}`, {
    authorization: `Bearer ${token}`,
    headers: { accept, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: answer.status,
    headers: Object.entries(answer.headers).filter(([name]) => !CHANGING.test(name)),
    body: answer.text
      .replace(/"requestId":"[^"]*"/g, '"requestId":"…"')
      .replace(/"throttle":\{[^}]*\}/g, '"throttle":{}'),
  };
}

/** Sends a request through the layer, and then without it. */
async function sendBothWays(sent: Omit<Sent, 'accept'>, before = (): void => undefined) {
  const accept = newAccept();
  before();
  const inFull = await send({ ...sent, accept });
  expect(throughLayer).toBe(1);
  // The media type is remembered after an answer with the status 200.
  await send({ door: sent.door ?? 'tenants', body: asks('{ __typename }'), accept });
  throughLayer = 0;
  before();
  const plain = await send({ ...sent, accept });
  expect(throughLayer).toBe(0);
  return { inFull, plain };
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
  throughLayer = 0;
  expect(await send({ body, accept })).toEqual(inFull);
  expect(throughLayer).toBe(0);
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
  throughLayer = 0;
  expect((await send({ body, accept })).status).toBe(400);
  expect(throughLayer).toBe(1);
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
  throughLayer = 0;
  const remembered = await send({ body, accept, headers });
  expect(remembered.status).toBe(status);
  expect(await send({ body, accept: newAccept(), headers })).toEqual(remembered);
  expect(throughLayer).toBe(0);
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

test('HTTP/1.0 without a Host is answered through the layer, too', async () => {
  const { token } = await server().as('viewer', 'acme');
  const body = JSON.stringify(asks('{ me { role } }'));
  const head = [
    'POST /graphql HTTP/1.0',
    `Authorization: Bearer ${token}`,
    `Accept: ${newAccept()}`,
    'Content-Type: application/json',
    `Content-Length: ${String(body.length)}`,
  ];
  for (const layers of [1, 0]) {
    throughLayer = 0;
    const connection = await openRaw(server().url);
    connection.send(`${head.join('\r\n')}\r\n\r\n${body}`);
    await connection.closed;
    expect([connection.received.split('\r\n', 1)[0], throughLayer]).toEqual(['HTTP/1.1 200 OK', layers]);
  }
});

describe('what is remembered is bounded', () => {
  const goesThroughLayer = async (accept: string): Promise<boolean> => {
    throughLayer = 0;
    await send({ body: asks('{ __typename }'), accept });
    return throughLayer === 1;
  };

  test('in its length', async () => {
    const longest = newAccept().padEnd(LONGEST_REMEMBERED, 'x');
    expect([await goesThroughLayer(longest), await goesThroughLayer(longest)]).toEqual([true, false]);
    const tooLong = newAccept().padEnd(LONGEST_REMEMBERED + 1, 'x');
    expect([await goesThroughLayer(tooLong), await goesThroughLayer(tooLong)]).toEqual([true, true]);
  });

  test('in its number', async () => {
    const first = newAccept();
    await goesThroughLayer(first);
    expect(await goesThroughLayer(first)).toBe(false);
    for (let n = 0; n < 100; n++) await goesThroughLayer(newAccept());
    expect(await goesThroughLayer(first)).toBe(true);
  });
});

describe('a failure', () => {
  let errors: unknown[] = [];
  beforeEach(() => {
    errors = [];
    const { log } = server().app;
    // Of the logs of all requests.
    const child = log.child.bind(log);
    vi.spyOn(log, 'child').mockImplementation((...args) => recording(child(...args)));
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  function recording(log: ReturnType<typeof server>['app']['log']): typeof log {
    const child = log.child.bind(log);
    return Object.assign(Object.create(log) as typeof log, {
      child: (...args: Parameters<typeof child>) => recording(child(...args)),
      error: (details: { readonly err?: unknown }) => errors.push(details.err),
    });
  }

  const seen = (code: string): number => server().services.leaving.codes.get(code) ?? 0;

  test('of a step of Apollo Server is answered, logged and counted once each way', async () => {
    const before = seen('INTERNAL_SERVER_ERROR');
    const { inFull, plain } = await sendBothWays({ body: asks('{ me { userId } }') }, () => {
      vi.spyOn(DocumentReader.prototype, 'read').mockImplementationOnce(() => {
        throw new Error(SECRET);
      });
    });
    expect(plain).toEqual(inFull);
    expect(plain).toMatchObject({ status: 500, body: expect.not.stringContaining(SECRET) as string });
    expect(errors.map(String)).toEqual([`Error: ${SECRET}`, `Error: ${SECRET}`]);
    expect(seen('INTERNAL_SERVER_ERROR') - before).toBe(2);
  });

  test.each([
    ['a defect', new Error(SECRET), 500, 'INTERNAL_SERVER_ERROR', 2],
    ['expected', new PublicError('UNAVAILABLE', 'Try again.', { retryAfter: 3 }), 503, 'UNAVAILABLE', 0],
  ])(
    'of the context that is %s is answered, logged and counted the same',
    async (_what, error, status, code, logged) => {
      const before = seen(code);
      const { inFull, plain } = await sendContextFailures(error);
      expect(plain).toEqual(inFull);
      expect(plain).toMatchObject({ status, body: expect.not.stringContaining(SECRET) as string });
      expect([errors.length, seen(code) - before]).toEqual([logged, 2]);
    },
  );

  /** As {@link sendBothWays}, but no request that fails so early gets to the layer. */
  async function sendContextFailures(error: Error) {
    const accept = newAccept();
    const failing = async () => {
      vi.spyOn(RequestsUnderWay.prototype, 'begin').mockImplementationOnce(() => {
        throw error;
      });
      return send({ body: asks('{ me { userId } }'), accept });
    };
    const inFull = await failing();
    await send({ body: asks('{ __typename }'), accept });
    return { inFull, plain: await failing() };
  }
});

test('an Accept for which there is no media type is refused each time', async () => {
  const accept = 'image/png';
  const body = asks('{ me { userId } }');
  const refused = await send({ body, accept });
  expect(refused.status).toBe(406);
  expect(await send({ body, accept })).toEqual(refused);
});

/**
 * Proves what a client receives when a request is refused, whatever failed: a code of the closed list in the form of a
 * GraphQL error.
 */
import { describe, expect, test } from 'vitest';
import { ERROR_STATUS } from '../../src/kernel/vocabulary/errors.js';
import { TRACES, expectSafeHeaders, useFaultyServer } from '../support/faulty-server.js';

const { server, bearer, json, post, operation, send } = useFaultyServer();

/** The codes that docs/errors.md lists: our own, and Apollo's for parsing and validation. */
const CODES: readonly string[] = [
  ...Object.keys(ERROR_STATUS),
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
];

describe('a refusal', () => {
  const preflight = { 'apollo-require-preflight': '1' };
  const me = '{me{userId}}';
  const token = () => bearer().authorization.slice('Bearer '.length);
  const large = 'x'.repeat(101 * 1024);
  const asStream = (text: string) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      },
    });

  const refusals: readonly (readonly [
    what: string,
    status: number,
    code: string,
    path: string,
    init: () => RequestInit,
  ])[] = [
    ['malformed JSON', 400, 'BAD_REQUEST', '/graphql', () => post('{"query":')],
    ['an empty body', 400, 'BAD_REQUEST', '/graphql', () => post('')],
    [
      'JSON that pollutes prototypes',
      400,
      'BAD_REQUEST',
      '/graphql',
      () => post(`{"__proto__":{},"query":"${me}"}`),
    ],
    ['a list of operations', 400, 'BAD_REQUEST', '/graphql', () => post(`[{"query":"${me}"}]`)],
    ['a body that is a text', 400, 'BAD_REQUEST', '/graphql', () => post('"x"')],
    ['a body that is null', 400, 'BAD_REQUEST', '/graphql', () => post('null')],
    ['an object without a query', 400, 'BAD_REQUEST', '/graphql', () => post('{}')],
    ['a query that is no text', 400, 'BAD_REQUEST', '/graphql', () => post('{"query":1}')],
    [
      'variables that are a text',
      400,
      'BAD_REQUEST',
      '/graphql',
      () => post(`{"query":"${me}","variables":"x"}`),
    ],
    [
      'an unknown operation name',
      400,
      'OPERATION_RESOLUTION_FAILURE',
      '/graphql',
      () => post(`{"query":"${me}","operationName":"x"}`),
    ],
    ['a body of 101 KiB', 413, 'BAD_REQUEST', '/graphql', () => operation(large)],
    [
      'a body of 101 KiB without a length',
      413,
      'BAD_REQUEST',
      '/graphql',
      () => ({ ...post(''), body: asStream(JSON.stringify({ query: large })), duplex: 'half' }),
    ],
    [
      'XML',
      415,
      'BAD_REQUEST',
      '/graphql',
      () => ({ ...post('<a/>'), headers: { ...bearer(), 'content-type': 'application/xml' } }),
    ],
    [
      'a form',
      415,
      'BAD_REQUEST',
      '/graphql',
      () => ({
        ...post('query=a'),
        headers: { ...bearer(), 'content-type': 'application/x-www-form-urlencoded' },
      }),
    ],
    [
      'plain text, which a foreign page could send',
      415,
      'BAD_REQUEST',
      '/graphql',
      () => ({ ...post(`{"query":"${me}"}`), headers: { ...bearer(), 'content-type': 'text/plain' } }),
    ],
    ['nothing at all', 400, 'BAD_REQUEST', '/graphql', () => ({ method: 'POST', headers: bearer() })],
    [
      'a query by GET that a foreign page could send, with the token in a cookie',
      401,
      'UNAUTHENTICATED',
      `/graphql?query=${me}`,
      () => ({ headers: { ...preflight, cookie: `authorization=Bearer ${token()}; token=${token()}` } }),
    ],
    [
      'a query by GET that a foreign page could send, with the password of a browser',
      401,
      'UNAUTHENTICATED',
      `/graphql?query=${me}`,
      () => ({ headers: { authorization: `Basic ${Buffer.from(`user:${token()}`).toString('base64')}` } }),
    ],
    [
      'a mutation by GET',
      405,
      'BAD_REQUEST',
      '/graphql?query=mutation{changePlan(input:{plan:"team"}){tenant{id}}}',
      () => ({ headers: { ...bearer(), ...preflight } }),
    ],
    [
      'a GET without a query',
      400,
      'BAD_REQUEST',
      '/graphql',
      () => ({ headers: { ...bearer(), ...preflight } }),
    ],
    [
      'a GET with variables that are no JSON',
      400,
      'BAD_REQUEST',
      `/graphql?query=${me}&variables={`,
      () => ({ headers: { ...bearer(), ...preflight } }),
    ],
    [
      'an answer that is to be HTML',
      406,
      'BAD_REQUEST',
      '/graphql',
      () => ({ ...operation(me), headers: { ...json(), accept: 'text/html' } }),
    ],
    [
      'no token, before the body is looked at',
      401,
      'UNAUTHENTICATED',
      '/graphql',
      () => ({ ...post('{'), headers: { 'content-type': 'application/json' } }),
    ],
    [
      'no token and a body that is too large',
      401,
      'UNAUTHENTICATED',
      '/graphql',
      () => ({ ...operation(large), headers: { 'content-type': 'application/json' } }),
    ],
    ['an unknown path', 404, 'NOT_FOUND', '/nothing?x=1', () => ({})],
    ['an unknown method', 405, 'BAD_REQUEST', '/graphql', () => ({ ...post('{}'), method: 'PUT' })],
    ['a path that cannot be decoded', 400, 'BAD_REQUEST', '/%E0%A4%A', () => ({})],
    ['a document that is none', 400, 'GRAPHQL_PARSE_FAILED', '/graphql', () => operation('{')],
    [
      'a document of too many tokens',
      400,
      'GRAPHQL_PARSE_FAILED',
      '/graphql',
      () => operation(`{${' me{userId}'.repeat(600)}}`),
    ],
    ['a field that is none', 400, 'GRAPHQL_VALIDATION_FAILED', '/graphql', () => operation('{ nothing }')],
    [
      'an argument of the wrong type',
      400,
      'GRAPHQL_VALIDATION_FAILED',
      '/graphql',
      () => operation('{ echo(id: 1.5) }'),
    ],
    [
      'a variable of the wrong type',
      400,
      'BAD_USER_INPUT',
      '/graphql',
      () => operation('query ($id: ID!) { echo(id: $id) }', { id: {} }),
    ],
    [
      'a variable that is missing',
      400,
      'BAD_USER_INPUT',
      '/graphql',
      () => operation('query ($id: ID!) { echo(id: $id) }'),
    ],
  ];

  test.each(refusals)('of %s is %i %s', async (_what, status, code, path, init) => {
    const answer = await send(path, init());
    expect(answer.status).toBe(status);
    expect(answer.errors.map(({ extensions }) => extensions['code'])).toEqual([code]);
    expect(CODES).toContain(code);
    expect(answer.errors[0]!.message).not.toBe('');
    expect(JSON.parse(answer.text)).not.toHaveProperty('data');
    expect(answer.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json/);
    expect(answer.text).not.toMatch(TRACES);
    expectSafeHeaders(answer.headers);
  });

  test.each([
    ['application/graphql-response+json, application/json;q=0.9', 'application/graphql-response+json'],
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
  ])('before GraphQL, asked for as %s, comes as %s', async (accept, type) => {
    for (const [path, init] of [
      ['/graphql', { ...post('{'), headers: { 'content-type': 'application/json', accept } }],
      ['/nothing', { headers: { accept } }],
    ] as const) {
      const answer = await send(path, init);
      expect(answer.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
      expect(answer.errors).toHaveLength(1);
    }
  });

  test('of a mutation by GET names the method that is allowed, and changes nothing', async () => {
    const { database } = server();
    const plans = () => database.asSuperuser('SELECT slug, plan FROM tenants ORDER BY slug');
    const before = await plans();
    const mutation = encodeURIComponent(
      'mutation { changePlan(input: { plan: "enterprise" }) { tenant { id } } }',
    );
    const { status, headers } = await send(`/graphql?query=${mutation}`, {
      headers: { ...bearer(), ...preflight },
    });
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe('POST');
    expect(await plans()).toEqual(before);
  });

  test('of null for a variable with a default, where null must not be, is the client’s own', async () => {
    const { errors } = await send(
      '/graphql',
      operation('query ($id: ID = "x") { echo(id: $id) }', { id: null }),
    );
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('a query by GET is answered with a token alone, which no foreign page can send', async () => {
    const { status, text } = await send(`/graphql?query=${me}`, { headers: bearer() });
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ data: { me: { userId: 'demo|acme|owner' } } });
  });

  test('a body of just under 100 KiB is answered', async () => {
    const body = JSON.stringify({ query: me, operationName: null });
    const { status } = await send('/graphql', post(body + ' '.repeat(100 * 1024 - body.length)));
    expect(status).toBe(200);
  });
});

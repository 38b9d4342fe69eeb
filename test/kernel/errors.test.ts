/**
 * Proves what a client is told when something fails: a code of the closed list, in the form of a GraphQL error,
 * whatever failed and wherever; of a defect nothing but the id under which it is logged. And that every answer carries
 * the headers that keep a browser from making more of it.
 */
import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { GraphQLError } from 'graphql';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { dataRule } from '../../src/kernel/graphql/shield.js';
import { conflict, ERROR_STATUS } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { startTestServer, TEST_SECRET, useServer, type TestServer } from '../support/server.js';

/** Whatever contains this was not to leave the server. */
const SECRET = 'secret detail 4711';

/** The codes that docs/errors.md lists: our own, and those of parsing and validation, which are Apollo's. */
const CODES: readonly string[] = [
  ...Object.keys(ERROR_STATUS),
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
];

const fails = (error: unknown) => () => {
  throw error as Error;
};

/** Any: the types of the generated resolvers do not know these fields. */
const faulty: object = {
  Query: {
    throws: fails(new Error(SECRET)),
    rejects: () => Promise.reject(new TypeError(SECRET)),
    returns: () => new Error(SECRET),
    guarded: fails(new Error(SECRET)),
    throwsText: fails(SECRET),
    library: fails(new GraphQLError(SECRET)),
    unlisted: fails(new GraphQLError(SECRET, { extensions: { code: 'TEAPOT', detail: SECRET } })),
    pretends: fails(
      new GraphQLError(SECRET, { extensions: { code: 'INTERNAL_SERVER_ERROR', detail: SECRET } }),
    ),
    missing: () => ({ id: null }),
    wrongType: () => ({ an: 'object' }),
    database: (_parent: unknown, _args: unknown, { db }: RequestContext) =>
      db.$queryRaw(Prisma.sql`SELECT 1 / 0 AS "secret detail 4711"`),
    rule: () => 1,
    taken: fails(conflict('This is taken.')),
    echo: (_parent: unknown, { id }: { id: string }) => id,
  },
};

const faultyModule = defineModule({
  name: 'faulty',
  typeDefs: `
    type Thing @authenticated { id: ID! }
    extend type Query {
      throws: Int @authenticated
      rejects: Int @authenticated
      returns: Int @authenticated
      guarded: Int @requires(permission: SETTINGS_MANAGE)
      throwsText: Int @authenticated
      library: Int @authenticated
      unlisted: Int @authenticated
      pretends: Int @authenticated
      missing: Thing @authenticated
      wrongType: Int @authenticated
      database: Int @authenticated
      rule: Int @authenticated
      taken: Int @authenticated
      echo(id: ID!): ID @authenticated
    }`,
  resolvers: faulty,
  rules: {
    'Query.rule': dataRule('fails', fails(new Error(SECRET))),
  },
});

const LISTED = 'https://app.example.test';
const server = useServer({
  modules: [tenantModule, faultyModule],
  env: { CORS_ORIGINS: `${LISTED}, https://other.example.test` },
});

let token = '';
beforeAll(async () => {
  ({ token } = await server().as('owner', 'acme'));
});
afterEach(() => {
  vi.restoreAllMocks();
});

const bearer = () => ({ authorization: `Bearer ${token}` });
const json = () => ({ ...bearer(), 'content-type': 'application/json' });
const post = (body: string) => ({ method: 'POST', headers: json(), body });
const operation = (query: string, variables: object = {}) => post(JSON.stringify({ query, variables }));

interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly errors: readonly {
    readonly message: string;
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

async function send(path: string, init: RequestInit = {}): Promise<Refusal> {
  const response = await fetch(server().url + path, init);
  const text = await response.text();
  const body = JSON.parse(text) as { errors?: Refusal['errors'] };
  return { status: response.status, headers: response.headers, text, errors: body.errors ?? [] };
}

/** Records what the server logs from now on, with what each line is about. */
function recordLog(): { level: string; details: Record<string, unknown>; text: unknown }[] {
  const lines: ReturnType<typeof recordLog> = [];
  const at = (level: string) => (details: unknown, text?: unknown) => {
    lines.push({ level, details: Object(details) as Record<string, unknown>, text });
  };
  const logger: FastifyBaseLogger = {
    level: 'trace',
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    silent: () => undefined,
    child: () => logger,
  };
  vi.spyOn(server().app.log, 'child').mockReturnValue(logger);
  return lines;
}

const TRACES = /\n\s+at |\.[cm]?[jt]s:\d+|node_modules|stacktrace|file:\/\//i;

describe('a defect', () => {
  const DEFECTS = [
    'throws',
    'rejects',
    'returns',
    'guarded',
    'throwsText',
    'library',
    'unlisted',
    'pretends',
    'wrongType',
    'database',
  ];

  test.each(DEFECTS)(
    'of the resolver %s is masked, names the request, and leaves the rest',
    async (field) => {
      const { status, headers, text } = await send('/graphql', operation(`{ me { userId } ${field} }`));
      expect(status).toBe(200);
      const requestId = headers.get('x-request-id');
      expect(JSON.parse(text)).toEqual({
        data: { me: { userId: 'demo|acme|owner' }, [field]: null },
        errors: [
          {
            message: 'Something went wrong on our side.',
            locations: [expect.any(Object)],
            path: [field],
            extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
          },
        ],
        extensions: { cost: expect.any(Object) as object },
      });
      expect(requestId).toBeTruthy();
      expect(text).not.toContain('4711');
      expect(text).not.toMatch(TRACES);
    },
  );

  test.each(DEFECTS)('of the resolver %s is logged once, in full, with its path', async (field) => {
    const lines = recordLog();
    await send('/graphql', operation(`{ ${field} }`));
    const errors = lines.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]!.details['path']).toBe(field);
    // What a library says of a wrong type, or the database of a division, is in its own words.
    if (!['wrongType', 'database'].includes(field))
      expect(String(errors[0]!.details['err'])).toContain(SECRET);
    else expect(String(errors[0]!.details['err'])).not.toBe('');
  });

  test('of a field that must not be null is masked where it is', async () => {
    const { text } = await send('/graphql', operation('{ missing { id } }'));
    expect(JSON.parse(text)).toMatchObject({
      data: { missing: null },
      errors: [{ path: ['missing', 'id'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
    expect(text).not.toContain('non-nullable');
  });

  test('of two resolvers is two errors with the same request id', async () => {
    const { errors, headers } = await send('/graphql', operation('{ throws rejects }'));
    const requestId = headers.get('x-request-id');
    expect(errors.map(({ extensions }) => extensions)).toEqual([
      { code: 'INTERNAL_SERVER_ERROR', requestId },
      { code: 'INTERNAL_SERVER_ERROR', requestId },
    ]);
  });

  test('outside the resolvers is masked and logged as well', async () => {
    const lines = recordLog();
    vi.spyOn(server().services.authentication.access, 'resolve').mockRejectedValueOnce(new Error(SECRET));
    const { status, headers, text, errors } = await send('/graphql', operation('{ me { userId } }'));
    expect(status).toBe(500);
    expect(errors).toEqual([
      {
        message: 'Something went wrong on our side.',
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: headers.get('x-request-id') },
      },
    ]);
    expect(text).not.toContain('4711');
    expect(
      lines.some(({ level, details }) => level === 'error' && String(details['err']).includes(SECRET)),
    ).toBe(true);
  });

  test('of a rule refuses the field, tells nothing, and is logged', async () => {
    const lines = recordLog();
    const { text } = await send('/graphql', operation('{ me { userId } rule }'));
    expect(JSON.parse(text)).toMatchObject({ data: { me: {}, rule: null }, errors: [{ path: ['rule'] }] });
    expect(text).not.toContain('4711');
    expect(JSON.stringify(lines.map(({ details }) => String(details['err'])))).toContain(SECRET);
  });

  test('is not what an expected failure is: that passes as it is, and is not logged as an error', async () => {
    const lines = recordLog();
    const { errors } = await send('/graphql', operation('{ taken }'));
    expect(errors).toMatchObject([{ message: 'This is taken.', extensions: { code: 'CONFLICT' } }]);
    expect(errors[0]!.extensions).toEqual({ code: 'CONFLICT' });
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('a refusal', () => {
  const preflight = { 'apollo-require-preflight': '1' };
  const me = '{me{userId}}';
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
      () => ({ headers: { ...preflight, cookie: `authorization=Bearer ${token}; token=${token}` } }),
    ],
    [
      'a query by GET that a foreign page could send, with the password of a browser',
      401,
      'UNAUTHENTICATED',
      `/graphql?query=${me}`,
      () => ({ headers: { authorization: `Basic ${Buffer.from(`user:${token}`).toString('base64')}` } }),
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

function expectSafeHeaders(headers: Headers): void {
  expect(Object.fromEntries(headers)).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': expect.any(String) as string,
    'referrer-policy': 'no-referrer',
    'strict-transport-security': expect.stringContaining('max-age=') as string,
    'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    'x-request-id': expect.stringMatching(/./) as string,
  });
  for (const name of ['x-powered-by', 'server', 'set-cookie']) expect(headers.get(name)).toBeNull();
}

describe('every answer', () => {
  test.each(['/graphql', '/healthz', '/readyz', '/metrics', '/graphiql', '/'])(
    'of %s has the safe headers',
    async (path) => {
      const response = await fetch(server().url + path, {
        redirect: 'manual',
        ...(path === '/graphql' && operation('{ me { userId } }')),
      });
      await response.arrayBuffer();
      expect(response.status).toBeLessThan(400);
      expectSafeHeaders(response.headers);
    },
  );
});

describe('a page of another origin', () => {
  const from = async (
    origin: string,
    init: { method?: string; body?: null; headers?: Record<string, string> } = {},
  ) => {
    const response = await fetch(`${server().url}/graphql`, {
      ...operation('{ me { userId } }'),
      ...init,
      headers: { ...json(), origin, ...init.headers },
    });
    await response.arrayBuffer();
    return response.headers;
  };
  const asksFirst = {
    method: 'OPTIONS',
    body: null,
    headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  };

  test.each([LISTED, 'https://other.example.test'])(
    'may read answers when it is listed: %s',
    async (origin) => {
      for (const headers of [await from(origin), await from(origin, asksFirst)]) {
        expect(headers.get('access-control-allow-origin')).toBe(origin);
        expect(headers.get('vary')).toMatch(/origin/i);
        expect(headers.get('access-control-allow-credentials')).toBeNull();
      }
      expect((await from(origin)).get('access-control-expose-headers')).toContain('x-request-id');
      expect((await from(origin, asksFirst)).get('access-control-allow-headers')).toContain('authorization');
    },
  );

  test.each([
    'https://evil.test',
    'http://app.example.test',
    'https://app.example.test:8443',
    'https://app.example.test.evil.test',
    'https://sub.app.example.test',
    'null',
  ])('may not when it is not: %s', async (origin) => {
    for (const headers of [await from(origin), await from(origin, asksFirst)]) {
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('the metrics', () => {
  test('have the durations of answers by route, and the connections of the pool', async () => {
    await send('/graphql', operation('{ me { userId } }'));
    const text = await (await fetch(`${server().url}/metrics`)).text();
    expect(text).toMatch(/^http_request_duration_seconds_bucket\{[^}]*route="\/graphql"[^}]*\} \d+$/m);
    expect(text).toMatch(/^http_request_duration_seconds_count\{.*status="200".*\} [1-9]\d*$/m);
    for (const state of ['active', 'idle', 'waiting']) {
      expect(text).toMatch(new RegExp(`^tenantry_pool_connections\\{state="${state}"\\} \\d+$`, 'm'));
    }
  });

  test('name no tenant, no user and no path that a client made up', async () => {
    const made = randomUUID();
    await send(`/${made}`);
    await send('/graphql', operation('{ me { userId } }'));
    const text = await (await fetch(`${server().url}/metrics`)).text();
    for (const name of [made, 'acme', 'demo|', await server().database.tenantId('acme')]) {
      expect(text).not.toContain(name);
    }
  });
});

describe('the GraphiQL page', () => {
  test('is served, and `/` leads to it', async () => {
    const response = await fetch(server().url);
    expect(new URL(response.url).pathname).toBe('/graphiql');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await response.text()).toContain('<title>Tenantry</title>');
  });

  test('loads nothing from elsewhere, and may not', async () => {
    const response = await fetch(`${server().url}/graphiql`);
    // The markup alone: what is between the tags of a script or a style sheet is the package's own text.
    const markup = (await response.text()).replace(
      /(<(script|style)\b[^>]*>)[\s\S]*?<\/\2>/gi,
      (_all, tag: string) => tag,
    );
    const links = [
      ...markup.matchAll(/\b(?:src|href|action|data|poster)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/gi),
    ]
      .map(([, a, b, c]) => a ?? b ?? c ?? '')
      .filter((link) => !link.startsWith('data:'));
    expect(links.filter((link) => /^(?:[a-z]+:)?\/\//i.test(link))).toEqual([]);
    const policy = response.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/https?:|\*/);
  });
});

describe('in production', () => {
  let production: TestServer | undefined;
  beforeAll(async () => {
    production = await startTestServer({
      modules: [tenantModule, faultyModule],
      database: server().database,
      env: {
        NODE_ENV: 'production',
        DATABASE_URL: server().database.app,
        JWT_SECRET: TEST_SECRET,
        HOST: '127.0.0.1',
      },
    });
  });
  afterAll(async () => {
    await production?.close();
  });

  test('a defect is masked just the same', async () => {
    const { text } = await production!.withHeaders(bearer()).query('{ throws database }');
    expect(text).not.toContain('4711');
    expect(text).not.toMatch(TRACES);
  });

  test('there is no GraphiQL page', async () => {
    for (const path of ['/', '/graphiql']) {
      expect((await fetch(production!.url + path, { redirect: 'manual' })).status).toBe(404);
    }
  });

  test('an unknown field is refused without suggestions', async () => {
    const { errors } = await production!.withHeaders(bearer()).query('{ tenan { id } }');
    expect(errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
    expect(errors[0]!.message).not.toContain('Did you mean');
  });
});

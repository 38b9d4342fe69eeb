/** Attacks on a server with any modules: each is refused, with the code and the status that stand here. */
import { randomUUID } from 'node:crypto';
import type { Attack, AttackSection, GraphqlRequest, Outcome, PostOptions, Target } from './attack.js';
import { post, rawPost, sendRaw } from './attack.js';
import { roleRefusals } from './role-attacks.js';
import { sha256 } from '../../src/services/documents/trusted-documents.js';
import type { Module } from '../../src/kernel/graphql/module.js';
import { apiKeyModule } from '../../src/platform/api-key/index.js';
import { auditLogModule } from '../../src/platform/audit-log/index.js';
import { invitationModule } from '../../src/platform/invitation/index.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';

export const PLATFORM_MODULES = [
  tenantModule,
  membershipModule,
  invitationModule,
  apiKeyModule,
  auditLogModule,
];

const times = (count: number, make: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => make(n)).join(' ');
const ME = '{ me { userId } }';
const SHA256_OF_ME = sha256(ME);

type Case = readonly [attack: string, status: number, code: string, send: Attack['send']];

const attacksOn = (on: string, cases: readonly Case[]): Attack[] =>
  cases.map(([attack, status, code, send]) => ({ on, attack, status, code, send }));

const query =
  (text: string, variables: object = {}, options: PostOptions = {}) =>
  (target: Target): Promise<Outcome> =>
    post(target, { query: text, variables }, options);

const body =
  (request: GraphqlRequest | readonly GraphqlRequest[], options?: PostOptions) =>
  (target: Target): Promise<Outcome> =>
    post(target, request, options);

const INVALID = 'GRAPHQL_VALIDATION_FAILED';
const deep = (levels: number) => `${'{ ofType '.repeat(levels)}{ name }${' }'.repeat(levels)}`;

const documents: AttackSection = {
  title: 'Documents',
  about: 'Refused before anything is executed.',
  attacks: [
    ...attacksOn('a document', [
      ['2,001 tokens', 400, 'GRAPHQL_PARSE_FAILED', query(`{ me { ${'email '.repeat(2_000)} } }`)],
      ['nested 45 levels deep', 400, INVALID, query(`{ __type(name: "Role") ${deep(45)} }`)],
      ['51 aliases of a field', 400, INVALID, query(`{ ${times(51, (n) => `a${n}: me { userId }`)} }`)],
      ['51 aliases of `__typename`', 400, INVALID, query(`{ ${times(51, (n) => `a${n}: __typename`)} }`)],
      [
        '51 aliases, brought by fragments',
        400,
        INVALID,
        query(
          `{ ${times(10, (n) => `a${n}: me { ...F }`)} } fragment F on Viewer { ${times(5, (n) => `b${n}: email`)} }`,
        ),
      ],
      ['51 directives', 400, INVALID, query(`{ me { ${times(51, () => 'email @include(if: true)')} } }`)],
      [
        'fragments in a circle',
        400,
        INVALID,
        query('{ me { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }'),
      ],
      [
        'pages that cost 120,000 values',
        400,
        'COST_LIMIT_EXCEEDED',
        query(`{ ${times(40, (n) => `a${n}: members(first: 100) { nodes { ${times(29, () => 'id')} } }`)} }`),
      ],
      [
        'pages that cost as much by the size in a variable',
        400,
        'COST_LIMIT_EXCEEDED',
        query(
          `query ($n: Int = 1) { ${times(40, (n) => `a${n}: members(first: $n) { nodes { ${times(29, () => 'id')} } }`)} }`,
          { n: 100 },
        ),
      ],
      ['a type that does not exist, to be told of one that does', 400, INVALID, query('{ me { emial } }')],
    ]),
    ...attacksOn('introspection', [
      ['beside data', 400, INVALID, query('{ me { userId } __schema { types { name } } }')],
      [
        'in a fragment, beside data',
        400,
        INVALID,
        query('{ me { userId } ...F } fragment F on Query { __type(name: "Role") { name } }'),
      ],
      [
        'with aliases, to list the schema many times',
        400,
        INVALID,
        query(
          `{ ${times(40, (n) => `a${n}: __schema { types { fields { type { fields { name args { name } } } } } }`)} }`,
        ),
      ],
    ]),
    ...attacksOn('trusted documents', [
      [
        'another document, where only trusted ones are answered',
        403,
        'DOCUMENT_NOT_TRUSTED',
        (target) => post(target, { query: ME }, { url: target.trustedOnlyUrl }),
      ],
      [
        'introspection, where only trusted documents are answered',
        403,
        'DOCUMENT_NOT_TRUSTED',
        (target) =>
          post(target, { query: '{ __schema { types { name } } }' }, { url: target.trustedOnlyUrl }),
      ],
      [
        'registering a document, where only trusted ones are answered',
        403,
        'DOCUMENT_NOT_TRUSTED',
        (target) =>
          post(
            target,
            { query: ME, extensions: { persistedQuery: { version: 1, sha256Hash: SHA256_OF_ME } } },
            { url: target.trustedOnlyUrl },
          ),
      ],
      ['an id that nobody registered', 200, 'PERSISTED_QUERY_NOT_FOUND', body({ documentId: 'nothing' })],
      [
        'registering a document under the hash of another',
        400,
        'BAD_REQUEST',
        body({
          query: '{ __typename }',
          extensions: { persistedQuery: { version: 1, sha256Hash: SHA256_OF_ME } },
        }),
      ],
    ]),
  ],
};

const requests: AttackSection = {
  title: 'Requests',
  about: 'Sent as bytes where no HTTP client would send them.',
  attacks: [
    ...attacksOn('POST /graphql', [
      ['a list of operations (batching)', 400, 'BAD_REQUEST', body([{ query: ME }, { query: ME }])],
      ['a body of 101 KiB', 413, 'BAD_REQUEST', body({ query: 'x'.repeat(101 * 1024) })],
      [
        'JSON that pollutes prototypes',
        400,
        'BAD_REQUEST',
        (target) =>
          rawPost(target, ['Host: localhost', 'Content-Length: 30'], '{"__proto__":{},"query":"{a}"} '),
      ],
      [
        'plain text, as a foreign page could send it (CSRF)',
        400,
        'BAD_REQUEST',
        body({ query: ME }, { headers: { 'content-type': 'text/plain' } }),
      ],
      [
        'a form, as a foreign page could send it (CSRF)',
        415,
        'BAD_REQUEST',
        body({ query: ME }, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
      ],
      [
        'both Content-Length and Transfer-Encoding',
        400,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', 'Content-Length: 24', 'Transfer-Encoding: chunked']),
      ],
      [
        'a Transfer-Encoding that is not chunked',
        400,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', 'Transfer-Encoding: chunked, identity']),
      ],
      [
        'two Content-Lengths',
        400,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', 'Content-Length: 24', 'Content-Length: 25']),
      ],
      [
        'a Content-Length that is no number',
        400,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', 'Content-Length: +24']),
      ],
      [
        'a malformed chunk',
        400,
        'BAD_REQUEST',
        (target) =>
          rawPost(target, ['Host: localhost', 'Transfer-Encoding: chunked'], 'z\r\n{}\r\n0\r\n\r\n'),
      ],
      [
        'a header with a line break',
        400,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', 'X-A: a\nb', 'Content-Length: 24']),
      ],
      [
        'a header name with a blank',
        400,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', 'Content-Length : 24']),
      ],
      [
        '17 KiB of headers',
        431,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', `X-A: ${'a'.repeat(17 * 1024)}`]),
      ],
      [
        '101 headers',
        431,
        'BAD_REQUEST',
        (target) =>
          rawPost(target, [
            'Host: localhost',
            'Content-Length: 24',
            ...Array.from({ length: 101 }, (_, n) => `X-${n}: a`),
          ]),
      ],
      ['no Host', 400, 'BAD_REQUEST', (target) => rawPost(target, ['Content-Length: 24'])],
      [
        'two Hosts',
        400,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: acme.localhost', 'Host: globex.localhost', 'Content-Length: 24']),
      ],
      [
        'two Authorizations',
        400,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', 'Authorization: Bearer x', 'Content-Length: 24']),
      ],
      [
        'an expectation',
        417,
        'BAD_REQUEST',
        (target) => rawPost(target, ['Host: localhost', 'Expect: a miracle', 'Content-Length: 24']),
      ],
    ]),
    ...attacksOn('GET /graphql', [
      [
        'a query that a foreign page could send (CSRF)',
        400,
        'BAD_REQUEST',
        get(`?query=${encodeURIComponent(ME)}`),
      ],
      [
        'a mutation',
        405,
        'BAD_REQUEST',
        get(
          `?query=${encodeURIComponent('mutation { changePlan(input: { plan: "team" }) { tenant { id } } }')}`,
          { 'apollo-require-preflight': '1' },
        ),
      ],
      [
        'a URL of 9 KiB',
        414,
        'BAD_REQUEST',
        get(`?query=${'x'.repeat(9 * 1024)}`, { 'apollo-require-preflight': '1' }),
      ],
    ]),
    ...attacksOn('the connection', [
      ['what is not HTTP', 400, 'BAD_REQUEST', (target) => sendRaw(target, '\x16\x03\x01\x02\x00\x01')],
      [
        'an unknown method',
        400,
        'BAD_REQUEST',
        (target) => sendRaw(target, 'GRAPH /graphql HTTP/1.1\r\nHost: localhost\r\n\r\n'),
      ],
      [
        'HTTP/2 without negotiation',
        400,
        'BAD_REQUEST',
        (target) => sendRaw(target, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      ],
    ]),
  ],
};

function get(search: string, headers: Readonly<Record<string, string>> = {}): Attack['send'] {
  return async (target) => {
    const response = await fetch(`${target.url}/graphql${search}`, {
      headers: { authorization: `Bearer ${await target.token('owner')}`, ...headers },
    });
    return { status: response.status, text: await response.text() };
  };
}

const as =
  (authorization: (target: Target) => string | undefined, host?: string): Attack['send'] =>
  (target) => {
    const given = authorization(target);
    const lines = [
      'POST /graphql HTTP/1.1',
      `Host: ${host ?? 'localhost'}`,
      'Content-Type: application/json',
      'Connection: close',
      ...(given === undefined ? [] : [`Authorization: ${given}`]),
      'Content-Length: 29',
    ];
    return sendRaw(target, `${lines.join('\r\n')}\r\n\r\n{"query":"{ me { userId } }"}`);
  };
const bearer = (claims: object, options?: Parameters<Target['sign']>[1]) => (target: Target) =>
  `Bearer ${target.sign(claims, options)}`;
const OWNER = { sub: 'demo|acme|owner', tenant_id: 'acme' };

const identity: AttackSection = {
  title: 'Identity and tenant',
  about: 'The body is not read.',
  attacks: attacksOn('any operation', [
    ['without a credential', 401, 'UNAUTHENTICATED', as(() => undefined)],
    ['with Basic credentials', 401, 'UNAUTHENTICATED', as(() => 'Basic b3duZXI6b3duZXI=')],
    ['with a token that is none', 401, 'UNAUTHENTICATED', as(() => 'Bearer nothing')],
    [
      'with a token of another secret',
      401,
      'UNAUTHENTICATED',
      as(bearer(OWNER, { secret: 'another-secret-of-thirty-two-bytes' })),
    ],
    [
      'with an unsigned token (`alg: none`)',
      401,
      'UNAUTHENTICATED',
      as(bearer(OWNER, { algorithm: 'none' })),
    ],
    ['with a token of another algorithm', 401, 'UNAUTHENTICATED', as(bearer(OWNER, { algorithm: 'HS512' }))],
    ['with an expired token', 401, 'UNAUTHENTICATED', as(bearer({ ...OWNER, exp: 1_700_000_000 }))],
    ['with a token for another audience', 401, 'UNAUTHENTICATED', as(bearer({ ...OWNER, aud: 'another' }))],
    ['with a token of another issuer', 401, 'UNAUTHENTICATED', as(bearer({ ...OWNER, iss: 'another' }))],
    ['with an API key that was never made', 401, 'UNAUTHENTICATED', as(() => `Bearer tk_${'A'.repeat(43)}`)],
    ['on the subdomain of another tenant', 403, 'TENANT_MISMATCH', as(bearer(OWNER), 'globex.localhost')],
    [
      'with the claim of a tenant the user is no member of',
      403,
      'FORBIDDEN',
      as(bearer({ ...OWNER, tenant_id: 'globex' })),
    ],
    [
      'on the subdomain of a tenant the user is no member of',
      403,
      'FORBIDDEN',
      as(bearer({ sub: OWNER.sub }), 'globex.localhost'),
    ],
    [
      'with a role in the token, as no member',
      403,
      'FORBIDDEN',
      as(bearer({ sub: 'stranger', tenant_id: 'acme', role: 'owner' })),
    ],
    [
      'with a tenant that does not exist',
      404,
      'TENANT_NOT_FOUND',
      as(bearer({ ...OWNER, tenant_id: 'nobody' })),
    ],
    [
      'on a subdomain that does not exist',
      404,
      'TENANT_NOT_FOUND',
      as(bearer({ sub: OWNER.sub }), 'nobody.localhost'),
    ],
    ['with no tenant at all', 403, 'TENANT_REQUIRED', as(bearer({ sub: OWNER.sub }))],
  ]),
};

const CURSOR = (position: unknown) => Buffer.from(JSON.stringify(position)).toString('base64url');
const BAD = 'BAD_USER_INPUT';
const members = (args: string) => query(`{ members(${args}) { nodes { id } } }`);
const createKey = (input: object): Attack['send'] =>
  query('mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }', { input });
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const UPDATE_TENANT =
  'mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { id } } }';
const updateTenant = (input: object): Attack['send'] => query(UPDATE_TENANT, { input });

const input: AttackSection = {
  title: 'Input',
  about: 'Nothing is written.',
  attacks: [
    ...attacksOn('Query.members', [
      ['101 rows', 200, BAD, members('first: 101')],
      ['a negative number of rows', 200, BAD, members('last: -1')],
      ['the first and the last rows', 200, BAD, members('first: 1, last: 1')],
      ['a cursor that is no cursor', 200, BAD, members('after: "x"')],
      ['a cursor of 10,000 characters', 200, BAD, members(`after: "${'x'.repeat(10_000)}"`)],
      [
        'a forged cursor of another column',
        200,
        BAD,
        members(`after: "${CURSOR(['tenantId', randomUUID(), randomUUID()])}"`),
      ],
      [
        'a forged cursor with SQL for an id',
        200,
        BAD,
        members(`before: "${CURSOR(['joinedAt', '2024-01-01T00:00:00.000Z', "' OR true --"])}"`),
      ],
      ['a value that an enum does not have', 400, INVALID, members('filter: { role: GOD }')],
      [
        'the same in a variable',
        400,
        BAD,
        query('query ($f: MembershipFilter) { members(filter: $f) { nodes { id } } }', {
          f: { role: 'GOD' },
        }),
      ],
      [
        'a field that an input does not have',
        400,
        BAD,
        query('query ($f: MembershipFilter) { members(filter: $f) { nodes { id } } }', {
          f: { tenantId: 'globex' },
        }),
      ],
      ['a filter of 10,000 characters', 200, BAD, members(`filter: { userId: "${'x'.repeat(10_000)}" }`)],
    ]),
    ...attacksOn('Mutation.createApiKey', [
      ['a name that is empty', 200, BAD, createKey({ name: '', permissions: ['MEMBERS_READ'] })],
      [
        'a name of 101 characters',
        200,
        BAD,
        createKey({ name: 'x'.repeat(101), permissions: ['MEMBERS_READ'] }),
      ],
      ['a name with U+0000', 200, BAD, createKey({ name: 'a\u0000b', permissions: ['MEMBERS_READ'] })],
      ['a permission that does not exist', 400, BAD, createKey({ name: 'a', permissions: ['EVERYTHING'] })],
      [
        'a time that is none',
        400,
        BAD,
        createKey({ name: 'a', permissions: ['MEMBERS_READ'], expiresAt: 'tomorrow' }),
      ],
      [
        'a time that has passed',
        200,
        BAD,
        createKey({ name: 'a', permissions: ['MEMBERS_READ'], expiresAt: '2020-01-01T00:00:00Z' }),
      ],
    ]),
    ...attacksOn('Mutation.updateTenant', [
      ['nothing to change', 200, BAD, updateTenant({})],
      ['settings of 17 KiB', 200, BAD, updateTenant({ settings: { a: 'x'.repeat(17 * 1024) } })],
      [
        'settings 5,000 levels deep',
        200,
        BAD,
        (target) =>
          post(
            target,
            `{"query":${JSON.stringify(UPDATE_TENANT)},"variables":{"input":{"settings":${nested(5_000)}}}}`,
          ),
      ],
      ['a version that never was', 200, 'CONFLICT', updateTenant({ name: 'a', expectedVersion: -1 })],
      ['a version beyond integers', 400, BAD, updateTenant({ name: 'a', expectedVersion: 1e20 })],
    ]),
  ],
};

const rename = (name: string, headers: Readonly<Record<string, string>>, document = RENAME): Attack['send'] =>
  query(document, { name }, { tenant: 'globex', headers });
const RENAME = 'mutation ($name: String!) { updateTenant(input: { name: $name }) { tenant { name } } }';
const reusedKey = 'attack-table';

const idempotency: AttackSection = {
  title: 'Idempotency keys',
  about: 'Nothing takes effect.',
  attacks: attacksOn('a mutation', [
    [
      'the key of another mutation',
      409,
      'CONFLICT',
      async (target) => {
        await rename('Globex', { 'idempotency-key': reusedKey })(target);
        return rename('Another name', { 'idempotency-key': reusedKey })(target);
      },
    ],
    ['a key of 256 characters', 400, 'BAD_REQUEST', rename('Globex', { 'idempotency-key': 'k'.repeat(256) })],
    ['a key with a blank', 400, 'BAD_REQUEST', rename('Globex', { 'idempotency-key': 'a b' })],
    [
      'a secret, to be kept with the result',
      400,
      BAD,
      query(
        'mutation { createApiKey(input: { name: "a", permissions: [MEMBERS_READ] }) { secret } }',
        {},
        { tenant: 'globex', headers: { 'idempotency-key': 'secret' } },
      ),
    ],
  ]),
};

/** All attacks on a server with these modules. */
export const attacksOnModules = (modules: readonly Module[]): readonly AttackSection[] => [
  identity,
  roleRefusals(modules),
  documents,
  requests,
  input,
  idempotency,
];

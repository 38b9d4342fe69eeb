/** Attacks on a server with any modules, by the document or by the HTTP request. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import {
  type Attack,
  type AttackSection,
  type GraphqlRequest,
  type Outcome,
  type PostOptions,
  type Target,
  post,
  rawPost,
  sendRaw,
} from './attack.js';
import { sha256 } from '../../src/services/documents/trusted-documents.js';

const times = (count: number, make: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => make(n)).join(' ');
const ME = '{ me { userId } }';
const SHA256_OF_ME = sha256(ME);

type Case = readonly [attack: string, status: number, code: string, send: Attack['send']];

export const attacksOn = (on: string, cases: readonly Case[]): Attack[] =>
  cases.map(([attack, status, code, send]) => ({ on, attack, status, code, send }));

export const query =
  (text: string, variables: object = {}, options: PostOptions = {}) =>
  (target: Target): Promise<Outcome> =>
    post(target, { query: text, variables }, options);

const body =
  (request: GraphqlRequest | readonly GraphqlRequest[], options?: PostOptions) =>
  (target: Target): Promise<Outcome> =>
    post(target, request, options);

export const INVALID = 'GRAPHQL_VALIDATION_FAILED';
const deep = (levels: number) => `${'{ ofType '.repeat(levels)}{ name }${' }'.repeat(levels)}`;

export const documents: AttackSection = {
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

export const requests: AttackSection = {
  title: 'Requests',
  about: 'Sent as bytes where no HTTP client would send them.',
  attacks: [
    ...attacksOn('POST /graphql', [
      ['a list of operations (batching)', 400, 'BAD_REQUEST', body([{ query: ME }, { query: ME }])],
      ['a body of 101 KiB', 413, 'BAD_REQUEST', body({ query: 'x'.repeat(101 * 1024) })],
      [
        'a body of 60 KiB that inflates to 60 MiB',
        413,
        'BAD_REQUEST',
        encoded('gzip', () => gzipSync(Buffer.alloc(60 * 1024 * 1024, ' '))),
      ],
      [
        'what is no gzip and says so',
        400,
        'BAD_REQUEST',
        encoded('gzip', () => Buffer.from('{"query":"{a}"}')),
      ],
      [
        'a body in another compression',
        415,
        'BAD_REQUEST',
        encoded('br', () => brotliCompressSync(JSON.stringify({ query: ME }))),
      ],
      [
        'a number that would be rounded',
        400,
        'BAD_USER_INPUT',
        encoded('identity', () => Buffer.from(`{"query":"${ME}","variables":{"n":9007199254740993}}`)),
      ],
      [
        'JSON that pollutes prototypes',
        400,
        'BAD_REQUEST',
        (target) =>
          rawPost(target, ['Host: localhost', 'Content-Length: 30'], '{"__proto__":{},"query":"{a}"} '),
      ],
      [
        'plain text, as a foreign page could send it (CSRF)',
        415,
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
        'a query that a foreign page could send, with the token in a cookie (CSRF)',
        401,
        'UNAUTHENTICATED',
        async (target) => {
          const headers = { cookie: `authorization=Bearer ${await target.token('owner')}` };
          return getWith(target, `?query=${encodeURIComponent(ME)}`, headers);
        },
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
  return async (target) =>
    getWith(target, search, { authorization: `Bearer ${await target.token('owner')}`, ...headers });
}

async function getWith({ url }: Target, search: string, headers: Readonly<Record<string, string>>) {
  const response = await fetch(`${url}/graphql${search}`, { headers });
  return { status: response.status, text: await response.text() };
}

/** A body with these bytes and this content encoding. */
function encoded(coding: string, bytes: () => Buffer): Attack['send'] {
  return async (target) => {
    const response = await fetch(`${target.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await target.token('owner')}`,
        'content-type': 'application/json',
        'content-encoding': coding,
      },
      body: new Uint8Array(bytes()),
    });
    return { status: response.status, text: await response.text() };
  };
}

/** What HTTP clients send and expect, beyond the audits of graphql-http. */
import { gzipSync } from 'node:zlib';
import { cacheExchange, Client, fetchExchange } from '@urql/core';
import { GraphQLClient } from 'graphql-request';
import { beforeAll, describe, expect, test } from 'vitest';
import { COMPRESSION } from '../../src/http/compression.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { sha256 } from '../../src/services/documents/trusted-documents.js';
import { openRaw } from '../support/raw-connection.js';
import { useServer } from '../support/server.js';

const ME = '{ me { userId } }';
const OWNER = { data: { me: { userId: 'demo|acme|owner' } } };
const server = useServer({
  modules: [tenantModule, membershipModule],
  env: { CORS_ORIGINS: 'https://App.example.com/, https://*.example.org' },
});

let authorization = '';
beforeAll(async () => {
  authorization = `Bearer ${(await server().as('owner', 'acme')).token}`;
});

const ask = (path: string, init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {}) =>
  fetch(server().url + path, { ...init, headers: { authorization, ...init.headers } });
const get = (parameters: Record<string, string>, headers: Record<string, string> = {}) =>
  ask(`/graphql?${String(new URLSearchParams(parameters))}`, { headers });
const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  ask('/graphql', { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
const codeOf = async (response: Response) =>
  ((await response.json()) as { errors: { extensions: { code: string } }[] }).errors[0]?.extensions.code;

describe('a GET', () => {
  test('comes from urql and graphql-request as they are', async () => {
    const url = `${server().url}/graphql`;
    const options = {
      url,
      exchanges: [cacheExchange, fetchExchange],
      fetchOptions: { headers: { authorization } },
    };
    const answer = await new Client(options).query('query Mine { me { userId } }', {});
    expect(answer).toMatchObject({ ...OWNER, error: undefined });
    const client = new GraphQLClient(url, { method: 'GET', headers: { authorization } });
    expect(await client.request(ME)).toEqual(OWNER.data);
  });

  test('may have empty parameters, which mean none', async () => {
    const empty = { operationName: '', variables: '', extensions: '', documentId: '' };
    expect(await (await get({ query: ME, ...empty })).json()).toMatchObject(OWNER);
    expect((await get({ query: '' })).status).toBe(400);
    expect(await (await post(JSON.stringify({ query: ME, operationName: '' }))).json()).toMatchObject(OWNER);
  });

  test('may have a slash at the end of the path', async () => {
    expect(await (await ask(`/graphql/?query=${encodeURIComponent(ME)}`)).json()).toMatchObject(OWNER);
  });
});

test.each(['PUT', 'DELETE', 'PATCH', 'HEAD'])('%s is answered 405 with what is allowed', async (method) => {
  for (const path of ['/graphql', '/graphql/']) {
    const response = await ask(path, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST']);
  }
});

describe('a body in gzip', () => {
  const zipped = (text: string) => new Uint8Array(gzipSync(text));
  const gzip = { 'content-encoding': 'gzip' };

  test('is read', async () => {
    expect(await (await post(zipped(JSON.stringify({ query: ME })), gzip)).json()).toMatchObject(OWNER);
  });

  test('may not be larger than 100 KiB when it is inflated, nor cost the memory', async () => {
    const bomb = zipped(' '.repeat(90 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100 * 1024);
    const before = process.memoryUsage().rss;
    for (let n = 0; n < 10; n++) expect((await post(bomb, gzip)).status).toBe(413);
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
  });

  test.each([
    ['cut off', 400, zipped(JSON.stringify({ query: ME })).slice(0, 20), 'gzip'],
    ['in Brotli', 415, zipped('{}'), 'br'],
    ['compressed twice', 415, zipped('{}'), 'gzip, gzip'],
  ])('%s is refused with %i', async (_how, status, body, coding) => {
    const response = await post(body, { 'content-encoding': coding });
    expect([response.status, await codeOf(response)]).toEqual([status, 'BAD_REQUEST']);
    if (status === 415) expect(response.headers.get('accept-encoding')).toBe('gzip');
  });
});

describe('an answer', () => {
  test('may be kept by nobody, and says on what it depends', async () => {
    for (const response of [
      await post(JSON.stringify({ query: ME })),
      await get({ query: ME }),
      await post('{'),
    ]) {
      expect(response.headers.get('cache-control')).toBe('private, no-store');
      expect(response.headers.get('vary')?.toLowerCase()).toMatch(
        /authorization.*accept.*accept-encoding.*origin/,
      );
    }
  });

  test('to a document id by GET has an ETag, for its caller only', async () => {
    const extensions = JSON.stringify({ persistedQuery: { version: 1, sha256Hash: sha256(ME) } });
    await get({ query: ME, extensions });
    const first = await get({ extensions });
    const etag = first.headers.get('etag') ?? '';
    expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'private, no-cache']);
    const again = await get({ extensions }, { 'if-none-match': `"other", ${etag}` });
    expect([again.status, await again.text()]).toEqual([304, '']);
    const { token } = await server().as('viewer', 'acme');
    const other = await get({ extensions }, { 'if-none-match': etag, authorization: `Bearer ${token}` });
    expect(await other.json()).toMatchObject({ data: { me: { userId: 'demo|acme|viewer' } } });
  });

  test('of some KiB is compressed for a client that accepts it, with a size that tells little', async () => {
    const query = '{ __schema { types { name description fields { name description } } } }';
    const plain = await post(JSON.stringify({ query }), { 'accept-encoding': 'identity' });
    const text = await plain.text();
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(text.length).toBeGreaterThan(COMPRESSION.leastBytes);
    const sizes = new Set<string | null>();
    for (let n = 0; n < 10; n++) {
      const response = await post(JSON.stringify({ query }), { 'accept-encoding': 'br, gzip;q=0.5' });
      expect(response.headers.get('content-encoding')).toBe('gzip');
      sizes.add(response.headers.get('content-length'));
      expect(await response.text()).toBe(text);
    }
    expect(sizes.size).toBeGreaterThan(1);
    const small = await post(JSON.stringify({ query: ME }), { 'accept-encoding': 'gzip' });
    expect(small.headers.get('content-encoding')).toBeNull();
  });
});

describe('a page of a listed origin', () => {
  const preflight = (origin: string, headers: string) =>
    fetch(`${server().url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': headers },
    });

  test.each(['https://app.example.com', 'https://acme.example.org'])(
    '%s may send any header',
    async (origin) => {
      const asked = 'authorization,baggage,sentry-trace,traceparent,x-apollo-operation-name';
      const { headers } = await preflight(origin, asked);
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-allow-headers')).toBe(asked);
      expect(headers.get('access-control-expose-headers')).toMatch(/retry-after.*ratelimit.*etag/);
    },
  );

  test('is not one of another origin', async () => {
    const { headers } = await preflight('https://a.b.example.org', 'authorization');
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

/** The offer that `curl --http2` and Java's HttpClient send. */
const OFFER =
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n';

test.each([OFFER, 'Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n', 'Connection: Upgrade\r\nUpgrade: foo\r\n'])(
  'a request that offers an upgrade is answered in HTTP/1.1, and the connection goes on: %j',
  async (offer) => {
    const connection = await openRaw(server().url);
    const body = JSON.stringify({ query: ME });
    const head = `Host: localhost\r\nAuthorization: ${authorization}\r\n`;
    const type = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    connection.send(`POST /graphql HTTP/1.1\r\n${head}${type}${offer}\r\n${body}`);
    await connection.says('demo|acme|owner');
    connection.send(`GET /healthz HTTP/1.1\r\n${head}${offer}\r\n`);
    await connection.says('\r\n\r\n{"status"');
    expect(connection.received.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    connection.socket.destroy();
  },
);

test.each(['9007199254740993', '1e400'])('the number %s is refused and not rounded', async (number) => {
  const variables = `{"n": ${number}}`;
  const body = `{"query": "query ($n: Int) { members(first: $n) { totalCount } }", "variables": ${variables}}`;
  for (const response of [
    await post(body),
    await post(new Uint8Array(gzipSync(body)), { 'content-encoding': 'gzip' }),
    await get({ query: ME, variables }),
  ]) {
    expect([response.status, await codeOf(response)]).toEqual([400, 'BAD_USER_INPUT']);
  }
});

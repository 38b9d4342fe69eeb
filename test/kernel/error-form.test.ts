/**
 * Proves that every answer other than a success has the form of a GraphQL error, whatever is sent: a code of the closed
 * list and the id under which it is logged. No library's own answer is passed on.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ERROR_STATUS } from '../../src/kernel/vocabulary/errors.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { exchange } from '../support/raw-connection.js';
import { useServer } from '../support/server.js';

const server = useServer({ modules: [tenantModule] });

async function expectOneForm(method: string, request: string): Promise<void> {
  const { head, body } = await exchange(server().url, request);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  expect(status, request).toBeGreaterThanOrEqual(200);
  expect(head, request).toMatch(/^x-request-id: \S+/im);
  if (status < 400) return;
  // The answer to a HEAD request has no body.
  if (method === 'HEAD') return;
  expect(head, request).toMatch(/^content-type: application\/json; charset=utf-8/im);
  const { errors } = JSON.parse(body) as { errors: { message: string; extensions: { code: string } }[] };
  expect([...Object.keys(ERROR_STATUS), 'GRAPHQL_PARSE_FAILED']).toContain(errors[0]?.extensions.code);
  expect(errors[0]?.message).not.toBe('');
}

const request = (method: string, target: string, ...headers: readonly string[]) =>
  `${[`${method} ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`;

const TARGETS = [
  '/graphql',
  '/nothing',
  '*',
  '//',
  '//evil.test/graphql',
  '//[/graphql',
  '/\\evil.test',
  '\\graphql',
  'graphql',
  'http://[/graphql',
  'http://[::1/graphql',
  'http://%/graphql',
  'http://x/graphql',
  'http://x/#/',
  'http://x:99999/graphql',
  'http://',
  'http:/graphql',
  'https://[::1]/graphql',
  'javascript:alert(1)',
  'x:443',
  '[::1]:443',
  ':',
  '@',
  '?',
  '#',
  '/%',
  '/%00',
  '/%ff',
  '/%c0%af',
  '/%2e%2e/graphql',
  '/%2Fgraphql',
  '/\u00e9',
  '/\u0001',
  '/graphql?%',
  '/graphql?query=%ff',
  '/graphql?query={',
  '/graphql/../graphql',
  '/undecodable-url',
  '/readyz%',
  'http:///graphql',
  'HTTPS:///x?y',
  `/${'a'.repeat(9_000)}`,
  `/${'a'.repeat(20_000)}`,
];

test.each(TARGETS)('the target %s', async (target) => {
  for (const method of ['GET', 'POST']) await expectOneForm(method, request(method, target));
});

test.each([
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'HEAD',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'LINK',
  'QUERY',
  'M-SEARCH',
  'UNKNOWN',
  'get',
])('the method %s', async (method) => {
  for (const target of ['/graphql', '/nothing', 'http://[/graphql', '*', 'x:443', '/%']) {
    await expectOneForm(method, request(method, target));
  }
});

test.each(['text/html', 'multipart/form-data', 'application/json; charset=utf-16', ';', 'a/b/c'])(
  'the content type %s',
  async (type) => {
    const { token } = await server().as('owner', 'acme');
    for (const headers of [[], [`Authorization: Bearer ${token}`]]) {
      const body = '{"query":"{"}';
      const all = [`Content-Type: ${type}`, `Content-Length: ${String(body.length)}`, ...headers];
      await expectOneForm('POST', request('POST', '/graphql', ...all) + body);
    }
  },
);

test.each([
  [[]],
  [['Sec-WebSocket-Key: x']],
  [['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 5']],
  [['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', 'Origin: https://evil.test']],
])('a handshake for a WebSocket that is none: %j', async (headers) => {
  for (const line of ['GET /graphql', 'POST /graphql', 'GET /nothing', 'GET http://[/graphql']) {
    const upgrade = [line + ' HTTP/1.1', 'Host: x', 'Upgrade: websocket', 'Connection: Upgrade', ...headers];
    await expectOneForm('GET', `${upgrade.join('\r\n')}\r\n\r\n`);
  }
});

test('any target', async () => {
  const piece = fc.oneof(
    fc.constantFrom('/', '//', '\\', '%', '%2', '%00', '%ff', '..', '?', '#', ';', ':', '@', '[', ']', '*'),
    fc.constantFrom('http://', 'https:', 'x:1', '[::1]', 'graphql', 'healthz', '\u00e9', '\u0001', '{'),
    fc.string({
      maxLength: 3,
      unit: fc.integer({ min: 0x21, max: 0xff }).map((n) => String.fromCharCode(n)),
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'DELETE', 'OPTIONS'),
      fc.array(piece, { minLength: 1, maxLength: 6 }),
      async (method, pieces) => expectOneForm(method, request(method, pieces.join(''))),
    ),
    { numRuns: Number(process.env['ERROR_FORM_RUNS'] ?? 150) },
  );
});

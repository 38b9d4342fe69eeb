/**
 * Proves what the server says of the dashboard's files: which may be kept, what the page may do, that nothing but the build is
 * sent, and who is given tokens of the demo. In production there is a dashboard only where users can log in.
 */
import { get, type IncomingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/app.js';
import { demoUsers } from '../../src/demo-users.js';
import { dashboardFiles } from '../../src/http/dashboard-files.js';
import { Drain } from '../../src/http/drain.js';
import { startTestServer, TEST_SECRET, useServer } from '../support/server.js';

const server = useServer();
/** A build on a busy machine. */
const SLOW_MS = 240_000;

/** The same server with the users of its demo. */
let app: Awaited<ReturnType<typeof buildApp>>;
let url: string;
beforeAll(async () => {
  await dashboardFiles('tenants');
  const { services, config } = server();
  const signing = { secret: TEST_SECRET, issuer: config.jwtIssuer, audience: config.jwtAudience };
  app = await buildApp(services, new Drain(), { users: demoUsers(services.database, signing) });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
}, SLOW_MS);
afterAll(() => app.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The path as it stands: `fetch` would resolve dots in it, and does not let its caller choose the host. */
const ask = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    get({ hostname, port, path, headers: { host: 'localhost', ...headers } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    }).on('error', reject);
  });

const scriptOf = async (): Promise<string> => {
  const { text } = await ask('/app/');
  return /\/app\/assets\/index-[^"]+\.js/.exec(text)![0];
};

describe('the page', () => {
  test.each([
    '/app',
    '/app/',
    '/app/members',
    '/app/conversations/one',
    '/app/index.html',
    '/app/?from=mail',
  ])('is at %s, is kept by nobody, and may run nothing but the scripts of this host', async (path) => {
    const { status, headers, text } = await ask(path);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('private, no-store');
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      expect.stringMatching(/^style-src 'self' 'nonce-[\w-]{22}'$/),
      "img-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(text).toContain('<div id="root"></div>');
  });

  test('has another nonce each time', async () => {
    const nonces = await Promise.all(
      Array.from(
        { length: 3 },
        async () =>
          /nonce-([\w-]+)/.exec(String((await ask('/app/')).headers['content-security-policy']))![1],
      ),
    );
    expect(new Set(nonces).size).toBe(3);
    expect((await ask('/app/')).text).not.toContain('CSP_NONCE');
  });
});

describe('the files', () => {
  test('with a hash in their names are kept for ever, compressed for those who take that', async () => {
    const script = await scriptOf();
    const plain = await ask(script);
    expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(plain.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(plain.headers['content-encoding']).toBeUndefined();
    const compressed = await ask(script, { 'accept-encoding': 'gzip' });
    expect(compressed.headers['content-encoding']).toBe('gzip');
    expect(compressed.headers.vary).toContain('accept-encoding');
    expect(compressed.text.length).toBeLessThan(plain.text.length / 2);
  });

  test.each([
    '/app/assets/',
    '/app/assets/nothing.js',
    '/app/assets/..%2f..%2findex.html',
    '/app/assets/%2e%2e/%2e%2e/package.json',
    '/app/assets/../../../package.json',
  ])('are those of the build, and not %s', async (path) => {
    const { status, text } = await ask(path);
    expect(text).not.toMatch(/"(dependencies|scripts)"/);
    if (status === 200) expect(text).toContain('<div id="root"></div>');
    else expect(status).toBe(404);
  });

  test.each(['/app/../package.json', '/app/%2e%2e/package.json', '/app/..%2fpackage.json'])(
    'of the server are not reached by %s',
    async (path) => {
      expect((await ask(path)).text).not.toMatch(/"(dependencies|scripts)"/);
    },
  );
});

describe('the users of the demo', () => {
  test.each(['localhost', 'acme.localhost:4000', '127.0.0.1:4000', '[::1]:4000'])(
    'are given to a browser of this machine that asks %s',
    async (host) => {
      const users = JSON.parse((await ask('/app/demo-users.json', { host })).text) as unknown[];
      expect(users).toHaveLength(8);
      expect(users).toContainEqual({
        email: 'viewer@globex.test',
        tenant: 'globex',
        token: expect.any(String) as string,
      });
    },
  );

  test.each([
    { host: 'evil.example.com' },
    { host: 'localhost.evil.example.com' },
    { host: '192.168.0.7:4000' },
    { 'x-forwarded-for': '192.168.0.7' },
    { forwarded: 'for=192.168.0.7' },
  ] as Record<string, string>[])('are not given for %j', async (headers) => {
    expect(JSON.parse((await ask('/app/demo-users.json', headers)).text)).toEqual([]);
  });

  test('are not given by a server that was not told to', async () => {
    expect(await (await fetch(`${server().url}/app/demo-users.json`)).json()).toEqual([]);
  });
});

test('in production there is no dashboard where users cannot log in, and one where they can', async () => {
  const env = {
    NODE_ENV: 'production',
    DATABASE_URL: server().database.app,
    JWT_SECRET: 'Zk3vQ8mT1xW6yB4nH9rL2pD7sG5jF0aC',
  };
  for (const [more, status] of [
    [{}, 404],
    [{ OIDC_ISSUER: 'http://127.0.0.1:9', OIDC_CLIENT_ID: 'dashboard' }, 200],
  ] as const) {
    const production = await startTestServer({ database: server().database, env: { ...env, ...more } });
    try {
      for (const path of ['/app', '/app/', '/app/members']) {
        expect((await fetch(production.url + path)).status).toBe(status);
      }
      expect((await fetch(`${production.url}/graphiql`)).status).toBe(404);
    } finally {
      await production.close();
    }
  }
});

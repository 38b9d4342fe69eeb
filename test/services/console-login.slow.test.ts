/**
 * Proves what the server says of the operators' console: nothing of it is there while their door is closed, it may run nothing but
 * its own scripts, and, with a real browser and a real provider, operators log in to it with OpenID Connect, for their own audience
 * and with the scopes that the provider grants.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/app.js';
import { demoOperators } from '../../src/demo-users.js';
import { dashboardFiles } from '../../src/http/dashboard-files.js';
import { Drain } from '../../src/http/drain.js';
import { readConfig } from '../../src/kernel/config/config.js';
import { withoutChromium } from '../support/chromium.js';
import { openWindow, SLOW_MS, storageOf, useBrowser } from '../support/dashboard.js';
import { makeKeys, PAGE_CLIENT, startOidcProvider, type OidcProvider } from '../support/oidc.js';
import { askOperators, OPERATOR_AUDIENCE, OPERATOR_SECRET, OPERATORS } from '../support/operators.js';
import { startTestServer, TEST_SECRET, useServer, type TestServer } from '../support/server.js';

const AUDIENCE = 'https://operators.tenantry.test';
const PATHS = [
  '/operator',
  '/operator/',
  '/operator/usage',
  '/operator/config.json',
  '/operator/demo-users.json',
];

const server = useServer({ env: OPERATORS });
const closed = useServer();
beforeAll(async () => {
  await dashboardFiles('operators');
}, SLOW_MS);

test('nothing of the console is there while the door is closed', async () => {
  for (const path of [...PATHS, '/operator/icon.svg']) {
    expect([path, (await fetch(closed().url + path)).status]).toEqual([path, 404]);
  }
});

test('in production there is a console only where operators can log in', async () => {
  const env = {
    ...OPERATORS,
    NODE_ENV: 'production',
    DATABASE_URL: server().database.app,
    JWT_SECRET: 'Zk3vQ8mT1xW6yB4nH9rL2pD7sG5jF0aC',
  };
  const login = { OPERATOR_OIDC_ISSUER: 'http://127.0.0.1:9', OPERATOR_OIDC_CLIENT_ID: 'console' };
  for (const [more, status] of [
    [{}, 404],
    [login, 200],
  ] as const) {
    const production = await startTestServer({ database: server().database, env: { ...env, ...more } });
    try {
      for (const path of PATHS.slice(0, 3)) {
        expect([path, (await fetch(production.url + path)).status]).toEqual([path, status]);
      }
      // Tenants log in somewhere else, or nowhere.
      expect((await fetch(`${production.url}/app`)).status).toBe(404);
    } finally {
      await production.close();
    }
  }
});

test('the page runs its own scripts only, is kept by nobody, and leaves the door as it is', async () => {
  for (const path of PATHS.slice(0, 3)) {
    const answer = await fetch(server().url + path);
    expect([path, answer.status, answer.headers.get('cache-control')]).toEqual([
      path,
      200,
      'private, no-store',
    ]);
    expect(answer.headers.get('content-security-policy')?.split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      expect.stringMatching(/^style-src 'self' 'nonce-[\w-]{22}'$/),
      "img-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    const scripts = [...(await answer.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!);
    expect(scripts).toEqual(scripts.map(() => expect.stringMatching(/^\/operator\//) as string));
    for (const url of scripts) expect((await fetch(server().url + url)).status).toBe(200);
  }
  const door = await fetch(`${server().url}/operator/graphql`);
  expect([door.status, door.headers.get('allow')]).toEqual([405, 'POST']);
});

describe('the operators of the demo', () => {
  const asked = async (headers: Record<string, string> = {}) => {
    const { services, config } = server();
    const signing = { secret: OPERATOR_SECRET, issuer: config.jwtIssuer, audience: OPERATOR_AUDIENCE };
    const app = await buildApp(services, new Drain(), { operators: demoOperators(signing) });
    const answer = await app.inject({
      url: '/operator/demo-users.json',
      remoteAddress: '127.0.0.1',
      headers: { host: 'localhost', ...headers },
    });
    return answer.json<{ name: string; scope: string; token: string }[]>();
  };

  test('have tokens that open the door, for what they say', async () => {
    for (const { name, scope, token } of await asked()) {
      const { data } = await askOperators(server(), '{ me { name permissions } plans }', { token });
      const permissions = scope.split(' ').map((each) => each.toUpperCase().replace(':', '_'));
      expect(data).toMatchObject({ me: { name, permissions } });
    }
  });

  test.each([{ host: 'evil.example.com' }, { 'x-forwarded-for': '192.168.0.7' }] as Record<string, string>[])(
    'are not given for %j',
    async (headers) => {
      expect(await asked(headers)).toEqual([]);
    },
  );

  test('are not given by a server that was not told to', async () => {
    expect(await (await fetch(`${server().url}/operator/demo-users.json`)).json()).toEqual([]);
  });
});

test.each([
  [{ OPERATOR_OIDC_CLIENT_ID: 'console' }, /OPERATOR_JWT_AUDIENCE is missing/],
  [{ ...OPERATORS, OPERATOR_OIDC_CLIENT_ID: 'console' }, /OPERATOR_OIDC_ISSUER and OPERATOR_OIDC_CLIENT_ID/],
  [
    { ...OPERATORS, OPERATOR_OIDC_ISSUER: 'https://id.test' },
    /OPERATOR_OIDC_ISSUER and OPERATOR_OIDC_CLIENT_ID/,
  ],
])('half of a login is refused: %j', (env, message) => {
  expect(() => readConfig({ JWT_SECRET: TEST_SECRET, ...env })).toThrow(message);
});

test('operators log in where the users of the dashboard do, unless another place is named', () => {
  const env = {
    ...OPERATORS,
    JWT_SECRET: TEST_SECRET,
    OIDC_ISSUER: 'https://id.test',
    OIDC_CLIENT_ID: 'dashboard',
    OPERATOR_OIDC_CLIENT_ID: 'console',
  };
  expect(readConfig(env).operatorDoor?.oidc).toEqual({ issuer: 'https://id.test', clientId: 'console' });
});

describe.skipIf(withoutChromium())('in a browser', () => {
  const browser = useBrowser('operators');
  let provider: OidcProvider;
  let own: TestServer;
  beforeAll(async () => {
    const keys = makeKeys('operators');
    const pages: string[] = [];
    provider = await startOidcProvider({
      keys,
      accounts: [{ sub: 'jane@ops.test', email: 'jane@ops.test', tenant: 'acme' }],
      audience: AUDIENCE,
      pages,
      base: '/operator',
      // This operator may not do everything that the page asks for.
      scope: 'tenants:read tenants:impersonate',
    });
    own = await startTestServer({
      env: {
        OPERATOR_JWT_AUDIENCE: AUDIENCE,
        OPERATOR_JWKS_URI: provider.jwksUri,
        OPERATOR_JWT_ISSUER: provider.issuer,
        OPERATOR_OIDC_ISSUER: provider.issuer,
        OPERATOR_OIDC_CLIENT_ID: PAGE_CLIENT,
      },
    });
    pages.push(own.url);
    await provider.restart(keys);
  }, SLOW_MS);
  afterAll(async () => {
    await own.close();
    await provider.stop();
  });

  test(
    'an operator logs in for what the provider grants, and logs out of the provider too',
    async () => {
      const opened = await openWindow(browser());
      const { page, problems, origins } = opened;
      await page.goto(`${own.url}/operator/?search=acme`);
      await page.getByText('1 in total').waitFor();
      expect(page.url()).toBe(`${own.url}/operator/?search=acme`);
      expect(await page.getByRole('button', { name: 'Create a tenant' }).count()).toBe(0);
      await page.getByRole('link', { name: 'acme' }).click();
      await page.getByLabel('Reason', { exact: true }).fill('Ticket 42');
      await page.getByRole('button', { name: 'Open', exact: true }).click();
      await page.getByRole('button', { name: 'Act in it' }).waitFor();
      expect(await page.getByRole('button', { name: 'Suspend' }).count()).toBe(0);
      expect(JSON.parse(await storageOf(page))).toEqual([{}, {}, '', [], []]);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Leave' }).click();
      await page.getByText('You have signed out.').waitFor();
      expect(page.url()).toMatch(new RegExp(`^${own.url}/operator/signed-out`));
      expect(origins).toEqual(new Set([own.url, provider.issuer]));
      await opened.close();
      expect(problems.filter((problem) => !problem.includes('favicon.ico'))).toEqual([]);
    },
    SLOW_MS,
  );
});

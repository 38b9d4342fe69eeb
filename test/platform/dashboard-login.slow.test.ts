/**
 * Proves, with a real browser and a real provider, that users of the dashboard log in with OpenID Connect, and that the
 * server needs nothing else for it: the code flow with PKCE, tokens in memory only, a renewal that nobody notices, and a
 * logout that ends the session at the provider too.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { withoutChromium } from '../support/chromium.js';
import { openWindow, settled, SLOW_MS, storageOf, useBrowser, type Window } from '../support/dashboard.js';
import { makeKeys, PAGE_CLIENT, startOidcProvider, type OidcProvider } from '../support/oidc.js';
import { startTestServer, type TestServer } from '../support/server.js';

const AUDIENCE = 'https://api.tenantry.test';

/** The page renews a token that is valid for less than thirty seconds. */
const TOKEN_SECONDS = 32;

let provider: OidcProvider;
let server: TestServer;
beforeAll(async () => {
  const keys = makeKeys('first');
  const pages: string[] = [];
  provider = await startOidcProvider({
    keys,
    accounts: [{ sub: 'demo|acme|admin', email: 'admin@acme.test', tenant: 'acme' }],
    audience: AUDIENCE,
    pages,
    tokenSeconds: TOKEN_SECONDS,
  });
  server = await startTestServer({
    env: {
      JWT_SECRET: '',
      JWKS_URI: provider.jwksUri,
      JWT_ISSUER: provider.issuer,
      JWT_AUDIENCE: AUDIENCE,
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: PAGE_CLIENT,
    },
  });
  pages.push(server.url);
  await provider.restart(keys);
});
afterAll(async () => {
  await server.close();
  await provider.stop();
});

test('the server tells the page where users log in, and lets it ask that host alone', async () => {
  const config = (await (await fetch(`${server.url}/app/config.json`)).json()) as { login: object };
  expect(config.login).toEqual({
    authorizationEndpoint: `${provider.issuer}/auth`,
    tokenEndpoint: `${provider.issuer}/token`,
    endSessionEndpoint: `${provider.issuer}/session/end`,
    clientId: PAGE_CLIENT,
    audience: AUDIENCE,
    scope: 'openid email offline_access',
  });
  const page = await fetch(`${server.url}/app/members`);
  expect(page.headers.get('content-security-policy')).toContain(`connect-src 'self' ${provider.issuer};`);
  expect(page.headers.get('cache-control')).toBe('private, no-store');
});

test('a provider that cannot be asked is UNAVAILABLE, and the page is sent nevertheless', async () => {
  const away = await startTestServer({
    env: { OIDC_ISSUER: 'http://127.0.0.1:9', OIDC_CLIENT_ID: PAGE_CLIENT },
  });
  try {
    const answer = await fetch(`${away.url}/app/config.json`);
    expect(answer.status).toBe(503);
    expect((await fetch(`${away.url}/app/`)).status).toBe(200);
    expect(away.warnings.join()).toContain('OIDC_ISSUER');
  } finally {
    await away.close();
  }
});

describe.skipIf(withoutChromium())('in a browser', () => {
  const browser = useBrowser();
  let opened: Window;
  beforeEach(async () => {
    opened = await openWindow(browser());
  }, SLOW_MS);
  afterEach(async () => {
    const { problems } = opened;
    await opened.close();
    // The provider's own page has no icon.
    expect(problems.filter((problem) => !problem.includes(`${provider.issuer}/favicon.ico`))).toEqual([]);
  });

  test(
    'a user logs in, comes to the page they wanted, is renewed, and logs out of the provider too',
    async () => {
      const { page, origins } = opened;
      const grants: string[] = [];
      page.on('request', (request) => {
        if (request.url() !== `${provider.issuer}/token`) return;
        grants.push(new URLSearchParams(request.postData() ?? '').get('grant_type') ?? '');
      });
      await page.goto(`${server.url}/app/members?role=OWNER`);
      await page.getByText('1 in total').waitFor();
      expect(page.url()).toBe(`${server.url}/app/members?role=OWNER`);
      expect(origins).toEqual(new Set([server.url, provider.issuer]));
      expect(grants).toContain('authorization_code');

      // Nothing of the login is left where a script, or the next user of the computer, could find it.
      expect(JSON.parse(await storageOf(page))).toEqual([{}, {}, '', [], []]);

      await expect
        .poll(
          async () => {
            await page.getByRole('link', { name: 'Roles' }).click();
            await page.getByRole('link', { name: 'Members' }).click();
            await settled(page);
            return grants;
          },
          { timeout: SLOW_MS / 3 },
        )
        .toContain('refresh_token');
      await page.getByText('in total').waitFor();

      // The session at the provider is still there: no question is asked.
      await page.reload();
      await page.getByText('in total').waitFor();

      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Leave' }).click();
      await page.getByText('You have signed out.').waitFor();
      expect(page.url()).toMatch(new RegExp(`^${server.url}/app/signed-out`));
      expect(JSON.parse(await storageOf(page))).toEqual([{}, {}, '', [], []]);
    },
    SLOW_MS,
  );

  test(
    'a page whose token cannot be renewed because the provider is away stays open, and renews it later',
    async () => {
      const { page, problems } = opened;
      const tokens = `${provider.issuer}/token`;
      // As if the token ended with its arrival: the page renews it before each request.
      await page.route(tokens, async (route) => {
        const answer = await route.fetch();
        const sent = (await answer.json()) as object;
        await route.fulfill({ response: answer, json: { ...sent, expires_in: 0 } });
      });
      await page.goto(`${server.url}/app/members`);
      await page.getByText('4 in total').waitFor();
      await page.unroute(tokens);
      await page.route(tokens, (route) => route.abort());
      await page.getByRole('link', { name: 'Roles' }).click();
      await page.getByText('audit:read').waitFor();
      expect(page.url()).toBe(`${server.url}/app/roles`);

      await page.unroute(tokens);
      const renewal = page.waitForResponse(tokens);
      await page.getByRole('link', { name: 'Members' }).click();
      expect((await renewal).status()).toBe(200);
      await page.getByText('4 in total').waitFor();
      // What the browser says of the provider that is away.
      const others = problems.filter((problem) => !problem.includes('ERR_FAILED'));
      problems.splice(0, Infinity, ...others);
    },
    SLOW_MS,
  );

  test.each(['code=of-somebody-else', 'error=denied&error_description=call+this+number'])(
    'an answer that belongs to no login of this tab is neither exchanged nor shown: %s',
    async (sent) => {
      const { page, origins } = opened;
      await page.goto(`${server.url}/app/signed-in?${sent}&state=guessed`);
      await page.getByText('does not belong to a sign-in that began in this tab').waitFor();
      expect(origins).toEqual(new Set([server.url]));
    },
    SLOW_MS,
  );
});

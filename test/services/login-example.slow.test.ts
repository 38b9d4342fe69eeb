/** Proves that the provider of examples/login works as its README says: a user logs in to the dashboard, and an operator to the console. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dashboardFiles } from '../../src/http/dashboard-files.js';
import { freePort } from '../support/browser-server.js';
import { endChildrenAfterAll, startChild, type Child } from '../support/child.js';
import { withoutChromium } from '../support/chromium.js';
import { openWindow, SLOW_MS, useBrowser } from '../support/dashboard.js';
import { startTestServer, type TestServer } from '../support/server.js';

const PASSWORD = 'correct horse battery staple';

endChildrenAfterAll();

describe.skipIf(withoutChromium())('the example of a login', () => {
  const browser = useBrowser();
  let folder: string;
  let provider: Child;
  let issuer: string;
  let server: TestServer;
  beforeAll(async () => {
    await dashboardFiles('operators');
    folder = await mkdtemp(join(tmpdir(), 'tenantry-login-'));
    const port = String(await freePort());
    issuer = `http://127.0.0.1:${port}`;
    server = await startTestServer({
      env: {
        JWT_SECRET: '',
        OIDC_ISSUER: issuer,
        OIDC_CLIENT_ID: 'dashboard',
        JWKS_URI: `${issuer}/jwks`,
        JWT_ISSUER: issuer,
        JWT_AUDIENCE: 'https://api.example.com',
        OPERATOR_JWT_AUDIENCE: 'https://operators.example.com',
        OPERATOR_JWT_ISSUER: issuer,
        OPERATOR_JWKS_URI: `${issuer}/jwks`,
        OPERATOR_OIDC_CLIENT_ID: 'console',
      },
    });
    const env = {
      PORT: port,
      ISSUER: issuer,
      PAGES: server.url,
      SECRETS: join(folder, 'login-secrets.json'),
    };
    provider = startChild('examples/login/main.ts', [], env, 'as npm start');
    await provider.says(/Users log in at/, SLOW_MS / 2);
  }, SLOW_MS);
  afterAll(async () => {
    provider.kill('SIGTERM');
    await provider.ended;
    await server.close();
    await rm(folder, { recursive: true });
  });

  async function signIn(page: Page, email: string, password: string): Promise<void> {
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password').fill(password);
    // What is refused is told in a page that looks like this one.
    const answered = page.waitForEvent('load');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await answered;
  }

  test(
    'lets a user in with the password, and nobody else',
    async () => {
      const opened = await openWindow(browser());
      const { page } = opened;
      await page.goto(`${server.url}/app/members`);
      for (const [email, password] of [
        ['owner@acme.test', 'wrong'],
        ['nobody@acme.test', PASSWORD],
      ] as const) {
        await signIn(page, email, password);
        await page.getByText('do not belong together').waitFor();
      }
      await signIn(page, 'owner@acme.test', PASSWORD);
      await page.getByText('4 in total').waitFor();
      expect(opened.origins).toEqual(new Set([server.url, issuer]));
      await opened.close();
    },
    SLOW_MS,
  );

  test(
    'lets an operator in to the console for what users.json says, and no member',
    async () => {
      const opened = await openWindow(browser());
      const { page } = opened;
      await page.goto(`${server.url}/operator/?search=acme`);
      await signIn(page, 'support@example.com', PASSWORD);
      await page.getByText('1 in total').waitFor();
      expect(await page.getByRole('button', { name: 'Create a tenant' }).count()).toBe(0);
      await opened.close();

      const member = await openWindow(browser());
      await member.page.goto(`${server.url}/operator/`);
      await signIn(member.page, 'owner@acme.test', PASSWORD);
      await member.page.getByRole('button', { name: 'Open a tenant' }).waitFor();
      expect(await member.page.getByRole('table').count()).toBe(0);
      await member.close();
    },
    SLOW_MS,
  );
});

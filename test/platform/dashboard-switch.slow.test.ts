/**
 * Proves, in a real browser, what a user of several tenants does: accepts an invitation by the link of its mail, opens that
 * tenant, switches to the other one, after which nothing of the former is there, and signs out.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/app.js';
import { demoUsers } from '../../src/demo-users.js';
import { Drain } from '../../src/http/drain.js';
import { withoutChromium } from '../support/chromium.js';
import { memoryOf, openWindow, settled, SLOW_MS, storageOf, useBrowser } from '../support/dashboard.js';
import { useInvitations } from '../support/invitations.js';
import { TEST_SECRET } from '../support/server.js';

const { running, invite } = useInvitations();

/** The same server with the users of its demo. */
let app: Awaited<ReturnType<typeof buildApp>>;
let url: string;
beforeAll(async () => {
  const { services, config } = running();
  const signing = { secret: TEST_SECRET, issuer: config.jwtIssuer, audience: config.jwtAudience };
  app = await buildApp(services, new Drain(), { users: demoUsers(services.database, signing) });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app.close());

describe.skipIf(withoutChromium())('a user of two tenants', () => {
  const browser = useBrowser();

  test(
    'joins by the link in the mail, switches, and leaves nothing behind',
    async () => {
      const { token } = await invite('owner@globex.test', 'VIEWER');
      const opened = await openWindow(browser());
      const { page } = opened;
      const link = `${url}/app/invitations/accept?token=${token}`;

      // A link that leads somebody else here is explained, and the link still works.
      await page.goto(link);
      await page.getByRole('button', { name: 'member@globex.test' }).click();
      await page.getByRole('button', { name: 'Accept the invitation' }).click();
      await page.getByText('for another address').waitFor();

      await page.goto(link);
      await page.getByRole('button', { name: 'owner@globex.test' }).click();
      await page.getByRole('button', { name: 'Accept the invitation' }).click();
      await page.getByText('You are now a member of Acme Inc.').waitFor();
      await page.getByRole('button', { name: 'Open it' }).click();
      await page.getByRole('heading', { name: 'Acme Inc.' }).waitFor();

      await page.getByRole('link', { name: 'Members' }).click();
      await page.getByText('5 in total').waitFor();
      expect(await page.content()).toContain('demo|acme|owner');
      await page.getByLabel('Organisation', { exact: true }).selectOption('Globex Corporation');
      await page.getByText('4 in total').waitFor();
      await settled(page);
      expect(await page.content()).not.toContain('demo|acme');
      // What a closed connection still holds goes a moment later.
      await expect
        .poll(async () => (await memoryOf(page)).includes('demo|acme|owner'), { timeout: SLOW_MS / 4 })
        .toBe(false);
      expect(await storageOf(page)).not.toContain('acme');

      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'owner@globex.test' }).first().waitFor();
      expect(await page.content()).not.toContain('Globex Corporation');
      expect(opened.problems).toEqual([]);
      await opened.close();
    },
    SLOW_MS,
  );
});

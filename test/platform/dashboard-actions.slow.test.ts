/**
 * Proves, in a real browser, that what the pages offer works: each change takes effect and is seen at once, and a refusal is
 * explained where it happened.
 */
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { modules } from '../../src/modules.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { withoutChromium } from '../support/chromium.js';
import {
  accessibilityProblems,
  openWindow,
  settled,
  signIn,
  SLOW_MS,
  useBrowser,
  type Window,
} from '../support/dashboard.js';
import { runDueJobs } from '../support/jobs.js';
import { sealAll } from '../support/sealed-trails.js';
import { useServer } from '../support/server.js';

const settings = { colour: z.enum(['red', 'blue']).default('red').describe('Of the door.') };
const server = useServer({
  modules: modules.map((each) => (each === tenantModule ? { ...tenantModule, settings } : each)),
});

describe.skipIf(withoutChromium())('the dashboard', () => {
  const browser = useBrowser();
  let opened: Window;
  beforeEach(async () => {
    opened = await openWindow(browser(), { acceptDownloads: true });
  }, SLOW_MS);
  afterEach(async () => {
    const { problems } = opened;
    await opened.close();
    // What the browser says of a page that is offline.
    expect(problems.filter((problem) => !problem.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([]);
  });

  async function openAs(user: string, path: string): Promise<Page> {
    await signIn(opened.page, server().url, (await server().as(user, 'acme')).token, path);
    await settled(opened.page);
    return opened.page;
  }
  const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text });
  const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true });

  test(
    'makes a key that works, shows it once, and revokes it',
    async () => {
      const page = await openAs('owner', '/api-keys');
      await button(page, 'Create a key').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('for the test');
      await dialog.getByLabel('members:read').check();
      expect(await accessibilityProblems(page)).toEqual([]);
      await button(page, 'Create a key').last().click();
      await dialog.getByText('it is shown only here').waitFor();
      const secret = (await dialog.locator('code').textContent()) ?? '';
      const ask = async () =>
        (
          await server()
            .withHeaders({ authorization: `Bearer ${secret}` })
            .query('{ members { totalCount } }')
        ).status;
      expect(await ask()).toBe(200);
      await button(page, 'Close').click();
      await row(page, 'for the test').getByText('active').waitFor();
      expect(await page.content()).not.toContain(secret);
      await button(page, 'Revoke: for the test').click();
      await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
      await row(page, 'for the test').getByText('revoked').waitFor();
      await expect.poll(ask, { timeout: SLOW_MS / 3 }).toBe(401);
    },
    SLOW_MS,
  );

  test(
    'changes a role, and says why the last owner stays',
    async () => {
      const page = await openAs('owner', '/members');
      await button(page, 'Change role: viewer@acme.test').click();
      await page.getByRole('dialog').getByLabel('Role').selectOption('Member');
      await button(page, 'Save').click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await row(page, 'viewer@acme.test').getByRole('cell', { name: 'Member', exact: true }).waitFor();
      await button(page, 'Remove: owner@acme.test').click();
      await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
      await page.getByRole('alert').getByText('in conflict').waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
      await button(page, 'Cancel').click();
      // A dialog that closes gives the focus back to its button, and so takes it from a field that has it already.
      await page.locator(':focus[aria-label="Remove: owner@acme.test"]').waitFor();
      await page.getByLabel('Search').fill('viewer');
      // The row of the owner has this button alone. The address is in other rows too: of those whom the owner invited.
      await button(page, 'Remove: owner@acme.test').waitFor({ state: 'detached' });
      await button(page, 'Remove: viewer@acme.test').waitFor();
    },
    SLOW_MS,
  );

  test(
    'invites, says what is wrong with an address beside it, and revokes',
    async () => {
      const page = await openAs('admin', '/invitations');
      await button(page, 'Invite').click();
      const dialog = page.getByRole('dialog');
      // An admin may make nobody more powerful than that.
      await expect
        .poll(() => dialog.getByLabel('Role').locator('option').allTextContents(), { timeout: SLOW_MS / 3 })
        .toEqual(['Admin', 'Member', 'Viewer']);
      await dialog.getByLabel('E-mail address').fill('member@acme.test');
      await dialog.getByRole('button', { name: 'Invite' }).click();
      await dialog.getByRole('alert').waitFor();
      await dialog.getByLabel('E-mail address').fill('ada@example.com');
      await dialog.getByRole('button', { name: 'Invite' }).click();
      await row(page, 'ada@example.com').getByText('pending').waitFor();
      await button(page, 'Revoke: ada@example.com').click();
      await row(page, 'ada@example.com').getByText('revoked').waitFor();
    },
    SLOW_MS,
  );

  test(
    'makes a webhook, tests it, and deletes it',
    async () => {
      const page = await openAs('owner', '/webhooks');
      await button(page, 'Create a webhook').click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('URL').fill('https://hooks.example.com/in');
      await dialog.getByLabel('Events').fill('nothing.created');
      await dialog.getByRole('button', { name: 'Create a webhook' }).click();
      await dialog.getByText('there is no nothing').first().waitFor();
      await dialog.getByLabel('Events').fill('membership.created, membership.deleted');
      await dialog.getByRole('button', { name: 'Create a webhook' }).click();
      await dialog.getByText('whsec_').waitFor();
      await button(page, 'Close').click();
      await button(page, 'Send a test: https://hooks.example.com/in').click();
      await row(page, 'webhook.test').waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
      await button(page, 'Disable: https://hooks.example.com/in').click();
      await page.getByText('disabled', { exact: true }).waitFor();
      await button(page, 'Delete: https://hooks.example.com/in').click();
      await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText('There is no webhook yet.').waitFor();
    },
    SLOW_MS,
  );

  test(
    'verifies the audit log, and shows what a change was',
    async () => {
      await sealAll(server().database);
      const page = await openAs('owner', '/audit-log?action=membership.created');
      await row(page, 'membership.created').first().locator('summary').click();
      await page.getByRole('row', { name: 'role' }).locator('ins').first().waitFor();
      await button(page, 'Verify').click();
      await page.getByText('The log is intact').waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
      const download = page.waitForEvent('download');
      await button(page, 'Export, verifiable').click();
      expect((await download).suggestedFilename()).toMatch(/acme/);
    },
    SLOW_MS,
  );

  test(
    'renames the tenant, and lets the viewer decide when somebody else did so meanwhile',
    async () => {
      const page = await openAs('owner', '/settings');
      const name = page.getByLabel('Name of the organisation');
      const form = page.locator('form').filter({ has: name });
      await name.fill('Acme of the owner');
      const caller = await server().as('admin', 'acme');
      await caller.query('mutation { updateTenant(input: { name: "Acme of the admin" }) { tenant { id } } }');
      // The answer of another change has the newest version of the tenant: the viewer has not seen what it contains.
      const answer = page.waitForResponse(
        (each) => each.request().postData()?.includes('UpdateTenantSettings') === true,
      );
      await page.getByLabel('colour').selectOption('blue');
      expect((await (await answer).json()) as object).toMatchObject({
        data: { updateTenantSettings: { tenant: { name: 'Acme of the admin' } } },
      });
      await form.getByRole('button', { name: 'Save' }).click();
      await page.getByText('renamed it to “Acme of the admin” meanwhile').waitFor();
      await button(page, 'Save mine nevertheless').click();
      await page.getByText('Saved.').waitFor();
      await page.locator('.bar').getByText('Acme of the owner').waitFor();
    },
    SLOW_MS,
  );

  test(
    'makes an export, shows its progress, and downloads it',
    async () => {
      const page = await openAs('owner', '/exports');
      await button(page, 'Export everything').click();
      await page.getByText('in progress', { exact: true }).waitFor();
      await runDueJobs(server());
      await page.getByText('ready', { exact: true }).waitFor();
      const download = page.waitForEvent('download');
      await button(page, /^Download: /).click();
      expect((await download).suggestedFilename()).toMatch(/acme/);
    },
    SLOW_MS,
  );

  test(
    'has the tenant erased after a time, for which it ends, and keeps it when an owner wants that',
    async () => {
      const page = await openAs('owner', '/exports');
      await page.getByLabel('Write “erase acme” to confirm.').fill('erase acme');
      await button(page, 'Erase').first().click();
      await page.getByText('This organisation is suspended.').waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
      await page.getByLabel('Short name').fill('globex');
      await button(page, 'Keep the organisation').click();
      await page.getByRole('alert').nth(1).waitFor();
      await page.getByLabel('Short name').fill('acme');
      await button(page, 'Keep the organisation').click();
      await page.getByLabel('Token').waitFor();
      // The server learns a moment later that the tenant is active again.
      const owner = await server().as('owner', 'acme');
      await expect
        .poll(async () => (await owner.query('{ me { userId } }')).status, { timeout: SLOW_MS / 3 })
        .toBe(200);
      await page.getByLabel('Token').fill(owner.token);
      await button(page, 'Open').click();
      await page.getByRole('heading', { name: 'Exports and erasure' }).waitFor();
    },
    SLOW_MS,
  );

  test(
    'says that it is offline, and goes on by itself',
    async () => {
      const page = await openAs('owner', '/members');
      await page.context().setOffline(true);
      await page.getByText('You are offline.').waitFor();
      await page.context().setOffline(false);
      await page.getByText('You are offline.').waitFor({ state: 'detached' });
    },
    SLOW_MS,
  );
});

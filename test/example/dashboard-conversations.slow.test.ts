/**
 * Proves, in a real browser, the pages of the example: search, filter and order; a list that goes on as it is scrolled; changes
 * of others as they happen; a change that is shown before the server has answered; and two people who change the same.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
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
import { useServer } from '../support/server.js';
import { connectionsAt, subscriptionsAt } from '../support/subscriber.js';
import { until } from '../support/until.js';

const server = useServer();

describe.skipIf(withoutChromium())('the pages of conversations', () => {
  const browser = useBrowser();
  let windows: Window[];
  beforeEach(() => {
    windows = [];
  });
  afterEach(async () => {
    const problems = windows.flatMap((each) => each.problems);
    await Promise.all(windows.map((each) => each.close()));
    expect(problems).toEqual([]);
  });

  async function openAs(user: string, path: string): Promise<Page> {
    const opened = await openWindow(browser());
    windows.push(opened);
    await signIn(opened.page, server().url, (await server().as(user, 'acme')).token, path);
    await settled(opened.page);
    return opened.page;
  }
  async function create(subject: string, body = 'a body'): Promise<string> {
    const caller = await server().as('owner', 'acme');
    const { data, errors } = await caller.query<{ createConversation: { conversation: { id: string } } }>(
      'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { conversation { id } } }',
      { input: { subject, body } },
    );
    expect(errors).toEqual([]);
    return data.createConversation.conversation.id;
  }
  const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text });

  test(
    'search, filter and order, in the address too, and without a fault',
    async () => {
      const page = await openAs('owner', '/conversations');
      await row(page, 'Lunch').waitFor();
      await page.getByLabel('Search').fill('invoice');
      await row(page, 'Lunch').waitFor({ state: 'detached' });
      await row(page, 'Invoice of October').waitFor();
      await page.waitForURL(/search=invoice/);
      await page.getByLabel('Search').fill('');
      await page.getByLabel('Only mine').check();
      await row(page, 'Lunch').waitFor({ state: 'detached' });
      await row(page, 'Welcome').waitFor();
      await page.getByLabel('Only mine').uncheck();
      await page.getByLabel('Order').selectOption('Oldest first');
      await row(page, 'Lunch').waitFor();
      await expect
        .poll(() => page.getByRole('row').nth(1).textContent(), { timeout: SLOW_MS / 3 })
        .toContain('Welcome');
      expect(await accessibilityProblems(page)).toEqual([]);
      await page.getByRole('link', { name: 'Welcome' }).click();
      await page.getByText('Good to know!').waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
    },
    SLOW_MS,
  );

  test(
    'a list goes on as it is scrolled, without rows that are missing or repeated',
    async () => {
      const subjects = Array.from(
        { length: 60 },
        (_, index) => `in a long list ${String(index).padStart(2, '0')}`,
      );
      for (const subject of subjects) await create(subject);
      const page = await openAs('viewer', '/conversations?search=in+a+long+list&order=CREATED_AT+ASC');
      const shown = page.locator('tbody tr').filter({ hasText: 'in a long list' });
      await expect
        .poll(
          async () => {
            await page.mouse.wheel(0, 10_000);
            return shown.count();
          },
          { timeout: SLOW_MS / 3 },
        )
        .toBe(subjects.length);
      expect(await shown.locator('th').allTextContents()).toEqual(subjects);
    },
    SLOW_MS,
  );

  test(
    'shows what others write as it happens, and a viewer is offered nothing to write',
    async () => {
      const id = await create('live');
      // The window of a test before closes its connection a moment later.
      await until('nobody is connected', async () => (await connectionsAt(server())) === 0, SLOW_MS / 3);
      const reader = await openAs('viewer', `/conversations/${id}`);
      const list = await openAs('viewer', '/conversations');
      // Of the conversations in both, and of the messages in one.
      await until(
        'all subscriptions are in force',
        async () => (await subscriptionsAt(server())) === 3,
        SLOW_MS / 3,
      );
      for (const page of [reader, list]) {
        expect(await page.getByRole('button', { name: /New conversation|Edit|Delete|Send/ }).count()).toBe(0);
      }
      const writer = await openAs('member', `/conversations/${id}`);
      await writer.getByLabel('Your message').fill('a message that comes by itself');
      await writer.getByRole('button', { name: 'Send' }).click();
      await writer.getByText('a message that comes by itself').waitFor();
      await reader.getByText('a message that comes by itself').waitFor();
      await writer.getByRole('button', { name: 'Edit' }).click();
      await writer.getByLabel('Subject').fill('live and renamed');
      await writer.getByRole('button', { name: 'Save' }).click();
      await writer.getByRole('dialog').waitFor({ state: 'detached' });
      await reader.getByRole('heading', { name: 'live and renamed' }).waitFor();
      await row(list, 'live and renamed').waitFor();
      await create('made while the list is open');
      await row(list, 'made while the list is open').waitFor();
    },
    SLOW_MS,
  );

  test(
    'shows what was written after it read and before its subscriptions were in force',
    async () => {
      await create('made before the page');
      const opened = await openWindow(browser());
      windows.push(opened);
      let go = (): void => undefined;
      const held = new Promise<void>((resolve) => (go = resolve));
      await opened.page.routeWebSocket('**/graphql', (client) => {
        const upstream = client.connectToServer();
        let before = Promise.resolve();
        client.onMessage((message) => {
          before = before
            .then(() => (String(message).includes('ConversationChanged') ? held : undefined))
            .then(() => upstream.send(message));
        });
      });
      await signIn(opened.page, server().url, (await server().as('viewer', 'acme')).token, '/conversations');
      await row(opened.page, 'made before the page').waitFor();
      await create('made before anybody was told');
      expect(await row(opened.page, 'made before anybody was told').count()).toBe(0);
      go();
      await row(opened.page, 'made before anybody was told').waitFor();
    },
    SLOW_MS,
  );

  test(
    'shows a change before the server has answered, and takes it back when the server refuses',
    async () => {
      const id = await create('before');
      const page = await openAs('member', `/conversations/${id}`);
      let answer = (): void => undefined;
      const held = new Promise<void>((resolve) => (answer = resolve));
      await page.route('**/graphql', async (route) => {
        if (route.request().postData()?.includes('UpdateConversation') === true) await held;
        await route.continue();
      });
      await page.getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel('Subject').fill('x'.repeat(201));
      await page.getByRole('button', { name: 'Save' }).click();
      await page
        .getByRole('heading', { name: 'x'.repeat(201), includeHidden: true })
        .waitFor({ state: 'attached' });
      answer();
      await page.getByText('input.subject must have at most 200 characters.').first().waitFor();
      await page.getByRole('heading', { name: 'before', includeHidden: true }).waitFor({ state: 'attached' });
    },
    SLOW_MS,
  );

  test(
    'two who change the same: the second sees what the first has written, and decides',
    async () => {
      const id = await create('disputed', 'the first text');
      const page = await openAs('member', `/conversations/${id}`);
      await page.getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel('Text').fill('the text of the second');
      const caller = await server().as('admin', 'acme');
      await caller.query(
        'mutation ($id: ID!) { updateConversation(input: { id: $id, body: "the text of the admin" }) { conversation { id } } }',
        { id },
      );
      const dialog = page.getByRole('dialog', { name: 'Edit' });
      await page.getByRole('button', { name: 'Save' }).click();
      await dialog.getByText('Somebody else has changed this conversation since you began.').waitFor();
      await dialog.getByText('the text of the admin').waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
      await dialog.getByRole('button', { name: 'Save mine over it' }).click();
      await dialog.waitFor({ state: 'detached' });
      await page.locator('main').getByText('the text of the second').waitFor();
    },
    SLOW_MS,
  );
});

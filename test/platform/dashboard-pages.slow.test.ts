/**
 * Proves, in a real browser, for every role: the navigation lists the pages that the role may open, and each of them works:
 * with what it is for, without an error, without a request to another host, and without a fault that axe-core finds, in light
 * and dark, and on a small screen.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROLES, type Role } from '../../src/kernel/vocabulary/permissions.js';
import { withoutChromium } from '../support/chromium.js';
import {
  accessibilityProblems,
  brokenWords,
  openWindow,
  overflows,
  settled,
  signIn,
  SLOW_MS,
  storageOf,
  useBrowser,
  type Window,
} from '../support/dashboard.js';
import { useServer } from '../support/server.js';

const server = useServer();

/** What each page of the platform shows, and what it takes to open it. */
const PAGES: Readonly<Record<string, { readonly shows: string; readonly roles: readonly Role[] }>> = {
  Overview: { shows: 'Acme Inc.', roles: ROLES },
  Members: { shows: '4 in total', roles: ROLES },
  Invitations: { shows: 'No invitation matches.', roles: ['owner', 'admin'] },
  Roles: { shows: 'audit:read', roles: ROLES },
  'API keys': { shows: 'No API key matches.', roles: ['owner', 'admin'] },
  Webhooks: { shows: 'There is no webhook yet.', roles: ['owner', 'admin'] },
  Jobs: { shows: 'No job matches.', roles: ['owner', 'admin'] },
  'Audit log': { shows: 'membership.created', roles: ['owner', 'admin'] },
  Settings: { shows: 'Name of the organisation', roles: ['owner', 'admin'] },
  Plan: { shows: 'Bills go to', roles: ['owner'] },
  'Exports and erasure': { shows: 'There is no export.', roles: ['owner'] },
};

const listedFor = (role: Role): string[] =>
  Object.entries(PAGES)
    .filter(([, { roles }]) => roles.includes(role))
    .map(([title]) => title);

describe.skipIf(withoutChromium())('the dashboard', () => {
  const browser = useBrowser();
  let opened: Window;
  beforeEach(async () => {
    opened = await openWindow(browser());
  }, SLOW_MS);
  afterEach(async () => {
    const { problems, origins } = opened;
    await opened.close();
    expect(problems).toEqual([]);
    expect(origins).toEqual(new Set([server().url]));
  });
  const tokenOf = async (role: Role): Promise<string> => (await server().as(role, 'acme')).token;
  const link = (title: string) =>
    opened.page.getByRole('navigation').getByRole('link', { name: title, exact: true });

  test.each(ROLES)(
    'has for %s the pages of the role, and each works',
    async (role) => {
      const { page } = opened;
      await signIn(page, server().url, await tokenOf(role));
      await settled(page);
      const listed = await page.getByRole('navigation').getByRole('link').allTextContents();
      expect(listed.filter((title) => title in PAGES)).toEqual(listedFor(role));
      const faults: unknown[] = [];
      for (const title of listedFor(role)) {
        await link(title).click();
        await page.locator('main').getByText(PAGES[title]!.shows).first().waitFor();
        await settled(page);
        faults.push(...(await accessibilityProblems(page)));
        faults.push(...(await page.getByRole('alert').allTextContents()));
      }
      expect(faults).toEqual([]);
    },
    SLOW_MS,
  );

  test.each([
    ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 900 } }],
    ['medium', { colorScheme: 'light', viewport: { width: 1000, height: 800 } }],
    ['small', { colorScheme: 'light', viewport: { width: 320, height: 640 } }],
    ['large', { colorScheme: 'light', viewport: { width: 3840, height: 2160 } }],
  ] as const)(
    'is without fault on a screen that is %s',
    async (_name, options) => {
      await opened.close();
      opened = await openWindow(browser(), options);
      const { page } = opened;
      await signIn(page, server().url, await tokenOf('owner'));
      const faults: unknown[] = [];
      for (const title of listedFor('owner')) {
        if (!(await link(title).isVisible())) await page.getByRole('button', { name: 'Menu' }).click();
        await link(title).click();
        await page.locator('main').getByText(PAGES[title]!.shows).first().waitFor();
        await settled(page);
        faults.push(...(await accessibilityProblems(page)));
        if (await overflows(page)) faults.push(`${title} is wider than the window`);
        faults.push(...(await brokenWords(page)).map((word) => `${title} breaks ${word}`));
      }
      expect(faults).toEqual([]);
    },
    SLOW_MS,
  );

  test(
    'says to somebody who comes by an address that the permission is missing, and reads nothing',
    async () => {
      const { page } = opened;
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.postData() ?? ''));
      await signIn(page, server().url, await tokenOf('viewer'), '/audit-log');
      await page.getByText('This page needs the permission audit:read, which you do not hold.').waitFor();
      expect(asked.filter((body) => body.includes('auditLog'))).toEqual([]);
    },
    SLOW_MS,
  );

  test(
    'asks for no field that the role may not read',
    async () => {
      const { page } = opened;
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.postData() ?? ''));
      await signIn(page, server().url, await tokenOf('viewer'), '/members');
      await page.getByText('4 in total').waitFor();
      expect(asked.filter((body) => body.includes('members('))).not.toEqual([]);
      expect(asked.filter((body) => /invitedByMember|usage|\bplan\b/.test(body))).toEqual([]);
      expect(await page.getByRole('button', { name: /^Remove/ }).count()).toBe(0);
    },
    SLOW_MS,
  );

  test(
    'speaks German, writes times as there, and keeps nothing but that choice',
    async () => {
      await opened.close();
      opened = await openWindow(browser(), { locale: 'de-AT', timezoneId: 'Europe/Vienna' });
      const { page } = opened;
      const token = await tokenOf('owner');
      await page.goto(`${server().url}/app/members`);
      await page.getByLabel('Token').fill(token);
      await page.getByRole('button', { name: 'Öffnen' }).click();
      await page.getByText('4 insgesamt').waitFor();
      expect(await page.getAttribute('html', 'lang')).toBe('de');
      await page.getByLabel('Sprache').selectOption('English');
      await page.getByText('4 in total').waitFor();
      const [local] = JSON.parse(await storageOf(page)) as [Record<string, string>];
      expect(JSON.parse(await storageOf(page))).toEqual([local, {}, '', [], []]);
      expect(local).toEqual({ 'tenantry:language': 'en' });
    },
    SLOW_MS,
  );

  test(
    'is used with the keyboard alone',
    async () => {
      const { page } = opened;
      await signIn(page, server().url, await tokenOf('owner'), '/invitations');
      await settled(page);
      const invite = page.getByRole('button', { name: 'Invite', exact: true });
      await invite.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Invite somebody' });
      await dialog.waitFor();
      await expect
        .poll(() => page.evaluate(`document.activeElement?.getAttribute('type')`), { timeout: SLOW_MS / 3 })
        .toBe('email');
      await page.keyboard.type('grace@example.com');
      expect(await accessibilityProblems(page)).toEqual([]);
      await page.keyboard.press('Enter');
      await page.getByRole('row').filter({ hasText: 'grace@example.com' }).waitFor();
      await dialog.waitFor({ state: 'detached' });
      await expect
        .poll(() => page.evaluate(`document.activeElement?.textContent`), { timeout: SLOW_MS / 3 })
        .toBe('Invite');
    },
    SLOW_MS,
  );
});

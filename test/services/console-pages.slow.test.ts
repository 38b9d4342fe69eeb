/**
 * Proves, in a real browser, for each scope of operators: the console offers what the scope allows and nothing else, and each of
 * its pages works: without an error, without a request to another host, and without a fault that axe-core finds, in light and
 * dark, and on a small screen. No token of a tenant opens it.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withoutChromium } from '../support/chromium.js';
import {
  accessibilityProblems,
  openWindow,
  overflows,
  settled,
  SLOW_MS,
  storageOf,
  useBrowser,
  type Window,
} from '../support/dashboard.js';
import { ALL_SCOPES, newSlug, OPERATORS, operatorToken } from '../support/operators.js';
import { insertJob } from '../support/rows.js';
import { useServer } from '../support/server.js';
import { createTestTenant } from '../support/tenant-fixtures.js';

const server = useServer({ env: OPERATORS });

/** The buttons of a tenant that is active, by the scope that offers them. */
const OFFERED = {
  'tenants:read': [],
  'tenants:manage': ['Change the plan', 'Rename', 'Suspend'],
  'tenants:impersonate': ['Act in it'],
  'tenants:erase': ['Erase'],
} as const;
/** Without `tenants:read` the state of a tenant is unknown, so both directions are offered. */
const OFFERED_BLINDLY = {
  ...OFFERED,
  'tenants:manage': [...OFFERED['tenants:manage'], 'Resume'],
  'tenants:erase': ['Erase', 'Cancel the erasure'],
} as const;
const ACTIONS = Object.values(OFFERED_BLINDLY).flat();
type Scope = keyof typeof OFFERED;

describe.skipIf(withoutChromium())('the operators’ console', () => {
  const browser = useBrowser('operators');
  let opened: Window;
  /** What a test expects the browser to say. */
  let expected: string | undefined;
  beforeEach(async () => {
    expected = undefined;
    opened = await openWindow(browser());
  }, SLOW_MS);
  afterEach(async () => {
    const { problems, origins } = opened;
    await opened.close();
    expect(problems.filter((problem) => expected === undefined || !problem.includes(expected))).toEqual([]);
    expect(origins).toEqual(new Set([server().url]));
  });

  const tenant = async (): Promise<string> => {
    const slug = newSlug();
    await createTestTenant(server().database, slug);
    await insertJob(server().database, slug, { lastError: 'It failed.' });
    return slug;
  };
  const button = (name: string) => opened.page.getByRole('button', { name, exact: true });
  async function signIn(scope: string, path = '/'): Promise<void> {
    const { page } = opened;
    await page.goto(`${server().url}/operator${path}`);
    await page.getByLabel('Token').fill(operatorToken({ scope }));
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.locator('main h1').waitFor();
    await settled(page);
  }
  async function look(): Promise<void> {
    const { page } = opened;
    await page.getByLabel('Reason').fill('  Ticket 42 ');
    await button('Open').click();
    await page.getByRole('heading', { name: 'Impersonations' }).waitFor();
  }
  const offered = async (): Promise<string[]> =>
    (await opened.page.locator('main').getByRole('button').allTextContents()).filter((name) =>
      ACTIONS.some((action) => action === name),
    );

  test.each(Object.keys(OFFERED) as Scope[])(
    'offers with tenants:read and %s what these allow',
    async (scope) => {
      const { page } = opened;
      const slug = await tenant();
      await signIn(`tenants:read ${scope}`, `/?search=${slug}`);
      const faults = await accessibilityProblems(page);
      expect(await button('Create a tenant').count()).toBe(scope === 'tenants:manage' ? 1 : 0);
      await page.getByRole('link', { name: slug }).click();
      await look();
      expect((await offered()).sort()).toEqual([...OFFERED[scope]].sort());
      faults.push(...(await accessibilityProblems(page)));
      await page.getByRole('navigation').getByRole('link', { name: 'Usage' }).click();
      await page.getByRole('heading', { name: 'Usage' }).waitFor();
      await settled(page);
      faults.push(...(await accessibilityProblems(page)));
      faults.push(...(await page.getByRole('alert').allTextContents()));
      expect(faults).toEqual([]);
    },
    SLOW_MS,
  );

  test.each(Object.keys(OFFERED).filter((scope) => scope !== 'tenants:read') as Scope[])(
    'offers with %s alone what it allows, and reads nothing',
    async (scope) => {
      const { page } = opened;
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.postData() ?? ''));
      const slug = await tenant();
      await signIn(scope);
      expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toEqual(['Tenants']);
      await page.getByLabel('Subdomain').fill(slug);
      await button('Open a tenant').click();
      await page.getByText('You may not read tenants.').waitFor();
      expect((await offered()).sort()).toEqual([...OFFERED_BLINDLY[scope]].sort());
      expect(await accessibilityProblems(page)).toEqual([]);
      expect(asked.filter((body) => /tenants?\(/.test(body))).toEqual([]);
    },
    SLOW_MS,
  );

  test.each([
    ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 900 } }],
    ['small', { colorScheme: 'light', viewport: { width: 320, height: 640 } }],
  ] as const)(
    'is without fault on a screen that is %s',
    async (_name, options) => {
      await opened.close();
      opened = await openWindow(browser(), options);
      const { page } = opened;
      const slug = await tenant();
      const faults: string[] = [];
      const check = async (): Promise<void> => {
        await settled(page);
        faults.push(...(await accessibilityProblems(page)));
        if (await overflows(page)) faults.push(`${page.url()} is wider than the window`);
      };
      await signIn(ALL_SCOPES);
      await check();
      await signIn(ALL_SCOPES, '/usage');
      await check();
      await signIn(ALL_SCOPES, `/tenants/${slug}`);
      await check();
      await look();
      await check();
      for (const name of ['Act in it', 'Erase']) {
        await button(name).click();
        await page.getByRole('dialog').waitFor();
        await check();
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
      }
      expect(faults).toEqual([]);
    },
    SLOW_MS,
  );

  test(
    'speaks German, and keeps nothing of an operator',
    async () => {
      await opened.close();
      opened = await openWindow(browser(), { locale: 'de-AT' });
      const { page } = opened;
      await page.goto(`${server().url}/operator/usage`);
      await page.getByLabel('Token').fill(operatorToken());
      await button('Öffnen').click();
      await page.getByRole('heading', { name: 'Nutzung' }).waitFor();
      await settled(page);
      expect(JSON.parse(await storageOf(page))).toEqual([{}, {}, '', [], []]);
    },
    SLOW_MS,
  );

  test(
    'is not opened by the token of a tenant’s owner, whatever scope it names',
    async () => {
      const { page } = opened;
      expected = '401';
      await page.goto(`${server().url}/operator`);
      await page.getByLabel('Token').fill((await server().as('owner', 'acme')).token);
      await button('Open').click();
      await page.getByText('Your sign-in has ended. Please sign in again.').waitFor();
      expect(await page.getByRole('navigation').count()).toBe(0);
    },
    SLOW_MS,
  );
});

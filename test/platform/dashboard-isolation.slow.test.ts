/**
 * Proves, in a real browser, that a tenant's data stays in its window: nothing of one tenant is in the page, in the storage or
 * in the memory of a window of another one, also when the same user switches in the same window; and that a page that is
 * open ends when its user loses access, with everything that it showed.
 */
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withoutChromium } from '../support/chromium.js';
import {
  memoryOf,
  openWindow,
  settled,
  signIn,
  SLOW_MS,
  storageOf,
  useBrowser,
  type Window,
} from '../support/dashboard.js';
import { useServer } from '../support/server.js';

const server = useServer();

/** Texts that stand in the data of one tenant only. */
const CANARIES = { acme: 'canary-of-acme-7f3a', globex: 'canary-of-globex-91bc' } as const;

type Tenant = keyof typeof CANARIES;

const PATHS = ['Overview', 'Members', 'Invitations', 'API keys', 'Audit log', 'Settings'];

/** Opens the pages that show the canary, one after the other. */
async function lookAround(page: Page, canary: string): Promise<void> {
  for (const title of PATHS) {
    await page.getByRole('navigation').getByRole('link', { name: title, exact: true }).click();
    await settled(page);
    if (title === 'API keys') await page.getByText(canary).first().waitFor();
  }
}

describe.skipIf(withoutChromium())('the dashboard', () => {
  const browser = useBrowser();
  let windows: Window[];
  beforeEach(async () => {
    windows = [];
    for (const tenant of ['acme', 'globex'] as const) {
      const caller = await server().as('owner', tenant);
      const { errors } = await caller.query(
        `mutation ($name: String!) {
          createApiKey(input: { name: $name, permissions: [MEMBERS_READ] }) { apiKey { id } }
          updateTenant(input: { name: $name }) { tenant { id } }
        }`,
        { name: CANARIES[tenant] },
      );
      expect(errors).toEqual([]);
    }
  });
  afterEach(async () => {
    const problems = windows.flatMap((each) => each.problems);
    await Promise.all(windows.map((each) => each.close()));
    expect(problems).toEqual([]);
  });

  async function windowOf(tenant: Tenant): Promise<Page> {
    const opened = await openWindow(browser());
    windows.push(opened);
    await signIn(opened.page, server().url, (await server().as('owner', tenant)).token);
    return opened.page;
  }

  test(
    'has in the window of a tenant nothing of another one',
    async () => {
      const acme = await windowOf('acme');
      const globex = await windowOf('globex');
      await lookAround(acme, CANARIES.acme);
      await lookAround(globex, CANARIES.globex);
      for (const [page, own, other] of [
        [acme, CANARIES.acme, CANARIES.globex],
        [globex, CANARIES.globex, CANARIES.acme],
      ] as const) {
        expect(await page.content()).toContain(own);
        const memory = await memoryOf(page);
        expect(memory).toContain(own);
        expect(memory).not.toContain(other);
        expect(await page.content()).not.toContain(other);
        const storage = await storageOf(page);
        for (const kept of [own, other, 'eyJ']) expect(storage).not.toContain(kept);
      }
    },
    SLOW_MS,
  );

  test(
    'ends an open page at once when its user is removed, with everything it showed',
    async () => {
      const caller = await server().as('owner', 'acme');
      const { data } = await caller.query<{ members: { nodes: { id: string }[] } }>(
        '{ members(filter: { userId: "demo|acme|admin" }) { nodes { id } } }',
      );
      const opened = await openWindow(browser());
      windows.push(opened);
      const { page } = opened;
      await signIn(page, server().url, (await server().as('admin', 'acme')).token);
      await lookAround(page, CANARIES.acme);
      // Nothing is clicked: the page learns of it by itself.
      await caller.query('mutation ($id: ID!) { removeMember(input: { id: $id }) { deletedId } }', {
        id: data.members.nodes[0]!.id,
      });
      await page.getByText('You are not, or no longer, a member of this organisation.').waitFor();
      const content = await page.content();
      for (const shown of [CANARIES.acme, 'owner@acme.test', 'membership.'])
        expect(content).not.toContain(shown);
      await page.goto(`${server().url}/app/members`);
      await page.getByLabel('Token').waitFor();
    },
    SLOW_MS,
  );
});

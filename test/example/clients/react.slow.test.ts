/**
 * The examples of React applications (examples/), each built and opened in a browser: a list page by page, mutations
 * that show in the list, and a subscription that goes on after the server was killed.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildExample, EXAMPLES, PAGE, type Example } from '../../../scripts/example/build.js';
import { freePort, servePages, startServerFor, tokenOf, type Pages } from '../../support/browser-server.js';
import { endChildrenAfterAll, type Child } from '../../support/child.js';
import { startChromium, withoutChromium } from '../../support/chromium.js';
import { useDatabase } from '../../support/database.js';
import { insertConversation } from '../../support/example-rows.js';
import { subscriptionsAt } from '../../support/subscriber.js';
import { until } from '../../support/until.js';

endChildrenAfterAll();
const database = useDatabase();

/** A browser and a server on a busy machine. */
const SLOW_MS = 300_000;
const PATIENCE_MS = 120_000;

interface Shown {
  readonly example: Example;
  readonly page: Page;
  /** What the page could not handle. */
  readonly defects: string[];
}

describe.skipIf(withoutChromium())('an application in a browser', () => {
  let browser: Browser;
  const served = new Map<Example, Pages>();
  let port: number;

  beforeAll(async () => {
    browser = await startChromium();
    const page = await readFile(PAGE, 'utf8');
    for (const example of EXAMPLES) {
      served.set(example, await servePages({ '/': page, '/main.js': await buildExample(example) }));
    }
    port = await freePort();
  }, SLOW_MS);
  afterAll(async () => {
    await browser.close();
    for (const pages of served.values()) pages.close();
  });

  const start = (): Promise<Child> => startServerFor([...served.values()], database(), port);
  const url = () => `http://127.0.0.1:${String(port)}`;
  const add = async (subject: string) => {
    await insertConversation(database(), 'acme', { subject });
    return subject;
  };

  async function open(example: Example): Promise<Shown> {
    const page = await (await browser.newContext()).newPage();
    const defects: string[] = [];
    page.on('pageerror', (error) => defects.push(String(error)));
    await page.goto(served.get(example)!.url);
    await page.getByLabel('Address of the API').fill(`${url()}/graphql`);
    await page.getByLabel('Token').fill(await tokenOf(database(), 'member'));
    await page.getByRole('button', { name: 'Sign in' }).click();
    return { example, page, defects };
  }

  const subjects = ({ page }: Shown) => page.locator('li span').allTextContents();
  const shows = (shown: Shown, subject: string) =>
    until(
      `${shown.example} shows "${subject}"`,
      async () => (await subjects(shown)).includes(subject),
      PATIENCE_MS,
    );
  const allShow = (all: readonly Shown[], subject: string) =>
    Promise.all(all.map((shown) => shows(shown, subject)));

  test(
    'reads pages, shows its changes and those of others, and goes on after the server was killed',
    { timeout: SLOW_MS },
    async () => {
      // More than two pages.
      const oldest = await add('the oldest');
      for (let row = 0; row < 10; row++) await add(`row ${String(row)}`);
      const newest = await add('the newest');
      let server = await start();
      const all = await Promise.all(EXAMPLES.map(open));
      await allShow(all, newest);
      for (const shown of all) {
        expect(await subjects(shown)).not.toContain(oldest);
        for (let pages = 1; !(await subjects(shown)).includes(oldest); pages++) {
          const before = (await subjects(shown)).length;
          await shown.page.getByRole('button', { name: 'More' }).click();
          await until(
            `${shown.example} shows page ${String(pages + 1)}`,
            async () => (await subjects(shown)).length > before,
            PATIENCE_MS,
          );
        }
        const rows = await subjects(shown);
        expect(new Set(rows).size, shown.example).toBe(rows.length);
      }

      await until(
        'all subscriptions are in force',
        async () => (await subscriptionsAt({ url: url() })) === all.length,
        PATIENCE_MS,
      );
      for (const shown of all) {
        const { page, example } = shown;
        const created = `created by ${example}`;
        await page.getByLabel('Subject').fill(created);
        await page.getByRole('button', { name: 'Create' }).click();
        await allShow(all, created);
        const renamed = `renamed by ${example}`;
        await page.getByLabel('Subject').fill(renamed);
        await page.getByRole('listitem').filter({ hasText: created }).getByRole('button').click();
        await allShow(all, renamed);
        await until(
          `${example} shows the former subject no longer`,
          async () => !(await subjects(shown)).includes(created),
          PATIENCE_MS,
        );
      }

      await allShow(all, await add(`by somebody else ${randomUUID()}`));
      server.kill('SIGKILL');
      await server.ended;
      const missed = await add(`missed ${randomUUID()}`);
      server = await start();
      await allShow(all, missed);
      await allShow(all, await add(`after the restart ${randomUUID()}`));
      for (const { page, example, defects } of all) {
        expect(await page.getByRole('alert').count(), example).toBe(0);
        expect(defects, example).toEqual([]);
      }
      server.kill('SIGTERM');
      await server.ended;
    },
  );
});

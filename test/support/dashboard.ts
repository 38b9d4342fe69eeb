/** Opens the dashboard in a browser, as a user would, and keeps what must not happen: errors, and requests elsewhere. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { dashboardFiles, type Pages } from '../../src/http/dashboard-files.js';
import { startChromium } from './chromium.js';

/** A build and a browser on a busy machine. */
export const SLOW_MS = 240_000;

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** A window of the dashboard. */
export interface Window {
  readonly page: Page;
  /** Errors in the console, exceptions, and what the Content-Security-Policy refused. */
  readonly problems: string[];
  /** The origins that were asked for something. */
  readonly origins: Set<string>;
  close(): Promise<void>;
}

/** Starts a browser for the tests of this file. Call it at the top level of a `describe`. */
export function useBrowser(pages: Pages = 'tenants'): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    // Otherwise the first page waits for it.
    await dashboardFiles(pages);
    browser = await startChromium();
  }, SLOW_MS);
  afterAll(() => browser?.close());
  return () => {
    if (!browser) throw new Error('the browser exists in tests only');
    return browser;
  };
}

/** A window that nobody has signed in to. */
export async function openWindow(browser: Browser, options: BrowserContextOptions = {}): Promise<Window> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  context.setDefaultTimeout(SLOW_MS / 3);
  const problems: string[] = [];
  const origins = new Set<string>();
  const page = await context.newPage();
  context.on('request', (request) => origins.add(new URL(request.url()).origin));
  page.on('websocket', (socket) => origins.add(new URL(socket.url()).origin.replace(/^ws/, 'http')));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  return { page, problems, origins, close: () => context.close() };
}

/** Opens a page of the dashboard with a token. */
export async function signIn(page: Page, url: string, token: string, path = '/'): Promise<void> {
  await page.goto(`${url}/app${path}`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.locator('main h1').waitFor();
}

/** Waits until everything that the page reads is there. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}

/** What axe-core finds wrong with the page for people with disabilities: the rule, and where. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Through the protocol of the debugger: the policy of the page allows no script of others.
  await page.evaluate(await readFile(AXE, 'utf8'));
  return page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' at ' + target.join(' ') + ': ' + failureSummary)))`);
}

/** Whether the page is wider than its window. */
export const overflows = (page: Page): Promise<boolean> =>
  page.evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`);

/** The words in cells of tables that are broken in the middle. Recorded values are no words. */
export const brokenWords = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('th, td')].flatMap((cell) => {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    const broken = [];
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      if (text.parentElement.closest('.diff')) continue;
      for (const { 0: word, index } of text.data.matchAll(/[\\p{L}\\d]+/gu)) {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        if (new Set(Array.from(range.getClientRects(), ({ top }) => Math.round(top))).size > 1) broken.push(word);
      }
    }
    return broken;
  })`);

/** Everything that the browser has kept of the page's origin, as text. */
export const storageOf = (page: Page): Promise<string> =>
  page.evaluate(`(async () => JSON.stringify([
    { ...localStorage }, { ...sessionStorage }, document.cookie,
    (await indexedDB.databases()).map(({ name }) => name), await caches.keys(),
  ]))()`);

/** Everything that JavaScript still holds, also the values that nothing shows any more. */
export async function memoryOf(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await session.detach();
  return chunks.join('');
}

/**
 * Measures how fast the dashboard is in a browser whose processor is slowed down four times, as a cheap phone's is: the first
 * contentful paint with an empty cache, and the longest interaction. Fails when a median is over its budget. The budgets are
 * what Web Vitals call good: https://web.dev/articles/vitals.
 *
 *   npm run dashboard:speed
 */
import process from 'node:process';
import type { Browser } from 'playwright-core';
import { startChromium } from '../test/support/chromium.js';
import { withDemoServer } from './demo-server.js';

const SLOWER = 4;
const ROUNDS = 7;
/** In milliseconds. */
const BUDGETS = { 'first contentful paint': 1_800, 'longest interaction': 200 } as const;
type Figure = keyof typeof BUDGETS | 'until the overview is read' | 'from a click to the members';

/** What the page keeps: how long each interaction took until its result was painted. */
const WATCH = `globalThis.interactions = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.interactionId) interactions.push(entry.duration);
}).observe({ type: 'event', durationThreshold: 16, buffered: true });`;

const measured = new Map<Figure, number[]>();
const note = (figure: Figure, ms: number): void => {
  measured.set(figure, [...(measured.get(figure) ?? []), ms]);
};

async function round(browser: Browser, url: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 720 }, locale: 'en-GB' });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
  await page.addInitScript(WATCH);
  await page.goto(`${url}/app/`);
  await page.getByRole('button', { name: 'owner@acme.test' }).waitFor();
  note(
    'first contentful paint',
    await page.evaluate<number>("performance.getEntriesByName('first-contentful-paint')[0].startTime"),
  );
  let began = performance.now();
  await page.getByRole('button', { name: 'owner@acme.test' }).click();
  await page.locator('main h1').waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
  note('until the overview is read', performance.now() - began);
  began = performance.now();
  await page.getByRole('link', { name: 'Members', exact: true }).click();
  await page.getByText('in total').waitFor();
  note('from a click to the members', performance.now() - began);
  await page.getByRole('link', { name: 'Conversations', exact: true }).click();
  await page.getByLabel('Search').pressSequentially('invoice');
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
  const interactions = await page.evaluate<number[]>('interactions');
  note('longest interaction', Math.max(0, ...interactions));
  await context.close();
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

await withDemoServer(async (url) => {
  // The pages are built when they are asked for the first time.
  await fetch(`${url}/app/`);
  const browser = await startChromium();
  try {
    for (let each = 0; each < ROUNDS; each++) await round(browser, url);
  } finally {
    await browser.close();
  }
});
console.log(
  `| of ${String(ROUNDS)} rounds, processor ${String(SLOWER)} times slower | median | longest | budget |`,
);
console.log('| --- | --- | --- | --- |');
for (const [figure, values] of measured) {
  const budget = figure in BUDGETS ? BUDGETS[figure as keyof typeof BUDGETS] : undefined;
  if (budget !== undefined && median(values) > budget) process.exitCode = 1;
  const cells = [median(values), Math.max(...values), budget].map((ms) =>
    ms === undefined ? '' : `${ms.toFixed(0)} ms`,
  );
  console.log(`| ${figure} | ${cells.join(' | ')} |`);
}

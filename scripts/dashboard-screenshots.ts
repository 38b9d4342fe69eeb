/**
 * Makes the pictures of the dashboard and of the operators' console in docs/images, of a demo server. They are for people who
 * read the documentation; tests do not compare them.
 *
 *   npm run dashboard:screenshots
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startChromium } from '../test/support/chromium.js';
import { withDemoServer } from './demo-server.js';

const FOLDER = fileURLToPath(new URL('../docs/images/', import.meta.url));

const PICTURES: readonly (readonly [title: string, file: string])[] = [
  ['Overview', 'overview'],
  ['Conversations', 'conversations'],
  ['Members', 'members'],
  ['Invitations', 'invitations'],
  ['Roles', 'roles'],
  ['API keys', 'api-keys'],
  ['Webhooks', 'webhooks'],
  ['Jobs', 'jobs'],
  ['Audit log', 'audit-log'],
  ['Settings', 'settings'],
  ['Plan', 'plan'],
  ['Exports and erasure', 'exports'],
];

await mkdir(FOLDER, { recursive: true });
await withDemoServer(takePictures);

async function takePictures(url: string): Promise<void> {
  const browser = await startChromium();
  try {
    const light = await open(browser, url, 'light');
    for (const [title, file] of PICTURES) {
      await show(light, title);
      await light.screenshot({ path: join(FOLDER, `dashboard-${file}.png`) });
    }
    const dark = await open(browser, url, 'dark');
    await show(dark, 'Audit log');
    await dark.getByRole('button', { name: 'Verify' }).click();
    await dark.getByText('The log is intact').waitFor();
    await dark.locator('summary').first().click();
    await dark.screenshot({ path: join(FOLDER, 'dashboard-dark.png') });
    await takePicturesOfConsole(browser, url);
  } finally {
    await browser.close();
  }
}

async function takePicturesOfConsole(
  browser: Awaited<ReturnType<typeof startChromium>>,
  url: string,
): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1100, height: 720 }, locale: 'en-GB' });
  await page.goto(`${url}/operator/`);
  await page.getByRole('button', { name: 'operator@demo.test' }).click();
  await page.getByText('in total').waitFor();
  await page.screenshot({ path: join(FOLDER, 'console-tenants.png') });
  await page.getByRole('link', { name: 'acme' }).click();
  await page.getByLabel('Reason', { exact: true }).fill('Ticket 42');
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('button', { name: 'Verify the audit log' }).click();
  await page.getByText('The log is intact').waitFor();
  await page.screenshot({ path: join(FOLDER, 'console-tenant.png') });
  await page.getByRole('button', { name: 'Act in it' }).click();
  await page.getByRole('dialog').getByLabel('Reason', { exact: true }).fill('Ticket 43');
  await page.screenshot({ path: join(FOLDER, 'console-impersonate.png') });
}

async function open(
  browser: Awaited<ReturnType<typeof startChromium>>,
  url: string,
  colorScheme: 'light' | 'dark',
): Promise<Page> {
  const page = await browser.newPage({
    viewport: { width: 1100, height: 720 },
    locale: 'en-GB',
    colorScheme,
  });
  await page.goto(`${url}/app/`);
  await page.getByRole('button', { name: 'owner@acme.test' }).click();
  await page.getByRole('navigation').waitFor();
  return page;
}

async function show(page: Page, title: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: title, exact: true }).click();
  await page.locator('main h1').waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}

/**
 * Proves that the GraphiQL page works in a real browser as somebody with a token uses it, shows what their role may use,
 * and needs nothing but this server: the browser cannot resolve any name.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChromium, withoutChromium } from '../support/chromium.js';
import { useServer } from '../support/server.js';

const server = useServer();

/** A browser on a busy machine; nine megabytes of page. */
const SLOW_MS = 60_000;

describe.skipIf(withoutChromium())('GraphiQL', () => {
  let browser: Browser | undefined;
  let page: Page;
  let origins: string[];
  let problems: string[];

  beforeAll(async () => {
    browser = await startChromium();
  }, SLOW_MS);
  afterAll(() => browser?.close());
  beforeEach(async () => {
    origins = [];
    problems = [];
    const context = await browser!.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    context.setDefaultTimeout(SLOW_MS / 3);
    page = await context.newPage();
    context.on('request', (request) => origins.push(new URL(request.url()).origin));
    page.on('websocket', (socket) => origins.push(new URL(socket.url()).origin));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(`${server().url}/graphiql`);
  }, SLOW_MS);
  afterEach(() => page.context().close());

  const editor = (name: string) => page.getByRole('region', { name, exact: true });
  const button = (name: string | RegExp) => page.getByRole('button', { name });
  const explorer = () => page.locator('.graphiql-doc-explorer');

  /** Puts the token where the page says, from the clipboard. */
  async function pasteToken(token: string): Promise<void> {
    const headers = editor('Headers');
    await headers.getByText('<paste a token>').click();
    await page.keyboard.press('ControlOrMeta+A');
    const text = JSON.stringify({ authorization: `Bearer ${token}` });
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
    await page.keyboard.press('ControlOrMeta+V');
    await headers.getByText(token.slice(0, 20)).waitFor();
  }

  /** The names of the fields that the documentation has of a type, after the way there. */
  async function documentedFields(...way: string[]): Promise<string[]> {
    for (const link of way) await explorer().getByRole('link', { name: link, exact: true }).first().click();
    await explorer()
      .locator('.graphiql-doc-explorer-title', { hasText: way.at(-1)! })
      .waitFor();
    return explorer().locator('.graphiql-doc-explorer-field-name').allTextContents();
  }

  async function openDocumentation(user: string): Promise<void> {
    const { token } = await server().as(user, 'acme');
    await pasteToken(token);
    const introspected = page.waitForResponse(
      (response) => response.url().endsWith('/graphql') && response.status() === 200,
    );
    await button(/^Re-fetch GraphQL schema/).click();
    await introspected;
    await button('Show Documentation Explorer').click();
  }

  test(
    'runs a query with the pasted token',
    async () => {
      const { token } = await server().as('viewer', 'acme');
      await pasteToken(token);
      problems.length = 0;
      await button(/^Execute query/).click();
      const result = editor('Result Window');
      for (const text of ['"demo|acme|viewer"', '"VIEWER"', '"Acme Inc."'])
        await result.getByText(text).waitFor();
      expect(problems).toEqual([]);
    },
    SLOW_MS,
  );

  test(
    'documents what the role may use, and not what it may not',
    async () => {
      await openDocumentation('viewer');
      const query = await documentedFields('Query');
      expect(query).toEqual(expect.arrayContaining(['me', 'tenant', 'members']));
      for (const field of ['auditLog', 'invitations', 'apiKeys']) expect(query).not.toContain(field);
      const tenant = await documentedFields('Tenant');
      expect(tenant).toEqual(expect.arrayContaining(['name', 'slug']));
      for (const field of ['plan', 'billingEmail', 'settings']) expect(tenant).not.toContain(field);
    },
    SLOW_MS,
  );

  test(
    'documents to an owner what a viewer does not see',
    async () => {
      await openDocumentation('owner');
      expect(await documentedFields('Query')).toEqual(
        expect.arrayContaining(['auditLog', 'invitations', 'apiKeys']),
      );
      expect(await documentedFields('Tenant')).toEqual(
        expect.arrayContaining(['plan', 'billingEmail', 'settings']),
      );
    },
    SLOW_MS,
  );

  afterEach(() => {
    // Monaco's workers come from blobs of the page; they have its origin.
    expect(new Set(origins)).toEqual(new Set([server().url]));
  });
});

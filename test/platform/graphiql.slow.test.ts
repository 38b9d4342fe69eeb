/**
 * Proves that the GraphiQL page works in a real browser for a user with a token, shows only what the user's role may
 * use, and needs only this server: the browser cannot resolve any host name.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChromium, withoutChromium } from '../support/chromium.js';
import { useServer } from '../support/server.js';

const server = useServer();

/** A browser on a busy machine; nine megabytes of page. */
const SLOW_MS = 240_000;

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

  const put = async (text: string) => {
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.press('ControlOrMeta+V');
  };
  const introspection = () =>
    page.waitForResponse(
      (response) =>
        response.url().endsWith('/graphql') &&
        (response.request().postData()?.includes('IntrospectionQuery') ?? false),
    );

  /** Pastes a token where the page says, from the clipboard. The page then fetches the schema by itself. */
  async function pasteToken(text: string): Promise<void> {
    const introspected = introspection();
    await page.getByLabel('Token').click();
    await put(text);
    expect((await introspected).status()).toBe(200);
    await page.getByText('Schema fetched').waitFor();
  }

  /** What the editor offers at the end of this text, once `wanted` is among it. */
  async function offered(text: string, wanted: string): Promise<string[]> {
    const labels = page.locator('.suggest-widget .monaco-list-row .label-name');
    // The page draws the editor anew when it has another schema: a text that was pasted before may be lost, and the editor
    // learns of the schema a moment later than the page.
    let suggestions: string[] = [];
    await expect
      .poll(
        async () => {
          await page.keyboard.press('Escape');
          await editor('Operation Editor').locator('.view-lines').click();
          await put(text);
          await page.keyboard.press('Control+Space');
          await labels
            .filter({ hasText: wanted })
            .first()
            .waitFor({ timeout: 5_000 })
            .catch(() => undefined);
          suggestions = await labels.allTextContents();
          return suggestions;
        },
        { timeout: SLOW_MS / 3 },
      )
      .toContain(wanted);
    return suggestions;
  }

  /** Follows the links of the documentation and returns the names of the fields on the last page. */
  async function documentedFields(...way: string[]): Promise<string[]> {
    for (const link of way) await explorer().getByRole('link', { name: link, exact: true }).first().click();
    await explorer()
      .locator('.graphiql-doc-explorer-title', { hasText: way.at(-1)! })
      .waitFor();
    return explorer().locator('.graphiql-doc-explorer-field-name').allTextContents();
  }

  async function openDocumentation(user: string): Promise<void> {
    await pasteToken((await server().as(user, 'acme')).token);
    await button('Show Documentation Explorer').click();
  }

  test.each([
    ['bare', (token: string) => token],
    ['with Bearer', (token: string) => `Bearer ${token}`],
    ['as a header', (token: string) => `  authorization: bearer ${token}\n`],
  ])(
    'runs a query with a token that is pasted %s',
    async (_name, written) => {
      await pasteToken(written((await server().as('viewer', 'acme')).token));
      await button(/^Execute query/).click();
      const result = editor('Result Window');
      for (const text of ['"demo|acme|viewer"', '"VIEWER"', '"Acme Inc."'])
        await result.getByText(text).waitFor();
      expect(problems).toEqual([]);
    },
    SLOW_MS,
  );

  test(
    'completes what the role may use as soon as the token is pasted, and again for the next token',
    async () => {
      await pasteToken((await server().as('viewer', 'acme')).token);
      expect(await offered('{ tenant { s', 'slug')).not.toContain('settings');
      await pasteToken((await server().as('owner', 'acme')).token);
      expect(await offered('{ tenant { s', 'settings')).toContain('slug');
    },
    SLOW_MS,
  );

  test(
    'takes a bare token in the pane of the headers as well, and sends nothing without any',
    async () => {
      await button(/^Execute query/).click();
      await editor('Result Window').getByText('Choose a user or paste a token above.').waitFor();
      const { token } = await server().as('owner', 'globex');
      await page.getByRole('button', { name: 'Headers', exact: true }).click();
      await editor('Headers').locator('.view-lines').last().click();
      const introspected = introspection();
      await put(JSON.stringify({ authorization: token }));
      await button(/^Execute query/).click();
      await editor('Result Window').getByText('"demo|globex|owner"').waitFor();
      expect((await introspected).status()).toBe(200);
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
    // Monaco starts its workers from blobs, which have the origin of the page.
    expect(new Set(origins)).toEqual(new Set([server().url]));
  });
});

/**
 * Proves that subscriptions in a browser survive the restart of the server: three users over WebSocket and one over
 * server-sent events, a server that stops and one that dies. Each client is told that it may have missed changes, reads
 * again, and gets every change from then on.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
const USERS = [
  { user: 'owner', way: 'websocket' },
  { user: 'admin', way: 'websocket' },
  { user: 'member', way: 'websocket' },
  { user: 'viewer', way: 'stream' },
];

/** What one page has told. */
interface Told {
  readonly what: string;
  readonly value: string | undefined;
}

describe.skipIf(withoutChromium())('subscribers in a browser', () => {
  let browser: Browser;
  let pages: Pages;
  let port: number;

  beforeAll(async () => {
    browser = await startChromium();
    pages = await servePages(await bundledPage());
    port = await freePort();
  }, SLOW_MS);
  afterAll(async () => {
    await browser.close();
    pages.close();
  });

  const start = (): Promise<Child> => startServerFor([pages], database(), port);

  /** A page of its own, as another user has it. */
  async function open({ user, way }: (typeof USERS)[number]): Promise<Told[]> {
    const told: Told[] = [];
    const page = await (await browser.newContext()).newPage();
    await page.exposeFunction('tell', (what: string, value?: string) => void told.push({ what, value }));
    await page.goto(pages.url);
    const token = await tokenOf(database(), user);
    await page.evaluate(`start('${way}', 'http://127.0.0.1:${String(port)}/graphql', '${token}')`);
    return told;
  }

  const has = (told: readonly Told[], what: string, value?: string) =>
    told.some((each) => each.what === what && each.value === value);

  test(
    'get every change after each restart, and are told that they may have missed some',
    { timeout: SLOW_MS },
    async () => {
      let server = await start();
      const url = `http://127.0.0.1:${String(port)}`;
      const subscribers = await Promise.all(USERS.map(open));
      const allHave = (what: string, value?: string) => () =>
        subscribers.every((told) => has(told, what, value));
      const inForce = () =>
        until(
          'all subscriptions are in force',
          async () => (await subscriptionsAt({ url })) === USERS.length,
          PATIENCE_MS,
        );
      const change = async () => {
        const subject = `change ${randomUUID()}`;
        await insertConversation(database(), 'acme', { subject });
        return subject;
      };

      await inForce();
      const before = await change();
      await until('all are told of a change', allHave('seen', before), PATIENCE_MS);
      expect(subscribers.some((told) => has(told, 'missed'))).toBe(false);

      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        for (const told of subscribers) told.length = 0;
        server.kill(signal);
        await server.ended;
        const missed = await change();
        await until(
          'all have been refused a connection',
          () => subscribers.every((told) => told.filter(({ what }) => what === 'refused').length >= 3),
          PATIENCE_MS,
        );
        server = await start();
        await until('all know that they may have missed changes', allHave('missed'), PATIENCE_MS);
        await until('all have read what they missed', allHave('seen', missed), PATIENCE_MS);
        const changes = [await change(), await change(), await change()];
        for (const each of changes) await until('all see each change', allHave('seen', each), PATIENCE_MS);
      }
      expect(subscribers.flat().filter(({ what }) => what === 'ended')).toEqual([]);
      server.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0, signal: null });
    },
  );
});

/** The page has only its script. */
async function bundledPage(): Promise<Record<string, string>> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('browser-page.ts', import.meta.url))],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    write: false,
  });
  return { '/': '<!doctype html><script src="/page.js"></script>', '/page.js': outputFiles[0]!.text };
}

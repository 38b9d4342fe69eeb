/**
 * GraphiQL of a development server: users of the demo can be chosen, and subscriptions run. The tokens of the demo are
 * given to a browser on the same machine only.
 */
import { connect } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/app.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { demoUsers } from '../../src/demo-users.js';
import { Drain } from '../../src/http/drain.js';
import { startChromium, withoutChromium } from '../support/chromium.js';
import { createNotes } from '../support/notes.js';
import { modules } from '../support/note-events.js';
import { TEST_SECRET, useServer } from '../support/server.js';
import { subscriptionsAt } from '../support/subscriber.js';
import { until } from '../support/until.js';

const server = useServer({ modules });
/** A browser on a busy machine; nine megabytes of page. */
const SLOW_MS = 240_000;

/** The same server with the users of its demo. */
let app: Awaited<ReturnType<typeof buildApp>>;
let url: string;
beforeAll(async () => {
  await createNotes(server().database);
  const { services, config } = server();
  const signing = { secret: TEST_SECRET, issuer: config.jwtIssuer, audience: config.jwtAudience };
  app = await buildApp(services, new Drain(), { users: demoUsers(services.database, signing) });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app.close());

describe('the users of the demo', () => {
  /** What is answered to a request with these headers. */
  async function usersFor(headers: string): Promise<unknown> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    socket.write(`GET /graphiql/users HTTP/1.1\r\nconnection: close\r\n${headers}\r\n\r\n`);
    await until('it is answered', () => socket.closed);
    return JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
  }

  test.each(['localhost', 'localhost:4000', 'acme.localhost:4000', '127.0.0.1:4000', '[::1]:4000'])(
    'are given to a browser that asks %s',
    async (host) => {
      const users = await usersFor(`host: ${host}`);
      expect(users).toHaveLength(8);
      expect(users).toContainEqual({ email: 'viewer@globex.test', token: expect.any(String) as string });
    },
  );

  test.each([
    'host: evil.example.com',
    'host: localhost.evil.example.com',
    'host: 192.168.0.7:4000',
    'host: localhost\r\nx-forwarded-for: 192.168.0.7',
    'host: localhost\r\nforwarded: for=192.168.0.7',
  ])('are not given for %j', async (headers) => {
    expect(await usersFor(headers)).toEqual([]);
  });

  test('are not given by a server that was not told to', async () => {
    expect(await (await fetch(`${server().url}/graphiql/users`)).json()).toEqual([]);
  });

  test('are no page of another origin’s', async () => {
    const answer = await fetch(`${url}/graphiql/users`, { headers: { origin: 'https://evil.example.com' } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe.skipIf(withoutChromium())('in a browser', () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await startChromium();
  }, SLOW_MS);
  afterAll(() => browser.close());
  beforeEach(async () => {
    const context = await browser.newContext();
    context.setDefaultTimeout(SLOW_MS / 3);
    page = await context.newPage();
  });
  afterEach(() => page.context().close());

  const choose = async (email: string) => {
    await page.getByLabel('User').selectOption(email);
    await page.getByText('Schema fetched').waitFor();
  };

  test(
    'a chosen user is who one is, and so is the next',
    async () => {
      await page.goto(`${url}/graphiql`);
      for (const [email, id] of [
        ['viewer@acme.test', '"demo|acme|viewer"'],
        ['owner@globex.test', '"demo|globex|owner"'],
      ] as const) {
        await choose(email);
        await page.getByRole('button', { name: /^Execute query/ }).click();
        await page.getByRole('region', { name: 'Result Window' }).getByText(id).waitFor();
      }
    },
    SLOW_MS,
  );

  test(
    'a subscription shows its events as they come, until it is stopped',
    async () => {
      const query = 'subscription { noteChanged { kind note { text } } }';
      await page.goto(`${url}/graphiql?query=${encodeURIComponent(query)}`);
      await choose('owner@acme.test');
      await page.getByRole('button', { name: /^Execute query/ }).click();
      await until('it is in force', async () => (await subscriptionsAt({ url })) === 1, SLOW_MS / 3);
      const result = page.getByRole('region', { name: 'Result Window' });
      for (const text of ['the first note', 'the second note']) {
        await addNote(text);
        await result.getByText(text).waitFor();
      }
      await page.getByRole('button', { name: /^Stop/ }).click();
      await until('it has ended', async () => (await subscriptionsAt({ url })) === 0);
    },
    SLOW_MS,
  );
});

async function addNote(text: string): Promise<void> {
  const tenantId = await server().database.tenantId('acme');
  await server()
    .services.database.forTenant({ tenantId, actor: { type: 'user', id: 'test' }, requestId: 'test' })
    .$executeRaw(Prisma.sql`INSERT INTO notes (text) VALUES (${text})`);
}

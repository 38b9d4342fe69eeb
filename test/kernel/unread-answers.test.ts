/** Proves the limits on answers that clients do not read: one answer per connection, a time, and a total of bytes. */
import type { Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { UNREAD_LIMITS } from '../../src/http/unread-answers.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { openRaw } from '../support/raw-connection.js';
import { useServer } from '../support/server.js';
import { until } from '../support/until.js';

/** More bytes than the operating system buffers for a client that does not read. */
const LARGE = 8_000_000;

let worked = 0;
const resolvers: object = {
  Query: {
    text: (_parent: unknown, { bytes }: { bytes: number }) => {
      worked++;
      return 'x'.repeat(bytes);
    },
  },
};
const module = defineModule({
  name: 'texts',
  typeDefs: 'extend type Query { text(bytes: Int!): String @authenticated }',
  resolvers,
});
const server = useServer({ modules: [tenantModule, module], env: { MAX_ANSWER_BYTES: '10000000' } });

let token = '';
beforeAll(async () => {
  ({ token } = await server().as('owner', 'acme'));
});
const defaults = { ...UNREAD_LIMITS };
beforeEach(() => {
  worked = 0;
});
afterEach(() => {
  Object.assign(UNREAD_LIMITS, defaults);
});

function ask(bytes: number): string {
  const body = JSON.stringify({ query: `{ text(bytes: ${String(bytes)}) }` });
  const head = [
    'POST /graphql HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${String(body.length)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** The server's end of each connection. */
const accepted: Socket[] = [];
beforeAll(() => {
  server().app.server.on('connection', (socket) => accepted.push(socket));
});
const unread = () =>
  accepted.reduce((sum, socket) => sum + (socket.destroyed ? 0 : socket.writableLength), 0);

test('requests of one connection are worked off one at a time, and an answer that is not read is dropped', async () => {
  UNREAD_LIMITS.stalledMs = 300;
  const clients = await Promise.all(Array.from({ length: 3 }, () => openRaw(server().url, { paused: true })));
  for (const client of clients) client.send(ask(LARGE).repeat(8));
  await until('each client is worked for', () => worked === clients.length);
  await Promise.all(clients.map(() => until('something is unread', () => unread() > 0)));
  expect(unread()).toBeLessThanOrEqual(clients.length * (LARGE + 2_000));
  // The server destroys the connections of clients that read nothing.
  await until('they are cut off', () => accepted.every(({ destroyed }) => destroyed));
  expect(worked).toBe(clients.length);
  for (const { socket } of clients) socket.destroy();
});

test('requests that are sent ahead are answered in order, one answer after the other', async () => {
  const client = await openRaw(server().url);
  client.send(Array.from({ length: UNREAD_LIMITS.requestsAhead }, (_, n) => ask(n)).join(''));
  await client.says(`"${'x'.repeat(UNREAD_LIMITS.requestsAhead - 1)}"`);
  const lengths = [...client.received.matchAll(/"text":"(x*)"/g)].map(([, text = '']) => text.length);
  expect(lengths).toEqual(Array.from({ length: UNREAD_LIMITS.requestsAhead }, (_, n) => n));
  client.send(ask(100));
  await client.says(`"${'x'.repeat(100)}"`);
  client.socket.destroy();
});

test('a client that sends more of them is cut off', async () => {
  const client = await openRaw(server().url, { paused: true });
  client.send(ask(LARGE) + ask(1).repeat(UNREAD_LIMITS.requestsAhead + 1));
  await until('it is cut off', () => worked >= 1 && accepted.every(({ destroyed }) => destroyed));
  expect(worked).toBe(1);
  client.socket.destroy();
});

test('beyond a total, the answer goes that is under way for longest', async () => {
  UNREAD_LIMITS.bytes = 2.5 * LARGE;
  // No client is disconnected for being slow.
  UNREAD_LIMITS.stalledMs = 600_000;
  const clients = [];
  for (let n = 1; n <= 4; n++) {
    const client = await openRaw(server().url, { paused: true });
    clients.push(client);
    client.send(ask(LARGE));
    await until('it is worked for', () => worked === n);
  }
  const ends = accepted.slice(-4);
  await until('two are cut off', () => ends.filter(({ destroyed }) => destroyed).length === 2);
  expect(ends.map(({ destroyed }) => destroyed)).toEqual([true, true, false, false]);
  // Clients that read get their answers.
  const last = clients[3]!;
  let bytes = 0;
  last.socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await until('it is read', () => bytes > LARGE);
  for (const { socket } of clients) socket.destroy();
});

test('who has read a large answer may take their time with the next request', async () => {
  // Shorter than the time of a connection that is kept, and long enough to read the answer on a slow machine.
  UNREAD_LIMITS.stalledMs = server().app.server.keepAliveTimeout - 1;
  const client = await openRaw(server().url);
  client.send(ask(100_000));
  await client.says(`"${'x'.repeat(100_000)}"`);
  const end = accepted.at(-1)!;
  await until('the time is another', () => end.timeout !== UNREAD_LIMITS.stalledMs);
  expect(end.timeout).toBeGreaterThanOrEqual(server().app.server.keepAliveTimeout);
  client.socket.destroy();
});

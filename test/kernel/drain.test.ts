/** A server that is told to stop: what it reports, whose requests it still answers, and what does not delay its end. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineModule } from '../../src/kernel/graphql/module.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { openRaw } from '../support/raw-connection.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startTestServer } from '../support/server.js';
import { until } from '../support/until.js';

let release = (): void => undefined;
let held = 0;
const resolvers: object = {
  Query: {
    held: () => {
      held++;
      return new Promise((resolve) => (release = () => resolve(1)));
    },
  },
};
const module = defineModule({
  name: 'held',
  typeDefs: 'extend type Query { held: Int @authenticated }',
  resolvers,
});

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** A server that closes no connection for inactivity, so that whatever delays its end does so for ever. */
async function start() {
  const server = await startTestServer({ modules: [tenantModule, module], database });
  const http = server.app.server;
  http.headersTimeout = http.requestTimeout = http.keepAliveTimeout = 0;
  const { token } = await server.as('owner', 'acme');
  const ask = (query: string) => {
    const body = JSON.stringify({ query });
    return `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`;
  };
  return { ...server, ask };
}

const refusal = { errors: [{ message: 'The server is stopping.', extensions: { code: 'UNAVAILABLE' } }] };

function expectRefusal(received: string): void {
  const [head = '', body = ''] = received.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 503 /);
  expect(head).toMatch(/^x-request-id: \S+/im);
  expect(head).toMatch(/^connection: close/im);
  expect(JSON.parse(body)).toEqual(refusal);
}

test('says first that it is not ready, answers what still comes, and closes each connection with its answer', async () => {
  const server = await start();
  const underWay = await openRaw(server.url);
  underWay.send(server.ask('{ held }'));
  await until('a request is under way', () => held === 1);
  server.drain.begin();
  const ready = await fetch(`${server.url}/readyz`);
  expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close']);
  expect(await ready.json()).toEqual({ status: 'draining' });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);

  const late = await openRaw(server.url);
  late.send(server.ask('{ tenant { slug } }'));
  await late.closed;
  expect(late.received).toMatch(/^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n[^]*"acme"/i);
  release();
  await underWay.closed;
  expect(underWay.received).toMatch(/^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n[^]*"held":1/i);

  const socket = await openRaw(server.url);
  socket.send(
    'GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await socket.closed;
  expectRefusal(socket.received);
  await server.close();
});

test('refuses in the documented form what comes when it closes, and finishes what is under way', async () => {
  held = 0;
  const server = await start();
  const [underWay, late] = await Promise.all([openRaw(server.url), openRaw(server.url)]);
  underWay.send(server.ask('{ held }'));
  const request = server.ask('{ tenant { slug } }');
  // The first line has arrived, so Node does not consider the connection idle.
  late.send(request.slice(0, 30));
  await until('a request is under way', () => held === 1);
  const closed = server.close();
  await until('the server listens no more', () => !server.app.server.listening);
  late.send(request.slice(30));
  await late.closed;
  expectRefusal(late.received);
  release();
  await underWay.closed;
  expect(underWay.received).toMatch(/^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n[^]*"held":1/i);
  await closed;
});

test('is held up neither by a connection that was never used nor by one that is kept alive', async () => {
  const server = await start();
  const [unused, keptAlive] = await Promise.all([openRaw(server.url), openRaw(server.url)]);
  keptAlive.send(server.ask('{ tenant { slug } }'));
  await keptAlive.says('acme');
  await server.close();
  await Promise.all([unused.closed, keptAlive.closed]);
});

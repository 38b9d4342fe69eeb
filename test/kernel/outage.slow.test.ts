/**
 * Proves that while PostgreSQL cannot be reached the answer is 503 UNAVAILABLE and never a defect, and that the server
 * recovers by itself.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIMITS } from '../../src/create-services.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

let database: TestDatabase;
let proxy: TcpProxy;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await startTcpProxy(database.app);
  const databaseUrl = proxy.through(database.app);
  server = await startTestServer({ database, databaseUrl, limits: LIMITS });
});
afterAll(async () => {
  await server.close();
  await proxy.close();
  await database.drop();
});

// RATE_LIMITED is for requests that wait too long behind the others.
const CODES = [undefined, 'UNAVAILABLE', 'RATE_LIMITED'];

test('connections that break under load are answered UNAVAILABLE, and new ones are made', async () => {
  const owner = await server.as('owner', 'acme');
  const query = '{ me { tenant { name } } members { totalCount } }';
  const answers = Array.from({ length: 60 }, () => owner.query(query));
  proxy.restore(); // Closes every connection.
  for (const { status, errors } of await Promise.all(answers)) {
    expect([200, 429, 503]).toContain(status);
    for (const { extensions } of errors) expect(CODES).toContain(extensions.code);
  }
  await expect.poll(async () => (await owner.query(query)).errors, { timeout: 30_000 }).toEqual([]);
});

test('a server that has fallen silent is answered 503 in bounded time, and /readyz says so', async () => {
  const owner = await server.as('owner', 'acme');
  proxy.silence();
  // The cached membership is not used when notifications stop.
  const ready = async () => (await fetch(`${server.url}/readyz`)).status;
  await expect.poll(ready, { timeout: 30_000 }).toBe(503);
  const { status, errors } = await owner.query('{ me { tenant { name } } }');
  expect(status === 503 || errors.every(({ extensions }) => extensions.code === 'UNAVAILABLE')).toBe(true);
  proxy.restore();
  await expect.poll(ready, { timeout: 30_000 }).toBe(200);
  await expect
    .poll(async () => (await owner.query('{ me { tenant { name } } }')).errors, { timeout: 30_000 })
    .toEqual([]);
}, 150_000);

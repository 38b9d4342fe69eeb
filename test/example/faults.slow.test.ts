/**
 * Proves that no fault of a connection to the database ends the server or leaves it damaged. The server is a process of
 * its own, so that the test sees when it ends. To run it for a minute: TEST_FAULT_SECONDS=60 npx vitest run
 * test/example/faults.slow.test.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workingBackends } from '../support/backends.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { faultsOf, keepAsking, seededNumbers } from '../support/fault-campaign.js';
import { askServer, startServer } from '../support/running-server.js';
import { endSubscribersAfterEach, subscriberOf } from '../support/subscriber.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const SECONDS = Number(process.env['TEST_FAULT_SECONDS'] ?? 3);
const SEED = Number(process.env['TEST_FAULT_SEED'] ?? 4711);
const POOL = 5;

let database: TestDatabase;
let proxy: TcpProxy;
let dataDir: string;
endChildrenAfterAll();
endSubscribersAfterEach(() => []);
beforeAll(async () => {
  [database, dataDir] = await Promise.all([
    createTestDatabase(),
    mkdtemp(join(tmpdir(), 'tenantry-faults-')),
  ]);
  proxy = await startTcpProxy(database.app);
});
afterAll(async () => {
  await proxy.close();
  await rm(dataDir, { recursive: true });
  await database.drop();
});

const environment = () => ({
  DATABASE_URL: proxy.through(database.app),
  DATABASE_POOL_SIZE: String(POOL),
  REQUEST_TIMEOUT_MS: '2000',
  TENANTRY_DATA_DIR: dataDir,
  NODE_OPTIONS: '--trace-deprecation',
  ...(database.contextKey !== undefined && { CONTEXT_SIGNING_KEY: database.contextKey }),
});

const numbers = seededNumbers(SEED);
const PAUSE_MS = 40;

/**
 * Causes random faults of every kind until `isOver` returns true. The pauses between them grow after `SECONDS`: on a
 * slow machine no connection would ever live long enough for one request.
 */
async function breakConnections(isOver: () => boolean): Promise<void> {
  const faults = Object.values(faultsOf(database, proxy));
  const growsAt = Date.now() + SECONDS * 1_000;
  while (!isOver()) {
    await faults[numbers() % faults.length]!(numbers());
    await wait((numbers() % PAUSE_MS) + Math.max(0, Date.now() - growsAt) / 20);
  }
}

/** Requires that the output has no crash, no unhandled error and no warning of Node. */
function expectQuiet(stderr: string): void {
  expect(stderr).not.toMatch(/Unhandled|uncaught|DeprecationWarning|MaxListeners|\n\s+at /);
}

test(
  `a server lives through ${String(SECONDS)} seconds of faults, and is whole afterwards (seed ${String(SEED)})`,
  async () => {
    const server = await startServer(environment());
    const endsAt = Date.now() + SECONDS * 1_000;
    let hasEnded = false;
    void server.ended.then(() => (hasEnded = true));
    const told = new Map<string, number>();
    // On a slow machine it takes longer until a request succeeds.
    const isOver = () =>
      hasEnded || Date.now() > endsAt + 60_000 || (Date.now() > endsAt && (told.get('none') ?? 0) > 0);
    const subscriber = subscriberOf(server, {
      token: server.tokens['owner@acme.test']!,
      retryAttempts: 1_000,
    });
    const watched = subscriber.subscribe('subscription { conversationChanged { kind } }');
    await Promise.all([
      breakConnections(isOver),
      ...Array.from({ length: 2 * POOL }, () => keepAsking(server, isOver, numbers, told)),
    ]);
    expect(hasEnded, server.stderr).toBe(false);
    proxy.restore();
    // All codes are expected ones, and not all requests failed.
    const unexpected = [...told.keys()].filter((code) => !EXPECTED.has(code));
    expect(unexpected, `${server.stdout.slice(-8_000)}${server.stderr}`).toEqual([]);
    expect(told.get('none') ?? 0, JSON.stringify([...told])).toBeGreaterThan(0);
    watched.stop();

    await until('the server is ready', async () => (await fetch(`${server.url}/readyz`)).status === 200);
    await until(
      'no backend works for the server',
      async () => (await workingBackends(database)).length === 0,
    );
    const [me] = [server.tokens['owner@acme.test']!];
    const many = () =>
      Array.from({ length: 4 * POOL }, () => askServer(server.url, me, '{ members { totalCount } }'));
    // On a slow machine all of them together may take longer than one request may.
    await until('many requests at once are answered', async () =>
      (await Promise.all(many())).every(({ errors }) => errors === undefined),
    );
    // An answer may arrive before its connection is back in the pool.
    await until('the pool is whole', async () => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      const pool = (state: string) =>
        Number(new RegExp(`tenantry_pool_connections\\{state="${state}"\\} (\\d+)`).exec(metrics)?.[1]);
      return pool('active') === 0 && pool('waiting') === 0 && pool('idle') <= POOL;
    });

    // The server must also stop in order while faults go on.
    let isGone = false;
    void server.ended.then(() => (isGone = true));
    const breaking = breakConnections(() => isGone);
    const asking = keepAsking(server, () => isGone, numbers, new Map());
    server.kill('SIGTERM');
    const ended = await server.ended;
    await Promise.all([breaking, asking]);
    proxy.restore();
    expect([ended.code, ended.signal]).toEqual([0, null]);
    expectQuiet(ended.stderr);
  },
  (SECONDS + 180) * 1_000,
);

/**
 * RATE_LIMITED is expected because one user sends all requests, which wait for that user's share of the connections.
 */
const EXPECTED = new Set([
  'none',
  'no answer',
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'CONFLICT',
  'RATE_LIMITED',
]);

test('a server that starts among faults runs, or says in one sentence why it does not', async () => {
  const child = startChild('src/main.ts', [], { PORT: '0', LOG_LEVEL: 'warn', ...environment() });
  let isOver = false as boolean;
  const breaking = breakConnections(() => isOver);
  const started = await Promise.race([
    child.says(/Tenantry is running\./, 200_000).then(() => true),
    child.ended.then(() => false),
  ]);
  isOver = true;
  await breaking;
  proxy.restore();
  child.kill('SIGTERM');
  const { code, stderr } = await child.ended;
  expect(code).toBe(started ? 0 : 1);
  expectQuiet(stderr);
}, 240_000);

/**
 * Proves, over HTTP, that one tenant's flood of slow requests keeps nobody else waiting; that waits in the gate in front of
 * the pool end with the caller's access and with the server; that thousands of abandoned requests leave nothing behind;
 * and that requests which would only wait are refused before they are read. Slow statements wait for a lock of the test.
 */
import pg from 'pg';
import { afterEach, beforeAll, afterAll, describe, expect, test, vi } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { defineModule } from '../../src/kernel/graphql/module.js';
import type { RequestContext } from '../../src/kernel/graphql/request-context.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { mostBackendsDuring, waitingForAdvisoryLock, workingBackends } from '../support/backends.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { errorsOf, nextOf, socketClient, type SocketPayload } from '../support/socket-requests.js';
import { endSubscribersAfterEach, subscriptionsAt } from '../support/subscriber.js';
import { until } from '../support/until.js';

const POOL = 4;
const LOCK = 1_911;
const PATIENT = { maxWait: 300_000, timeout: 300_000, statementTimeout: 300_000 };
/** Of 100 requests that are abandoned. With a larger TEST_FAULT_SECONDS it is thousands. */
const WAVES = 2 * Number(process.env['TEST_FAULT_SECONDS'] ?? 3);

const resolvers: object = {
  Query: {
    held: async (_parent: unknown, _args: unknown, { db }: RequestContext) =>
      (
        await db.$queryRaw<{ one: number }>(
          Prisma.sql`SELECT 1 AS one FROM pg_advisory_xact_lock_shared(1911)`,
        )
      ).length,
  },
  Subscription: { silent: { subscribe: silence } },
};
/** Ends with the subscription. */
function silence(): AsyncIterableIterator<never> {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return {
    next: async () => {
      await ended;
      return { value: undefined, done: true };
    },
    return: async () => {
      end();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
const heldModule = defineModule({
  name: 'held',
  typeDefs: `
    extend type Query { "Waits for the lock of the test." held: Int @authenticated }
    extend type Subscription { "Never has an event." silent: Int @authenticated }`,
  resolvers,
});

let database: TestDatabase;
let server: TestServer;
let holder: pg.Client | undefined;

const start = () =>
  startTestServer({
    database,
    limits: PATIENT,
    modules: [tenantModule, membershipModule, heldModule],
    env: { REQUEST_TIMEOUT_MS: '300000', DATABASE_POOL_SIZE: String(POOL) },
  });
const hold = async () => {
  holder = new pg.Client({ connectionString: database.superuser });
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock($1)', [LOCK]);
};
const letGo = async () => {
  await holder?.end();
  holder = undefined;
};

beforeAll(async () => {
  database = await createTestDatabase();
  server = await start();
});
afterEach(letGo);
endSubscribersAfterEach(() => [server]);
afterAll(async () => {
  await server.close();
  await database.drop();
});

const waiting = (of: TestServer) => {
  const { tenant, caller } = of.services.database.pool.waitingForShare;
  return tenant + caller;
};

test('one tenant’s flood of slow requests keeps neither others nor probes waiting', async () => {
  const [flooding, other] = await Promise.all([server.as('owner', 'acme'), server.as('owner', 'globex')]);
  await hold();
  const flood = Array.from({ length: 100 }, () => flooding.query('{ held }'));
  await until('the flood waits', () => waiting(server) >= 98);
  for (let n = 0; n < 20; n++) {
    expect((await other.query('{ members { totalCount } }')).errors).toEqual([]);
  }
  for (const path of ['healthz', 'readyz']) expect((await fetch(`${server.url}/${path}`)).status).toBe(200);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/tenantry_pool_waiting\{reason="(caller|tenant)"\} [1-9]/);
  await letGo();
  for (const { errors } of await Promise.all(flood)) expect(errors).toEqual([]);
  expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(
    /tenantry_pool_wait_seconds_count [1-9]\d+/,
  );
});

describe('a request that waits in the gate', () => {
  test('ends at once when its caller loses the membership, and others wait on', async () => {
    const [owner, viewer] = await Promise.all([server.as('owner', 'acme'), server.as('viewer', 'acme')]);
    const acme = await database.tenantId('acme');
    await Promise.all([owner, viewer].map((each) => each.query('{ me { userId } }')));
    await hold();
    // The tenant's two connections: of another caller, so that nobody waits for themselves.
    const held = [owner, await server.as('admin', 'acme')].map((each) => each.query('{ held }'));
    await until('the connections are in use', async () => (await waitingForAdvisoryLock(database)) === 2);
    const late = viewer.query('{ members { totalCount } }');
    await until('it waits', () => waiting(server) === 1);
    await database.asSuperuser('DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2', [
      acme,
      'demo|acme|viewer',
    ]);
    const { errors } = await late;
    expect(errors[0]).toMatchObject({ extensions: { code: 'FORBIDDEN', requires: 'membership' } });
    expect(waiting(server)).toBe(0);
    await letGo();
    for (const answer of await Promise.all(held)) expect(answer.errors).toEqual([]);
  });

  test('ends when the server closes, and what holds a connection is completed', async () => {
    const closing = await start();
    const owner = await closing.as('owner', 'acme');
    const admin = await closing.as('admin', 'acme');
    await hold();
    const held = [owner, admin].map((each) => each.query('{ held }'));
    await until('the connections are in use', async () => (await waitingForAdvisoryLock(database)) === 2);
    const late = [owner, admin].map((each) => each.query('{ members { totalCount } }'));
    await until('they wait', () => waiting(closing) === 2);
    const closed = closing.close();
    for (const { errors } of await Promise.all(late)) {
      expect(errors[0]).toMatchObject({
        message: 'The server is stopping.',
        extensions: { code: 'UNAVAILABLE' },
      });
    }
    await letGo();
    for (const answer of await Promise.all(held)) expect(answer.errors).toEqual([]);
    await closed;
  });

  test('leaves nothing when it is abandoned, however many are', { timeout: 600_000 }, async () => {
    const callers = await Promise.all(
      ['acme', 'globex'].flatMap((tenant) => ['owner', 'admin'].map((user) => server.as(user, tenant))),
    );
    await hold();
    const send = async (number: number) => {
      const gone = new AbortController();
      const { token } = callers[number % callers.length]!;
      const answer = fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ held members { totalCount } }' }),
        signal: gone.signal,
      }).catch(() => undefined);
      setTimeout(() => gone.abort(), (number * 7) % 50);
      await answer;
    };
    const most = await mostBackendsDuring(database, async () => {
      for (let wave = 0; wave < WAVES; wave++) {
        await Promise.all(Array.from({ length: 100 }, (_, number) => send(wave * 100 + number)));
      }
    });
    expect(most.length).toBeLessThanOrEqual(POOL);
    await until('nobody waits', () => waiting(server) === 0);
    await until('no backend works', async () => (await workingBackends(database)).length === 0);
    await letGo();
    await until(
      'the pool is whole',
      () => {
        const { total, idle, waiting: forConnection } = server.services.database.pool;
        return total === idle && forConnection === 0 && total <= POOL;
        // On a busy machine, what was abandoned is still being cleared away.
      },
      120_000,
    );
    for (const caller of callers) expect((await caller.query('{ held }')).errors).toEqual([]);
  });
});

test('a request that would only wait is refused before it is read, and other tenants are not', async () => {
  const [busy, calm] = await Promise.all([server.as('owner', 'acme'), server.as('owner', 'globex')]);
  const acme = await database.tenantId('acme');
  const { gate } = server.services.database;
  const overloaded = vi.spyOn(gate, 'isOverloaded').mockImplementation((tenantId) => tenantId === acme);
  const before = server.services.database.pool.refused;
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  const shed = Number(/\ntenantry_shed_total (\d+)/.exec(await metrics())?.[1]);
  const answer = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${busy.token}`, 'content-type': 'application/json' },
    // Not JSON: whoever reads it answers 400.
    body: '{ "query": ',
  });
  expect(answer.status).toBe(429);
  expect(answer.headers.get('retry-after')).toBe('1');
  const { errors } = (await answer.json()) as { errors: unknown[] };
  expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfter: 1 } }]);
  expect((await calm.query('{ members { totalCount } }')).errors).toEqual([]);
  // Who was refused is refused in front of all other steps: see early-refusals.test.ts.
  for (const path of ['healthz', 'readyz']) expect((await fetch(`${server.url}/${path}`)).status).toBe(200);
  expect(await metrics()).toMatch(new RegExp(`\\ntenantry_shed_total ${String(shed + 1)}\\n`));
  overloaded.mockRestore();
  expect((await busy.query('{ members { totalCount } }')).errors).toEqual([]);
  expect(server.services.database.pool.refused).toEqual(before);
});

describe('over WebSocket', () => {
  const OPERATIONS: readonly SocketPayload[] = [
    { query: '{ members { totalCount } }' },
    { query: 'subscription { silent }' },
    // Not GraphQL: whoever reads it answers GRAPHQL_PARSE_FAILED.
    { query: '{ members { ' },
  ];

  test('an operation that would only wait is refused before it is read, and what is in force stays', async () => {
    const [busy, calm] = await Promise.all([server.as('owner', 'acme'), server.as('owner', 'globex')]);
    const acme = await database.tenantId('acme');
    const [refused, other] = [await socketClient(server, busy.token), await socketClient(server, calm.token)];
    refused.send({ type: 'subscribe', id: 'a', payload: { query: 'subscription { silent }' } });
    await until('it is in force', async () => (await subscriptionsAt(server)) === 1);
    const { shedding } = server.services;
    const before = shedding.count;
    const overloaded = vi
      .spyOn(server.services.database.gate, 'isOverloaded')
      .mockImplementation((tenantId) => tenantId === acme);
    try {
      for (const operation of OPERATIONS) {
        expect(errorsOf(await refused.ask(operation))).toMatchObject([
          { extensions: { code: 'RATE_LIMITED', retryAfter: 1 } },
        ]);
      }
      expect(shedding.count).toBe(before + OPERATIONS.length);
      expect(nextOf(await other.ask(OPERATIONS[0]!))).toMatchObject({ data: { members: {} } });
      expect(await subscriptionsAt(server)).toBe(1);
    } finally {
      overloaded.mockRestore();
    }
    expect(nextOf(await refused.ask(OPERATIONS[0]!))).toMatchObject({ data: { members: {} } });
    expect(refused.closed).toBeUndefined();
  });

  test('a client that sends on is refused more slowly, and keeps no more operations than it may have', async () => {
    const client = await socketClient(server, (await server.as('owner', 'acme')).token);
    const { shedding, database: of } = server.services;
    const overloaded = vi.spyOn(of.gate, 'isOverloaded').mockReturnValue(true);
    const turns: (() => void)[] = [];
    const pace = vi
      .spyOn(shedding, 'pace')
      .mockImplementation(() => new Promise((resolve) => turns.push(resolve)));
    const answers = () => client.messages.filter(({ type }) => type === 'error').length;
    try {
      for (let n = 0; n < 60; n++)
        client.send({ type: 'subscribe', id: String(n), payload: { query: '{ held }' } });
      await until('those beyond 50 are refused at once', () => answers() === 10 && turns.length === 50);
      for (const answer of turns.splice(0)) answer();
      await until('all are refused', () => answers() === 60);
      for (let n = 0; n < 50; n++)
        client.send({ type: 'subscribe', id: `again ${String(n)}`, payload: { query: '{ held }' } });
      await until('there is place again', () => turns.length === 50);
      for (const answer of turns.splice(0)) answer();
    } finally {
      pace.mockRestore();
      overloaded.mockRestore();
    }
    expect(nextOf(await client.ask({ query: '{ members { totalCount } }' }))).toMatchObject({ data: {} });
  });

  test('operations begin in their turn, and subscriptions in force hold none', async () => {
    const client = await socketClient(server, (await server.as('owner', 'acme')).token);
    const { shedding } = server.services;
    const turns: (() => void)[] = [];
    const take = vi.spyOn(shedding, 'take').mockImplementation((_viewer, begin) => void turns.push(begin));
    try {
      client.send({ type: 'subscribe', id: 'a', payload: { query: 'subscription { silent }' } });
      await until('it waits for its turn', () => turns.length === 1);
      expect(await subscriptionsAt(server)).toBe(0);
      turns[0]!();
      await until('it is in force', async () => (await subscriptionsAt(server)) === 1);
      const answered = client.ask({ query: '{ members { totalCount } }' });
      await until('it waits for its turn', () => turns.length === 2);
      expect(client.messages.filter(({ type }) => type === 'next')).toEqual([]);
      turns[1]!();
      expect(nextOf(await answered)).toMatchObject({ data: { members: {} } });
    } finally {
      take.mockRestore();
    }
  });
});

/** Two servers that share one budget in Redis, and what happens to it and to requests when Redis goes away and comes back. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/kernel/config/config.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ask, metricOf, type LimitedAnswer } from '../support/limited.js';
import { tenantWithPlan, usePlansFile } from '../support/plans.js';
import { createTestRedis, type TestRedis } from '../support/redis.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';

const WINDOW = 3_600;
const MOST = 20;
const BUDGET = 1_000;
const PLANS_FILE = usePlansFile(
  { name: 'free' },
  { name: 'small', requests: { tenant: MOST, actor: MOST, windowSeconds: WINDOW } },
  // Requests that are refused to a caller are in the budget of its tenant for a moment, so these limits differ.
  { name: 'single', requests: { tenant: 100 * MOST, actor: MOST, windowSeconds: WINDOW } },
  { name: 'poor', cost: { size: BUDGET, restoreRate: 0.001 }, mostCostPerRequest: BUDGET },
);
const modules = [tenantModule, membershipModule];

let database: TestDatabase;
let redis: TestRedis;
let servers: readonly TestServer[];
/** A busy machine must not part the servers: only a connection that ends does, or a test that says otherwise. */
const PATIENT_MS = '60000';
const startServer = (timeoutMs = PATIENT_MS): Promise<TestServer> =>
  startTestServer({
    database,
    modules,
    env: {
      PLANS_FILE,
      REQUEST_TIMEOUT_MS: '60000',
      REDIS_URL: redis.url,
      REDIS_TIMEOUT_MS: timeoutMs,
      ANONYMOUS_REQUESTS_PER_MINUTE: String(MOST),
    },
  });
beforeAll(async () => {
  database = await createTestDatabase();
  redis = await createTestRedis();
  // Nobody waits for Redis.
  servers = [await startServer(), await startServer()];
});
afterAll(async () => {
  redis.thaw();
  await Promise.all(servers.map((server) => server.close()));
  await redis.close();
  await database.drop();
});

const everywhere = (what: string, metric: string, value: number) =>
  until(what, async () => {
    const values = await Promise.all(servers.map((server) => metricOf(server, metric)));
    return values.every((each) => each === value);
  });
const areTogether = async () => {
  await everywhere('the servers share their budgets', 'tenantry_rates_shared', 1);
  await everywhere('the servers know of each other', 'tenantry_rates_servers', servers.length);
};
const areApart = () => everywhere('the servers know that Redis is away', 'tenantry_rates_shared', 0);

/** So many requests at once, at each server in turn. */
const askAll = (times: number, token: string, query?: string): Promise<LimitedAnswer[]> =>
  Promise.all(
    Array.from({ length: times }, (_, n) =>
      ask(servers[n % servers.length]!, { token, ...(query !== undefined && { query }) }),
    ),
  );
const served = (answers: readonly LimitedAnswer[]): number => {
  for (const { status } of answers) expect([200, 429]).toContain(status);
  return answers.filter(({ status }) => status === 200).length;
};

test('a server starts and answers while Redis is away', async () => {
  await areApart();
  const { owner } = await tenantWithPlan(database, 'small');
  expect(served(await askAll(4, owner))).toBe(4);
  for (const { warnings } of servers) {
    expect(warnings).toContainEqual(expect.stringMatching(/^Redis does not answer: each server limits/));
  }
  await redis.start();
  await areTogether();
  for (const { warnings } of servers) {
    expect(warnings).toContain('Redis answers again: the servers share one budget');
  }
});

describe('while Redis is there', () => {
  beforeEach(async () => {
    await redis.start();
    await areTogether();
    return () => redis.kill();
  });

  test('two servers admit the requests of one budget, and not one more', async () => {
    const { owner } = await tenantWithPlan(database, 'single');
    expect(served(await askAll(2 * MOST + 10, owner))).toBe(MOST);
    const refused = await askAll(2, owner);
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 429, code: 'RATE_LIMITED', remaining: { actor: { r: 0 } } });
      expect(answer.retryAfter).toBeGreaterThanOrEqual(answer.remaining['actor']!.t);
    }
  });

  test('refused requests of one caller do not use up the budget of its tenant', async () => {
    const slug = await tenantWithPlan(database, 'small');
    const half = MOST / 2;
    expect(served(await askAll(half, slug.owner))).toBe(half);
    expect(served(await askAll(half, slug.member))).toBe(half);
    expect(served(await askAll(4, slug.member))).toBe(0);
  });

  test('two servers take the cost of operations from one budget, and give back what was not used', async () => {
    const { owner } = await tenantWithPlan(database, 'poor');
    const query = '{ members(first: 100) { nodes { userId } } }';
    const answers = await askAll(8, owner, query);
    const count = served(answers);
    expect(count).toBeGreaterThan(0);
    const left = async () => {
      const { cost } = await ask(servers[0]!, { token: owner, query: '{ __typename }' });
      return cost?.throttle.currentlyAvailable;
    };
    // Each operation cost 5 points; the servers do not wait until Redis has got back the rest.
    let asked = 0;
    await until('the rest was given back', async () => (await left()) === BUDGET - 5 * count - ++asked);
  });

  test('callers without access are counted together', async () => {
    const answers = await Promise.all(
      Array.from({ length: MOST + 6 }, (_, n) => ask(servers[n % 2]!, { token: 'wrong' })),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(MOST);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(6);
  });
});

test('Redis is killed and comes back under load: no request is lost, and the budget is one again', async () => {
  await redis.start();
  await areTogether();
  const exhausted = await tenantWithPlan(database, 'single');
  expect(served(await askAll(MOST + 4, exhausted.owner))).toBe(MOST);

  const busy = await tenantWithPlan(database, 'free');
  let isOver = false;
  let answered = 0;
  const load = Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      while (!isOver) {
        const { status } = await ask(servers[n % 2]!, { token: busy.owner, query: '{ tenant { slug } }' });
        expect(status).toBe(200);
        answered++;
      }
    }),
  );
  const more = async () => {
    const before = answered;
    await until('more requests are answered', () => answered >= before + 20);
  };
  try {
    await more();
    await redis.kill();
    await areApart();
    await more();

    // Each server has half of a budget that nobody has used.
    const fresh = await tenantWithPlan(database, 'single');
    expect(served(await askAll(2 * MOST, fresh.owner))).toBe(MOST);
    const lone = await tenantWithPlan(database, 'single');
    const atOne = await Promise.all(
      Array.from({ length: MOST }, () => ask(servers[0]!, { token: lone.owner })),
    );
    expect(served(atOne)).toBe(MOST / 2);

    await redis.start();
    await areTogether();
    await more();
    const reunited = await tenantWithPlan(database, 'single');
    expect(served(await askAll(2 * MOST, reunited.owner))).toBe(MOST);
    expect(served(await askAll(4, exhausted.owner))).toBe(0);
  } finally {
    isOver = true;
    await load;
    await redis.kill();
  }
});

test('Redis that takes connections and answers nothing keeps no request waiting', async () => {
  await redis.start();
  const impatient = await startServer('100');
  const isShared = (value: number) =>
    until(
      'the server knows how Redis is',
      async () => (await metricOf(impatient, 'tenantry_rates_shared')) === value,
    );
  const { owner } = await tenantWithPlan(database, 'free');
  const asked = async () =>
    served(await Promise.all([1, 2, 3, 4].map(() => ask(impatient, { token: owner }))));
  try {
    await isShared(1);
    redis.freeze();
    expect(await asked()).toBe(4);
    await isShared(0);
    expect(await asked()).toBe(4);
    redis.thaw();
    await isShared(1);
    expect(await asked()).toBe(4);
  } finally {
    redis.thaw();
    await impatient.close();
  }
});

test('a server closes although Redis does not answer, before it has noticed that', async () => {
  await redis.start();
  const closing = await startServer('100');
  await until(
    'the server knows that Redis is there',
    async () => (await metricOf(closing, 'tenantry_rates_shared')) === 1,
  );
  redis.freeze();
  try {
    await closing.close();
  } finally {
    redis.thaw();
  }
});

test('a wrong URL stops the start', () => {
  expect(() => readConfig({ REDIS_URL: 'localhost:6379' })).toThrow(
    'REDIS_URL must be a URL of the form redis://',
  );
  expect(readConfig({ REDIS_URL: 'rediss://user:password@cache.example.com:6380/1' }).redisUrl).toContain(
    'rediss:',
  );
});

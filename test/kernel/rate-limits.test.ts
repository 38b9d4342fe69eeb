/** Rates of requests and the budget of cost, at a server that keeps them in memory. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newApiKey } from '../../src/kernel/auth/api-key.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ask, metricOf, type LimitedAnswer } from '../support/limited.js';
import { createNotes, notesModule } from '../support/notes.js';
import { tenantWithPlan, usePlansFile } from '../support/plans.js';
import { insertApiKey } from '../support/rows.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { endSubscribersAfterEach, inForce, rawSocket, subscriberOf } from '../support/subscriber.js';
import { until } from '../support/until.js';

/** Longer than any test, so that no window ends while one runs. */
const HOUR = 3_600;
const PLANS_FILE = usePlansFile(
  { name: 'free' },
  { name: 'small', requests: { tenant: 6, actor: 4, windowSeconds: HOUR } },
  { name: 'poor', cost: { size: 1_000, restoreRate: 0.001 }, mostCostPerRequest: 1_000 },
  { name: 'broke', cost: { size: 7, restoreRate: 0.001 }, mostCostPerRequest: 7 },
);
const STRANGERS = 5;

const modules = [tenantModule, membershipModule, notesModule];
let database: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  database = await createTestDatabase();
  await createNotes(database);
  server = await startTestServer({ database, modules, env: { PLANS_FILE } });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});
endSubscribersAfterEach(() => [server]);

async function inTurn(times: number, request: () => Promise<LimitedAnswer>): Promise<LimitedAnswer[]> {
  const answers: LimitedAnswer[] = [];
  for (let n = 0; n < times; n++) answers.push(await request());
  return answers;
}
const statuses = (answers: readonly LimitedAnswer[]) => answers.map(({ status }) => status);

describe('requests', () => {
  test('of a caller beyond its limit are refused, and say when to come again', async () => {
    const { owner } = await tenantWithPlan(database, 'small');
    const answers = await inTurn(5, () => ask(server, { token: owner }));
    expect(statuses(answers)).toEqual([200, 200, 200, 200, 429]);
    expect(answers[0]).toMatchObject({
      policies: { tenant: { q: 6, w: HOUR }, actor: { q: 4, w: HOUR } },
      remaining: { tenant: { r: 5, t: HOUR }, actor: { r: 3, t: HOUR } },
      retryAfter: undefined,
    });
    const refused = answers.at(-1)!;
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', data: undefined, remaining: { actor: { r: 0 } } });
    expect(refused.retryAfter).toBe(refused.extensions['retryAfter']);
    // The draft: Retry-After must not be earlier than the end of the window.
    expect(refused.retryAfter).toBeGreaterThanOrEqual(refused.remaining['actor']!.t);
    expect(refused.retryAfter).toBeGreaterThan(HOUR - 600);
  });

  test('of the other callers of the tenant go on, up to the limit of the tenant', async () => {
    const { slug, owner, member } = await tenantWithPlan(database, 'small');
    await inTurn(8, () => ask(server, { token: owner }));
    expect(statuses(await inTurn(3, () => ask(server, { token: member })))).toEqual([200, 200, 429]);
    const { key } = await insertApiKey(database, slug, { createdBy: `member|${slug}` });
    const ofKey = await ask(server, { token: key });
    expect(ofKey).toMatchObject({ status: 429, remaining: { tenant: { r: 0 }, actor: { r: 3 } } });
    expect(await ask(server, { token: (await tenantWithPlan(database, 'small')).owner })).toMatchObject({
      status: 200,
    });
    expect(await metricOf(server, 'tenantry_rate_limited_total{limit="tenant"}')).toBeGreaterThan(0);
    expect(await metricOf(server, 'tenantry_rate_limited_total{limit="actor"}')).toBeGreaterThan(0);
  });

  test('that are no GraphQL count as well', async () => {
    const { owner } = await tenantWithPlan(database, 'small');
    const answers = await inTurn(5, () => ask(server, { token: owner, body: '{' }));
    expect(statuses(answers)).toEqual([400, 400, 400, 400, 429]);
  });

  test('sent at once are counted one by one', async () => {
    const { owner } = await tenantWithPlan(database, 'small');
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(server, { token: owner })));
    expect(statuses(answers).filter((status) => status === 200)).toHaveLength(4);
  });
});

describe('the cost of an operation', () => {
  const PAGE = '{ members(first: 100) { nodes { userId } } }';

  test('is taken when it begins, and what it did not cost is given back', async () => {
    const { owner } = await tenantWithPlan(database, 'poor');
    const [first, second] = await inTurn(2, () => ask(server, { token: owner, query: PAGE }));
    // A page of 100 is requested, and there are two members.
    expect(first!.cost).toEqual({
      requested: 201,
      actual: 5,
      limit: 1_000,
      throttle: { maximumAvailable: 1_000, currentlyAvailable: 995, restoreRate: 0.001 },
    });
    expect(second!.cost!.throttle.currentlyAvailable).toBe(990);
  });

  test('that the budget does not have is refused, and a cheaper operation is not', async () => {
    const { owner } = await tenantWithPlan(database, 'poor');
    const cheap = () => ask(server, { token: owner, query: '{ __typename }' });
    const dear = `{ ${Array.from({ length: 4 }, (_, n) => `a${String(n)}: members(first: 100) { nodes { userId } }`).join(' ')} }`;
    const served = await inTurn(11, () => ask(server, { token: owner, query: dear }));
    const refused = served.at(-1)!;
    expect(served[0]!.cost).toMatchObject({ requested: 804, actual: 20 });
    expect(statuses(served).slice(0, 10)).toEqual(Array(10).fill(200));
    expect(refused).toMatchObject({
      status: 429,
      code: 'RATE_LIMITED',
      data: undefined,
      extensions: { cost: { requested: 804, limit: 1_000, throttle: { currentlyAvailable: 800 } } },
    });
    expect(refused.retryAfter).toBeGreaterThan(3_000);
    expect(await cheap()).toMatchObject({ status: 200, cost: { actual: 1 } });
    expect(await metricOf(server, 'tenantry_rate_limited_total{limit="cost"}')).toBeGreaterThan(0);
  });

  test('of operations sent at once never exceeds the budget', async () => {
    const { owner } = await tenantWithPlan(database, 'poor');
    const query = '{ members(first: 100) { nodes { userId email role } } }';
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(server, { token: owner, query })));
    for (const { status, cost } of answers) {
      expect([200, 429]).toContain(status);
      if (status === 200) expect(cost!.throttle.currentlyAvailable).toBeLessThanOrEqual(1_000);
    }
    expect(statuses(answers)).toContain(200);
  });
});

test('what the budget has left is not part of what an answer is known by in a cache', async () => {
  const { owner } = await tenantWithPlan(database, 'poor');
  const query = '{ members(first: 2) { nodes { userId } } }';
  const persistedQuery = { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') };
  const extensions = { persistedQuery };
  await ask(server, { token: owner, body: JSON.stringify({ query, extensions }) });
  const get = (headers: Record<string, string> = {}) =>
    fetch(`${server.url}/graphql?extensions=${encodeURIComponent(JSON.stringify(extensions))}`, {
      headers: { authorization: `Bearer ${owner}`, 'apollo-require-preflight': '1', ...headers },
    });
  const first = await get();
  expect(await first.text()).toContain('"currentlyAvailable":990');
  expect((await get({ 'if-none-match': first.headers.get('etag') ?? '' })).status).toBe(304);
});

describe('over WebSocket', () => {
  const CHANGED = 'subscription { noteChanged { kind id } }';

  test('operations are counted, and a refusal ends the operation, not the connection', async () => {
    const { owner } = await tenantWithPlan(database, 'small');
    const client = subscriberOf(server, { token: owner });
    // The connection is the first request of the four.
    for (let n = 0; n < 3; n++) await inForce(server, () => client.subscribe(CHANGED));
    const refused = client.subscribe(CHANGED);
    await until('it is refused', () => refused.end !== undefined);
    expect(refused.end).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
    expect(
      (refused.end as { extensions: { retryAfter: number } }[])[0]!.extensions.retryAfter,
    ).toBeGreaterThan(0);
    expect(client.closed).toBeUndefined();
    expect((await ask(server, { token: owner })).status).toBe(429);
  });

  test('what cannot be read is counted as well', async () => {
    const { owner } = await tenantWithPlan(database, 'small');
    const client = subscriberOf(server, { token: owner });
    const ends = Array.from({ length: 4 }, () => client.subscribe('subscription {'));
    await until('all are answered', () => ends.every(({ end }) => end !== undefined));
    const codes = ends.map(({ end }) => (end as { extensions: { code: string } }[])[0]!.extensions.code);
    expect(codes).toEqual([...Array<string>(3).fill('GRAPHQL_PARSE_FAILED'), 'RATE_LIMITED']);
  });

  test('a subscription whose events the budget could not pay for is refused', async () => {
    const { owner } = await tenantWithPlan(database, 'broke');
    const client = subscriberOf(server, { token: owner });
    // An event requests 5 of the 7 points; what is not used is given back, all but one.
    const document = 'subscription { noteChanged { kind id note { id } } }';
    for (let n = 0; n < 3; n++) await inForce(server, () => client.subscribe(document));
    const refused = client.subscribe(document);
    await until('it is refused', () => refused.end !== undefined);
    const cost = { requested: 5, throttle: { currentlyAvailable: 4 } };
    expect(refused.messages).toMatchObject([{ errors: [{ extensions: { code: 'RATE_LIMITED', cost } }] }]);
    expect(client.closed).toBeUndefined();
  });
});

describe('callers without access', () => {
  const env = { PLANS_FILE, ANONYMOUS_REQUESTS_PER_MINUTE: String(STRANGERS), LOG_SQL: '1' };
  let strict: TestServer;
  beforeAll(async () => {
    strict = await startTestServer({ database, modules, env });
  });
  afterAll(() => strict.close());
  const lookUps = () => strict.statements.filter(({ sql }) => sql.includes('resolve_api_key')).length;

  test('are refused by address, whatever address they write into a header', async () => {
    const { owner } = await tenantWithPlan(database, 'free');
    let client = 0;
    const stranger = () =>
      ask(strict, { token: 'wrong', headers: { 'x-forwarded-for': `203.0.113.${String(client++)}` } });
    const answers = await inTurn(STRANGERS + 1, stranger);
    expect(statuses(answers)).toEqual([...Array<number>(STRANGERS).fill(401), 429]);
    expect(answers[0]).toMatchObject({
      policies: { address: { q: STRANGERS, w: 60 } },
      remaining: { address: { r: STRANGERS - 1 } },
    });
    expect(answers.at(-1)).toMatchObject({ code: 'RATE_LIMITED', remaining: { address: { r: 0 } } });
    expect(answers.at(-1)!.retryAfter).toBeGreaterThan(0);

    const before = lookUps();
    // From the same address: whoever has access is served, and made-up API keys cause no work in the database.
    expect((await ask(strict, { token: owner })).status).toBe(200);
    expect(statuses(await inTurn(3, () => ask(strict, { token: newApiKey().key })))).toEqual([429, 429, 429]);
    expect(lookUps()).toBe(before);

    const raw = await rawSocket(strict);
    raw.send({ type: 'connection_init', payload: { authorization: 'Bearer wrong' } });
    await until('the connection is refused', () => raw.closed !== undefined);
    expect(raw.closed).toMatchObject({ code: 1013 });
  });

  test('behind a trusted proxy are told apart', async () => {
    const env = { PLANS_FILE, ANONYMOUS_REQUESTS_PER_MINUTE: '1', TRUSTED_PROXIES: 'loopback' };
    const behind = await startTestServer({ database, modules, env });
    try {
      const from = (address: string) => ask(behind, { headers: { 'x-forwarded-for': address } });
      expect((await from('203.0.113.1')).status).toBe(401);
      expect((await from('203.0.113.1')).status).toBe(429);
      expect((await from('203.0.113.2')).status).toBe(401);
      // The client wrote the first address, the proxy the second.
      expect((await from('203.0.113.3, 203.0.113.1')).status).toBe(429);
    } finally {
      await behind.close();
    }
  });
});

/** What a plan limits besides rates, and that a change of the plan holds on every server at once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { LIMITS } from '../../src/create-services.js';
import { readPlans } from '../../src/services/limits/plans.js';
import { withOperatorConnection } from '../../src/services/operator/operator-connection.js';
import { setTenantPlan } from '../../src/services/operator/tenants.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ask, metricOf } from '../support/limited.js';
import { tenantWithPlan, usePlansFile } from '../support/plans.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { until } from '../support/until.js';

/** A busy machine must not end what these tests do not want to end. */
const PATIENT = { statementTimeoutMs: 60_000, transactionTimeoutMs: 60_000 };
const PLANS_FILE = usePlansFile(
  { ...PATIENT, name: 'small', requests: { tenant: 1_001, actor: 1_001, windowSeconds: 60 } },
  { ...PATIENT, name: 'large', requests: { tenant: 9_009, actor: 9_009, windowSeconds: 60 } },
  { ...PATIENT, name: 'narrow', mostRowsPerPage: 20, mostCostPerRequest: 100 },
);

const env = { PLANS_FILE, REQUEST_TIMEOUT_MS: '60000' };
const modules = [tenantModule, membershipModule];
let database: TestDatabase;
let server: TestServer;
let replica: TestServer;
beforeAll(async () => {
  database = await createTestDatabase();
  server = await startTestServer({ database, modules, env, limits: LIMITS });
  replica = await startTestServer({ database, modules, env });
});
afterAll(async () => {
  await server.close();
  await replica.close();
  await database.drop();
});

/** Less than the half minute for which a server keeps what it knows of a caller. */
const SOON_MS = 25_000;

const limitAt = async (at: TestServer, token: string) => (await ask(at, { token })).policies['tenant']?.q;
const limitIs = (limit: number, token: string) =>
  until(
    `the limit of ${String(limit)} holds on both servers`,
    async () => (await limitAt(server, token)) === limit && (await limitAt(replica, token)) === limit,
    SOON_MS,
  );

describe('a change of the plan holds on every server', () => {
  test('when the tenant changes it itself', async () => {
    const { owner } = await tenantWithPlan(database, 'small');
    await limitIs(1_001, owner);
    const query = 'mutation { changePlan(input: { plan: "large" }) { tenant { plan } } }';
    const answer = await ask(server, { token: owner, query });
    expect(answer.data).toEqual({ changePlan: { tenant: { plan: 'large' } } });
    await limitIs(9_009, owner);
  });

  test('when an operator changes it', async () => {
    const { slug, member } = await tenantWithPlan(database, 'large');
    await limitIs(9_009, member);
    const plans = readPlans(PLANS_FILE);
    const connection = { url: database.operator, operator: 'test', contextKey: database.contextKey };
    await withOperatorConnection(connection, async (operator) => {
      expect(await setTenantPlan(operator, plans, { slug, plan: 'small', reason: 'a test' })).toMatchObject({
        plan: 'small',
      });
      await expect(
        setTenantPlan(operator, plans, { slug, plan: 'enterprise', reason: 'a test' }),
      ).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: 'There is no plan enterprise: PLANS_FILE has small, large, narrow.',
      });
      await expect(
        setTenantPlan(operator, plans, { slug: 'nobody', plan: 'small', reason: 'a test' }),
      ).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    });
    await limitIs(1_001, member);
  });
});

test('a tenant sees the plans of the file, and can have no other', async () => {
  const { owner } = await tenantWithPlan(database, 'small');
  expect((await ask(server, { token: owner, query: '{ plans { name } }' })).data).toEqual({
    plans: [{ name: 'small' }, { name: 'large' }, { name: 'narrow' }],
  });
  const query = 'mutation { changePlan(input: { plan: "free" }) { tenant { plan } } }';
  expect(await ask(server, { token: owner, query })).toMatchObject({
    code: 'BAD_USER_INPUT',
    extensions: { field: 'input.plan' },
  });
});

test('a tenant whose plan is not in the file is served, by the first plan of it, and an operator is told', async () => {
  const { owner } = await tenantWithPlan(database, 'of last year');
  expect(await limitAt(server, owner)).toBe(1_001);
  expect((await ask(server, { token: owner, query: '{ tenant { plan } }' })).data).toEqual({
    tenant: { plan: 'of last year' },
  });
  expect(server.warnings).toContainEqual(
    expect.stringMatching(/^tenants have a plan that PLANS_FILE does not have/),
  );
  expect(await metricOf(server, 'tenantry_plan_problems_total{reason="unknown"}')).toBeGreaterThan(0);
});

describe('the limits of a plan', () => {
  const narrow = async (query: string) =>
    ask(server, { token: (await tenantWithPlan(database, 'narrow')).owner, query });

  test.each(['first', 'last'])('hold for the rows of a page: %s', async (argument) => {
    const page = (rows: number) => narrow(`{ members(${argument}: ${String(rows)}) { nodes { userId } } }`);
    expect(await page(21)).toMatchObject({
      code: 'BAD_USER_INPUT',
      extensions: { field: argument },
      data: { members: null },
    });
    expect((await page(20)).data).toMatchObject({ members: { nodes: [{}, {}] } });
  });

  test('hold for the cost of an operation', async () => {
    const pages = (count: number) =>
      `{ ${Array.from({ length: count }, (_, n) => `a${String(n)}: members(first: 20) { nodes { userId } }`).join(' ')} }`;
    expect(await narrow(pages(3))).toMatchObject({
      status: 400,
      code: 'COST_LIMIT_EXCEEDED',
      extensions: { cost: { requested: 123, limit: 100 } },
    });
    expect(await narrow(pages(2))).toMatchObject({ status: 200, cost: { limit: 100 } });
  });

  test('hold for the time of a statement, without a statement more', async () => {
    const large = { ...readPlans(PLANS_FILE).of('large'), statementTimeoutMs: 12_345 };
    const actor = { type: 'user', id: 'demo|acme|owner' } as const;
    const tenantId = await database.tenantId('acme');
    const timeoutOf = async (plan: typeof large | undefined) => {
      const db = server.services.database.forTenant({ tenantId, actor, plan, requestId: 'test' });
      const sql = Prisma.sql`SELECT current_setting('statement_timeout') AS timeout`;
      const inBatch = await db.$queryRaw<{ timeout: string }>(sql);
      const inTransaction = await db.transaction((tx) => tx.$queryRaw<{ timeout: string }>(sql));
      return [inBatch, inTransaction].map(([row]) => row?.timeout);
    };
    expect(await timeoutOf(large)).toEqual(['12345ms', '12345ms']);
    expect(await timeoutOf(undefined)).toEqual(['5s', '5s']);
  });

  test('hold for the time of a transaction', async () => {
    const plan = { ...readPlans(PLANS_FILE).of('large'), transactionTimeoutMs: 100 };
    const actor = { type: 'user', id: 'demo|acme|owner' } as const;
    const db = server.services.database.forTenant({
      tenantId: await database.tenantId('acme'),
      actor,
      plan,
      requestId: 'test',
    });
    const sql = Prisma.sql`SELECT pg_sleep(30)::text`;
    await expect(db.transaction((tx) => tx.$queryRaw(sql))).rejects.toBeInstanceOf(Error);
  });
});

/**
 * Proves that what tenants use is counted to the request over every way into the server, by several servers, when a write
 * fails and is sent again, and until a server ends in order; and who reads it.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { TenantUsage } from '../../src/services/telemetry/tenant-usage.js';
import { UsageWriter } from '../../src/services/telemetry/usage-writer.js';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { endChildrenAfterAll, startChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { askOperators, OPERATORS } from '../support/operators.js';
import { startTestServer, TEST_SECRET, useServer, type TestServer } from '../support/server.js';
import { socketClient } from '../support/socket-requests.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const shared = useDatabase();
const server = useServer({ env: OPERATORS });

interface Row {
  readonly period: string;
  readonly requests: number;
  readonly database_ms: number;
  readonly rows: number;
  readonly bytes: number;
  readonly jobs: number;
}

/** The sums of all hours, and of all days, of a tenant. */
async function used(database: TestServer['database'], slug: string): Promise<Readonly<Record<string, Row>>> {
  const rows = await database.asSuperuser<Row>(
    `SELECT period, sum(requests)::int AS requests, sum(database_ms) AS database_ms, sum(rows)::int AS rows,
       sum(bytes)::int AS bytes, sum(jobs)::int AS jobs
     FROM tenantry.tenant_usage JOIN tenants ON id = tenant_id WHERE slug = $1 GROUP BY period`,
    [slug],
  );
  return Object.fromEntries(rows.map((row) => [row.period, row]));
}

test('every operation of a tenant is counted once, whichever way it comes and whichever server answers', async () => {
  const servers = [
    await startTestServer({ database: shared() }),
    await startTestServer({ database: shared() }),
  ];
  let bytes = 0;
  for (const [n, each] of servers.entries()) {
    const acme = await each.as('owner', 'acme');
    const globex = await each.as('owner', 'globex');
    for (let request = 0; request < 7 + n; request++) {
      const { text } = await acme.query('{ members(first: 4) { nodes { email } } }');
      bytes += Buffer.byteLength(text);
    }
    bytes += Buffer.byteLength((await acme.query('{ nothing }')).text);
    await globex.query('mutation { updateTenant(input: { name: "Globex" }) { tenant { name } } }');
    // Neither a caller without access nor one who is refused before the operation is counted for the tenant.
    await each.withHeaders({ authorization: 'Bearer x' }).query('{ me { userId } }');
    const client = await socketClient(each, globex.token);
    for (let request = 0; request < 3; request++) await client.ask({ query: '{ me { userId } }' });
    client.socket.close();
    await until('the client has gone', () => client.closed !== undefined);
  }
  // A server that ends in order loses nothing.
  for (const each of servers) await each.close();
  const acme = await used(shared(), 'acme');
  const globex = await used(shared(), 'globex');
  expect(acme['day']).toMatchObject({ requests: 7 + 1 + 8 + 1, bytes, jobs: 0 });
  expect(globex['day']).toMatchObject({ requests: 2 * (1 + 3) });
  expect(acme['day']!.database_ms).toBeGreaterThan(0);
  expect(acme['day']!.rows).toBeGreaterThanOrEqual(15 * 4);
  expect(globex['day']!.bytes).toBeGreaterThan(0);
  expect(acme['hour']).toEqual({ ...acme['day'], period: 'hour' });
});

describe('a writer', () => {
  /** A database whose answers are lost, after or before it has done what it was asked. */
  function losing(lose: ('before' | 'after')[]) {
    const { database, warnings } = { database: server().services.database, warnings: [] as string[] };
    const query: typeof database.query = async (...asked) => {
      const when = lose.shift();
      if (when === 'before') throw new Error('not sent');
      const answer = await database.query(...asked);
      if (when === 'after') throw new Error('the answer is lost');
      return answer as never;
    };
    const usage = new TenantUsage();
    const writer = new UsageWriter({
      counts: usage,
      into: 'add_tenant_usage',
      database: { query, sign: database.sign },
      warn: (line) => warnings.push(line),
    });
    return { usage, writer, warnings };
  }

  test.each([[['after']], [['before']], [['after', 'after', 'before']]] as const)(
    'counts once although answers are lost: %j',
    async (lost) => {
      const { usage, writer, warnings } = losing([...lost]);
      const globex = await server().database.tenantId('globex');
      const before = (await used(server().database, 'globex'))['day']?.jobs ?? 0;
      usage.add(globex, 'jobs', 5);
      for (const when of lost) {
        expect(await writer.write(), when).toBe(false);
        // Counted meanwhile.
        usage.add(globex, 'jobs', 1);
      }
      expect(await writer.write()).toBe(true);
      await writer.close();
      expect((await used(server().database, 'globex'))['day']!.jobs).toBe(before + 5 + lost.length);
      expect(warnings).toHaveLength(lost.length);
      const why = lost[0] === 'before' ? 'not sent' : 'the answer is lost';
      expect(warnings[0]).toContain(`could not be written (${why})`);
    },
  );

  test('says at the end when something is lost', async () => {
    const { usage, writer, warnings } = losing(['before', 'before', 'before']);
    usage.add(await server().database.tenantId('globex'), 'jobs', 0);
    await writer.close();
    expect(warnings.at(-1)).toContain('is lost');
  });

  test('leaves out tenants that are gone, and writes the others', async () => {
    const { usage, writer } = losing([]);
    const acme = await server().database.tenantId('acme');
    usage.add('0190aaaa-0000-7000-8000-000000000000', 'jobs', 1);
    usage.add(acme, 'jobs', 4);
    expect(await writer.write()).toBe(true);
    await writer.close();
    expect((await used(server().database, 'acme'))['day']!.jobs).toBeGreaterThanOrEqual(4);
  });
});

test('hours and days that are over for long are removed with the first use of a new hour', async () => {
  const { database, services } = server();
  const globex = await database.tenantId('globex');
  await database.asSuperuser('DELETE FROM tenantry.tenant_usage WHERE tenant_id = $1', [globex]);
  await database.asSuperuser(
    `INSERT INTO tenantry.tenant_usage SELECT $1, period, date_trunc(period, now() - age, 'UTC'), 1, 1, 1, 1, 1
     FROM (VALUES ('hour', interval '7 days'), ('hour', '9 days'), ('day', '1090 days'), ('day', '1110 days')) v (period, age)`,
    [globex],
  );
  services.tenantUsage.add(globex, 'rows', 1);
  await services.usageWriter.write();
  const rows = await database.asSuperuser(
    `SELECT period, extract(day FROM now() - starts_at)::int / 10 * 10 AS days FROM tenantry.tenant_usage
     WHERE tenant_id = $1 ORDER BY period, starts_at`,
    [globex],
  );
  expect(rows).toEqual([
    { period: 'day', days: 1090 },
    { period: 'day', days: 0 },
    { period: 'hour', days: 0 },
    { period: 'hour', days: 0 },
  ]);
});

describe('who reads it', () => {
  beforeAll(async () => {
    const { database } = server();
    await database.asSuperuser('DELETE FROM tenantry.tenant_usage');
    await database.asSuperuser(
      `INSERT INTO tenantry.tenant_usage (tenant_id, period, starts_at, requests, database_ms, rows, bytes, jobs)
       SELECT id, period, date_trunc(period, now() - age, 'UTC'), requests, ms, 7, 5000000000, 2
       FROM tenants JOIN (VALUES
         ('acme', 'hour', interval '1 hour', 10, 3000), ('globex', 'hour', '1 hour', 90, 1000), ('globex', 'hour', '30 hours', 1, 50000),
         ('acme', 'day', '1 day', 10, 3000), ('acme', 'day', '40 days', 20, 4000), ('globex', 'day', '1 day', 90, 1000)
       ) v (tenant, period, age, requests, ms) ON tenant = slug`,
    );
  });

  test('owners read the days of their tenant, and of no other', async () => {
    const { data, errors } = await (
      await server().as('owner', 'acme')
    ).query(
      `query ($range: DateRange) { tenant {
         usageHistory { requests databaseSeconds rows bytes jobs } old: usageHistory(range: $range) { day requests } } }`,
      { range: { to: new Date(Date.now() - 10 * 86_400_000).toISOString().slice(0, 10) } },
    );
    expect(errors).toEqual([]);
    expect(data).toMatchObject({
      tenant: {
        usageHistory: [
          { requests: '10', databaseSeconds: 3, rows: '7', bytes: '5000000000', jobs: '2' },
          { requests: '20', databaseSeconds: 4 },
        ],
        old: [{ requests: '20' }],
      },
    });
  });

  test('operators read the hours and days of one tenant, and the largest of all', async () => {
    const { data, errors } = await askOperators(
      server(),
      `{ topTenants { slug plan requests databaseSeconds rows bytes jobs share }
         byRequests: topTenants(by: REQUESTS, first: 1) { slug } week: topTenants(hours: 168) { slug }
         tenant(slug: "acme", reason: "a bill") { usageHistory(period: HOUR) { requests } days: usageHistory(last: 1) { requests } } }`,
    );
    expect(errors).toEqual([]);
    expect(data).toMatchObject({
      topTenants: [
        {
          slug: 'acme',
          requests: 10,
          databaseSeconds: 3,
          rows: 7,
          bytes: 5_000_000_000,
          jobs: 2,
          share: 0.75,
        },
        { slug: 'globex', share: 0.25 },
      ],
      byRequests: [{ slug: 'globex' }],
      week: [{ slug: 'globex' }, { slug: 'acme' }],
    });
    for (const wrong of ['hours: 0', 'hours: 169', 'first: 101']) {
      const { errors: refused } = await askOperators(server(), `{ topTenants(${wrong}) { slug } }`);
      expect(refused, wrong).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    }
  });
});

test('a running server writes what it has counted without being asked', async () => {
  const { app, contextKey } = shared();
  const child = startChild('src/main.ts', [], {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: app,
    JWT_SECRET: TEST_SECRET,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  });
  const [, url = ''] = await child.says(/Server listening at (http:\/\/127\.0\.0\.1:\d+)/);
  const token = issueToken(
    { userId: 'demo|globex|owner', email: 'owner@globex.test', tenantId: 'globex' },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    3_600,
  );
  const before = (await used(shared(), 'globex'))['day']?.requests ?? 0;
  const answer = await fetch(`${url}/graphql?query={me{userId}}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(200);
  await until(
    'the request is written',
    async () => ((await used(shared(), 'globex'))['day']?.requests ?? 0) > before,
    120_000,
  );
  child.kill('SIGKILL');
  await child.ended;
}, 180_000);

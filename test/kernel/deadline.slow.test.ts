/**
 * Proves that a request ends at its deadline, whatever it does; that PostgreSQL stops its statements then, also when
 * the client has disconnected; and that nothing is begun, repeated or committed afterwards.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Deadline } from '../../src/kernel/request/deadline.js';
import { membershipModule } from '../../src/platform/membership/index.js';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { mostBackendsDuring, workingBackends } from '../support/backends.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { NOTHING, ONCE, sendKeyed, tracesOf } from '../support/keyed-mutations.js';
import { startTestServer, type TestClient, type TestServer } from '../support/server.js';
import { slowModule } from '../support/slow-module.js';
import { watchStatements } from '../support/statements.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const POOL = 4;
/** The number of waves of 50 abandoned requests. A larger TEST_FAULT_SECONDS makes thousands of requests. */
const WAVES = 2 * Number(process.env['TEST_FAULT_SECONDS'] ?? 3);
const slow = slowModule();
const sent = watchStatements();
let database: TestDatabase;
let proxy: TcpProxy;
let server: TestServer;
let owner: TestClient;
/** A server whose deadline is later than any test, so that only a disconnected client ends a request. */
let patient: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await startTcpProxy(database.app);
  server = await startTestServer({
    database,
    databaseUrl: proxy.through(database.app),
    modules: [tenantModule, membershipModule, slow.module],
    env: { REQUEST_TIMEOUT_MS: '600', DATABASE_POOL_SIZE: String(POOL) },
  });
  owner = await server.as('owner', 'acme');
  patient = await startTestServer({
    database,
    modules: [tenantModule, membershipModule, slow.module],
    env: { REQUEST_TIMEOUT_MS: '300000' },
  });
});
afterAll(async () => {
  await patient.close();
  await server.close();
  await proxy.close();
  await database.drop();
});

const untilNothingRuns = () =>
  until('no backend works for the server', async () => (await workingBackends(database)).length === 0);
/** Not the look-up of the caller's access before. */
const isAsleep = async () =>
  (await workingBackends(database)).some((backend) => backend.includes('pg_sleep'));
const TOO_LATE = {
  message: 'The request took longer than 0.6 seconds.',
  extensions: { code: 'DEADLINE_EXCEEDED' },
};

/** Sends a request to the patient server and disconnects as soon as PostgreSQL works on it. */
async function abandon(query: string, isUnderWay: () => Promise<boolean>): Promise<void> {
  const gone = new AbortController();
  const answer = fetch(`${patient.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
    signal: gone.signal,
  }).catch(() => undefined);
  await until('the request is under way', isUnderWay);
  gone.abort();
  await answer;
}

describe('a query', () => {
  const fields = (field: string) =>
    Array.from({ length: 49 }, (_, n) => `a${String(n)}: ${field}(seconds: 0.4)`);

  test.each(['slow', 'slowInPrisma', 'slowElsewhere', 'slowAndDeaf'])(
    'of fifty times %s ends at the deadline, once, in one backend, compiled or not',
    async (field) => {
      const query = `{ ${fields(field).join(' ')} last: ${field}(seconds: 30) }`;
      // A query is compiled at its third use.
      for (let round = 0; round < (field === 'slow' ? 3 : 1); round++) {
        let answer: Awaited<ReturnType<typeof owner.query>> | undefined;
        // The access of the caller is looked up before, on a backend of its own.
        await owner.query('{ quick }');
        await untilNothingRuns();
        const most = await mostBackendsDuring(database, async () => (answer = await owner.query(query)));
        expect(most.length, most.join('\n')).toBeLessThanOrEqual(1);
        const late = answer!.errors.filter(({ extensions }) => extensions.code === 'DEADLINE_EXCEEDED');
        expect(late).toHaveLength(answer!.errors.length);
        expect(late[0]).toMatchObject(TOO_LATE);
        await untilNothingRuns();
      }
    },
  );

  test.each(['slow', 'slowInPrisma'])('of many times %s sends nothing after its deadline', async (field) => {
    const names = Array.from({ length: 10 }, (_, n) => `a${String(n)}`);
    const query = `{ ${names.map((name) => `${name}: ${field}(seconds: 30)`).join(' ')} }`;
    const statements = await sent.during(async () => {
      expect((await owner.query(query)).errors[0]).toMatchObject(TOO_LATE);
      await untilNothingRuns();
    });
    // None when the deadline had passed before.
    expect(statements.filter((statement) => statement.includes('pg_sleep')).length).toBeLessThanOrEqual(1);
  });

  test('is answered as far as it came', async () => {
    for (let round = 0; round < 3; round++) {
      await until('a part of it is answered in time', async () => {
        const { status, data, errors } = await owner.query('{ quick me { userId } slow(seconds: 30) }');
        for (const error of errors) expect(error).toMatchObject(TOO_LATE);
        if (data['me'] == null) return false;
        expect(status).toBe(200);
        expect(data).toEqual({ quick: 1, me: { userId: 'demo|acme|owner' }, slow: null });
        expect(errors).toMatchObject([{ path: ['slow'] }]);
        return true;
      });
    }
  });

  test('of which nothing came is answered 504', async () => {
    for (const field of ['slow', 'slowInPrisma']) {
      const { status, text } = await owner.query(`{ ${field}(seconds: 30) }`);
      expect(status).toBe(504);
      const { errors } = JSON.parse(text) as { errors: unknown[] };
      expect(errors).toEqual([TOO_LATE]);
    }
    await untilNothingRuns();
  });

  test('of a client that has gone is cancelled', async () => {
    for (const field of ['slow', 'slowInPrisma']) {
      await abandon(`{ ${field}(seconds: 250) }`, isAsleep);
      await untilNothingRuns();
    }
  });

  test('of a client that has gone is cancelled where PostgreSQL does not work for it', async () => {
    await abandon('{ slowElsewhere(seconds: 250) }', () => Promise.resolve(slow.elsewhere.waiting === 1));
    await until('the field stops', () => slow.elsewhere.waiting === 0);
  });
});

describe('a mutation', () => {
  test.each(['addThenWait', 'addThenSwallow'])('of %s is undone', async (field) => {
    const { status, errors } = await owner.query(`mutation { ${field}(name: "late ${field}", seconds: 30) }`);
    expect(status).toBe(504);
    expect(errors).toMatchObject([TOO_LATE]);
    expect(await tracesOf(database, `late ${field}`)).toEqual(NOTHING);
    await untilNothingRuns();
  });

  test('of a client that has gone is undone', async () => {
    const mutation = 'mutation { addThenWait(name: "gone", seconds: 250) }';
    await abandon(mutation, isAsleep);
    await untilNothingRuns();
    expect(await tracesOf(database, 'gone')).toEqual(NOTHING);
  });

  test('keeps what was committed before, and begins nothing afterwards', async () => {
    let attempt = 0;
    await until('the first mutation is done in time', async () => {
      const inTime = `in time ${String(++attempt)}`;
      const { status, data, errors } = await owner.query(`mutation {
        first: add(name: "${inTime}")
        second: addThenWait(name: "too late", seconds: 30)
        third: begin(name: "never")
      }`);
      for (const error of errors) expect(error).toMatchObject(TOO_LATE);
      if (data['first'] == null) return false;
      expect(status).toBe(200);
      expect(data).toEqual({ first: 1, second: null, third: null });
      expect(errors).toMatchObject([{ path: ['second'] }, { path: ['third'] }]);
      expect(await tracesOf(database, inTime)).toEqual(ONCE);
      return true;
    });
    expect(await tracesOf(database, 'too late')).toEqual(NOTHING);
    expect(slow.begun).not.toContain('never');
  });

  test('with a key leaves nothing, and its repetition runs anew', async () => {
    const send = (to: TestServer, seconds: number) =>
      sendKeyed(to, owner.token, 'late-key', {
        query: 'mutation ($seconds: Float!) { addThenWait(name: "keyed", seconds: $seconds) }',
        variables: { seconds },
      });
    const late = await send(server, 30);
    expect(late).toMatchObject({ status: 504, hasData: false, errors: [TOO_LATE] });
    await untilNothingRuns();
    expect(await tracesOf(database, 'keyed')).toEqual(NOTHING);
    expect(await send(patient, 0)).toMatchObject({ status: 200, errors: [], replayed: false });
    expect(await tracesOf(database, 'keyed')).toEqual(ONCE);
  });
});

test('however many requests are abandoned, no more backends work than the pool has connections', async () => {
  const fields = ['slow', 'slowInPrisma'];
  const send = async (number: number) => {
    const gone = new AbortController();
    const answer = fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: `{ a: ${fields[number % 2]!}(seconds: 20) b: slow(seconds: 20) }` }),
      signal: gone.signal,
    }).catch(() => undefined);
    setTimeout(() => gone.abort(), (number * 7) % 50);
    await answer;
  };
  const most = await mostBackendsDuring(database, async () => {
    for (let wave = 0; wave < WAVES; wave++) {
      await Promise.all(Array.from({ length: 50 }, (_, number) => send(wave * 50 + number)));
    }
  });
  expect(most.length, most.join('\n')).toBeLessThanOrEqual(POOL);
  await untilNothingRuns();
  await until('the pool is whole', () => {
    const { total, idle, waiting } = server.services.database.pool;
    return total === idle && waiting === 0 && total <= POOL;
  });
  await expect
    .poll(async () => (await owner.query('{ me { userId } members { totalCount } }')).errors, {
      timeout: 30_000,
    })
    .toEqual([]);
}, 600_000);

test('a database that stands still ends a request at its deadline', async () => {
  await owner.query('{ quick members { totalCount } }');
  proxy.silence();
  const { status, errors } = await owner.query('{ slow(seconds: 0) }');
  // 503 when the server first had to ask the database for the caller's access.
  expect([
    [504, 'DEADLINE_EXCEEDED'],
    [503, 'UNAVAILABLE'],
  ]).toContainEqual([status, errors[0]!.extensions.code]);
  proxy.restore();
  await expect
    .poll(async () => (await owner.query('{ slow(seconds: 0) }')).errors, { timeout: 30_000 })
    .toEqual([]);
  await untilNothingRuns();
}, 120_000);

describe('a deadline', () => {
  test('tells whoever waits, once, and whoever comes later at once', async () => {
    const deadline = Deadline.after(500);
    const told: string[] = [];
    const stop = deadline.whenOver(() => told.push('stopped'));
    deadline.whenOver(() => told.push('waited'));
    stop();
    expect(deadline.isOver).toBe(false);
    expect(deadline.remaining).toBeGreaterThan(0);
    await expect(deadline.race(new Promise(() => undefined))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    deadline.cancel();
    deadline.whenOver(() => told.push('late'));
    expect(told).toEqual(['waited', 'late']);
    expect([deadline.isOver, deadline.remaining, deadline.signal.aborted]).toEqual([true, 0, true]);
    expect(() => deadline.throwIfOver()).toThrow('The request took longer than 0.5 seconds.');
  });

  test('that is cancelled is over at once', () => {
    const deadline = Deadline.after(60_000);
    const { signal } = deadline;
    deadline.cancel();
    expect([deadline.isOver, deadline.remaining, signal.aborted]).toEqual([true, 0, true]);
  });
});

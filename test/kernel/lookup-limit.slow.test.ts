/**
 * Proves that look-ups that unknown callers can cause hold few connections and end soon, that equal look-ups are sent
 * once, that the readiness probe does not wait for tenants, and that a refused caller is told when to retry.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi, type MockInstance } from 'vitest';
import { newApiKey } from '../../src/kernel/auth/api-key.js';
import { issueToken } from '../../src/kernel/auth/issue-token.js';
import { LookupLimit } from '../../src/kernel/pool/lookup-limit.js';
import { createReadiness } from '../../src/kernel/database/readiness.js';
import { rejectionOf } from '../support/demo-tenants.js';
import { untilHearing, whileHearing } from '../support/hearing.js';
import { sendKeyed } from '../support/keyed-mutations.js';
import { PATIENT } from '../support/patience.js';
import { startTestServer, TEST_SECRET, useServer, type TestServer } from '../support/server.js';
import { addMember, createTestTenant } from '../support/tenant-fixtures.js';
import { until } from '../support/until.js';

// Two connections for look-ups, one of them for API keys, and four for a tenant.
const server = useServer({ env: { DATABASE_POOL_SIZE: '8' } });
let query: MockInstance;
let undisturbed: ReturnType<typeof whileHearing>;
beforeAll(() => {
  undisturbed = whileHearing(server());
  query = vi.spyOn(server().services.database, 'query');
});
afterEach(() => query.mockClear());

const asked = (kernel: string) => query.mock.calls.filter(([sql]) => String(sql).includes(kernel)).length;
const SOON = { timeout: 30_000, interval: 20 };

const tokenOf = (userId: string, tenantId: string) =>
  issueToken(
    { userId, email: 'somebody@example.test', tenantId },
    { secret: TEST_SECRET, issuer: 'tenantry', audience: 'tenantry' },
    60,
  );
const ask = (bearer: string, document = '{ me { role } }', at: TestServer = server()) =>
  at.withHeaders({ authorization: `Bearer ${bearer}` }).query(document);

/** Runs `work` while a table is locked. */
async function whileLocked<Result>(table: string, work: () => Promise<Result>): Promise<Result> {
  const holder = new pg.Client({ connectionString: server().database.superuser });
  await holder.connect();
  try {
    await holder.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    return await work();
  } finally {
    await holder.end();
  }
}

/** The number of the server's backends that wait for a lock. */
async function held(): Promise<number> {
  const [row] = await server().database.asSuperuser<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND usename = 'tenantry_app' AND wait_event_type = 'Lock'`,
  );
  return row!.count;
}

const untilReady = () =>
  until('it is ready', async () => (await fetch(`${server().url}/readyz`)).status === 200);

describe('unknown API keys', () => {
  test('hold one connection, while members are served', async () => {
    const member = await server().as('owner', 'acme');
    expect((await member.query('{ me { role } }')).errors).toEqual([]);
    const strangers = await whileLocked('api_keys', async () => {
      const under = Array.from({ length: 40 }, () => ask(newApiKey().key));
      await until('they are held', async () => (await held()) > 0);
      for (let round = 0; round < 5; round++) {
        const { errors } = await member.query('{ members { nodes { id } } }');
        expect(errors).toEqual([]);
        expect(await held()).toBeLessThanOrEqual(1);
        await untilReady();
      }
      return under;
    });
    for (const { errors } of await Promise.all(strangers)) {
      expect(['UNAUTHENTICATED', 'UNAVAILABLE']).toContain(errors[0]?.extensions.code);
    }
  });

  test('are looked up once, for a moment, and a key that comes to be works at once', async () => {
    // That there is no such key is kept for five seconds, which a busy machine may need for a few requests.
    await until('a key is looked up once, and works in less time than its absence is kept', async () => {
      await untilHearing(server());
      const { key, prefix, keyHash } = newApiKey();
      query.mockClear();
      for (let round = 0; round < 5; round++) {
        expect((await ask(key)).errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
      }
      const lookUps = asked('resolve_api_key');
      const since = performance.now();
      await server().database.asSuperuser(
        `INSERT INTO api_keys (tenant_id, name, prefix, key_hash, permissions, created_by)
         VALUES ($1, 'restored', $2, $3, '{members:read}', 'demo|acme|owner')`,
        [await server().database.tenantId('acme'), prefix, keyHash],
      );
      await expect.poll(async () => (await ask(key)).errors, SOON).toEqual([]);
      return lookUps === 1 && performance.now() - since < 4_000;
    });
  });
});

describe('look-ups of access', () => {
  test('that are equal and come together are one', async () => {
    await createTestTenant(server().database, 'together');
    await undisturbed(async () => {
      const userId = `member|${randomUUID()}`;
      const email = `${randomUUID()}@together.test`;
      await addMember(server().database, { slug: 'together', userId, email, role: 'viewer' });
      query.mockClear();
      const answers = await whileLocked('memberships', async () => {
        const under = Array.from({ length: 60 }, () => ask(tokenOf(userId, 'together'), '{ __typename }'));
        await until('they are under way', () => asked('resolve_access') > 0);
        return under;
      });
      for (const { errors } of await Promise.all(answers)) expect(errors).toEqual([]);
      // One more when a notification arrived in between.
      expect(asked('resolve_access')).toBeLessThanOrEqual(2);
    });
  });

  test('of one user in many tenants hold one connection', async () => {
    const before = await server().as('owner', 'acme');
    await undisturbed(async () => {
      expect((await before.query('{ __typename }')).errors).toEqual([]);
      const wanderer = `idp|${randomUUID()}`;
      const answers = await whileLocked('tenants', async () => {
        const under = Array.from({ length: 20 }, () => ask(tokenOf(wanderer, randomUUID())));
        await until('they are held', async () => (await held()) > 0);
        expect((await before.query('{ __typename }')).errors).toEqual([]);
        expect(await held()).toBeLessThanOrEqual(1);
        return under;
      });
      await Promise.all(answers);
    });
  });
});

describe('the door', () => {
  test('gives every place back, and says who is to come later', async () => {
    const door = new LookupLimit({ poolSize: 8, maxWait: 20 });
    const inside = [
      await door.enter({ purpose: 'api-key' }),
      await door.enter({ purpose: 'access', caller: 'u' }),
    ];
    const codeOf = async (work: Promise<unknown>) =>
      ((await rejectionOf(work)) as { extensions: { code: string } }).extensions.code;
    expect(await codeOf(door.enter({ purpose: 'api-key' }))).toBe('UNAVAILABLE');
    expect(await codeOf(door.enter({ purpose: 'access', caller: 'u' }))).toBe('RATE_LIMITED');
    expect(await codeOf(door.enter({ purpose: 'access', caller: 'v' }))).toBe('UNAVAILABLE');
    expect(door.refused).toBe(3);
    // An acceptance may wait for a lock, so it has places of its own.
    inside.push(await door.enter({ purpose: 'invitation', caller: 'u' }));
    for (const leave of inside) leave();
    for (let round = 0; round < 3; round++) {
      (await door.enter({ purpose: 'access', caller: 'v' }))();
      (await door.enter({ purpose: 'api-key' }))();
    }
    expect(door.waiting).toBe(0);
  });
});

describe('readiness', () => {
  const answerOf = (path: string) => fetch(server().url + path);

  test('is told while tenants hold the whole pool', async () => {
    const clients = await Promise.all(
      ['acme', 'globex'].flatMap((tenant) =>
        ['owner', 'admin'].map(async (user) => server().as(user, tenant)),
      ),
    );
    await Promise.all(clients.map((client) => client.query('{ __typename }')));
    const answers = await whileLocked('audit_log', async () => {
      const under = clients.flatMap((client) =>
        Array.from({ length: 5 }, () => client.query('{ auditLog { nodes { id } } }')),
      );
      await until('the pool is held', async () => (await held()) === 8);
      await untilReady();
      const metrics = await (await answerOf('/metrics')).text();
      expect(metrics).toMatch(/tenantry_pool_waiting\{reason="(tenant|caller)"\} [1-9]/);
      expect(metrics).not.toMatch(/acme|globex/);
      return under;
    });
    await Promise.all(answers);
  });

  test('is asked once for many probes at a time, on one connection that is kept', async () => {
    const statements = vi.spyOn(pg.Client.prototype, 'query');
    const probes = () =>
      statements.mock.calls.filter(([statement]) => (statement as unknown) === 'SELECT 1').length;
    const readiness = createReadiness({ url: server().database.app, sharedForMs: 0 });
    const slow = createReadiness({ url: server().database.app, sharedForMs: 60_000 });
    try {
      await Promise.all(Array.from({ length: 50 }, () => readiness.check()));
      expect(probes()).toBe(1);
      await readiness.check();
      expect(probes()).toBe(2);
      for (let round = 0; round < 50; round++) await slow.check();
      expect(probes()).toBe(3);
      const [row] = await server().database.asSuperuser<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'tenantry readiness'`,
      );
      // The server's own connection may be one of them.
      expect(row!.count).toBeLessThanOrEqual(3);
    } finally {
      statements.mockRestore();
      await readiness.close();
      await slow.close();
    }
  });

  test('comes back when its connection was lost, and is refused when there is none', async () => {
    const readiness = createReadiness({ url: server().database.app, sharedForMs: 0 });
    try {
      await readiness.check();
      await server().database.asSuperuser(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'tenantry readiness'`,
      );
      await expect
        .poll(
          () =>
            readiness.check().then(
              () => 'ready',
              () => 'not',
            ),
          SOON,
        )
        .toBe('ready');
    } finally {
      await readiness.close();
    }
    await rejectionOf(readiness.check());
    const nowhere = createReadiness({ url: 'postgresql://nobody:hunter2@127.0.0.1:9/none', sharedForMs: 0 });
    expect(String(await rejectionOf(nowhere.check()))).not.toContain('hunter2');
    await nowhere.close();
  });
});

test('beyond its share a caller is told when to come again: in the answer, and by HTTP', async () => {
  const { database } = server();
  const env = { DATABASE_POOL_SIZE: '8' };
  const impatient = await startTestServer({ database, env, limits: { ...PATIENT, maxWait: 4_000 } });
  onTestFinished(() => impatient.close());
  const colleague = await impatient.as('viewer', 'globex');
  const { token: owner } = await impatient.as('owner', 'globex');
  const holding = await whileLocked('audit_log', async () => {
    const under = Array.from({ length: 3 }, () => ask(owner, '{ auditLog { nodes { id } } }', impatient));
    await until('their share is used up', async () => (await held()) === 3);
    const [field, keyed, other] = await Promise.all([
      ask(owner, '{ members { nodes { id } } }', impatient),
      sendKeyed(impatient, owner, randomUUID(), {
        query: 'mutation { updateTenant(input: { name: "x" }) { tenant { id } } }',
      }),
      colleague.query('{ members { nodes { id } } }'),
    ]);
    expect(field).toMatchObject({ status: 200, data: { members: null } });
    expect(keyed).toMatchObject({ status: 429, hasData: false });
    for (const { errors, headers } of [field, keyed]) {
      expect(errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfter: 4 } }]);
      expect(headers.get('retry-after')).toBe('4');
    }
    expect(other.errors).toEqual([]);
    return under;
  });
  await Promise.all(holding);
});

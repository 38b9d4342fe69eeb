/**
 * Proves that no tenant and no caller holds more than its share of the pool, whatever it runs and by whichever path it
 * reaches the database; that others are served meanwhile; and that requests beyond the share end in time. Slow
 * statements are ones that wait for a lock of the test, so nothing depends on the clock.
 */
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { PublicError } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { TenantContext } from '../../src/kernel/request/tenant-context.js';
import type { Database, DatabaseOptions } from '../../src/kernel/tenancy/database.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { contextOf, rejectionOf, useDemoTenants } from '../support/demo-tenants.js';
import { until } from '../support/until.js';

const database = useDatabase();
const tenants = useDemoTenants(database);
const PATIENT = { maxWait: 60_000, timeout: 60_000, statementTimeout: 60_000 };
const LOCK = 1_502;
const HELD = Prisma.sql`SELECT pg_advisory_xact_lock_shared(1502)::text`;

const opened: Database[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});
function open(options: Partial<DatabaseOptions> & { readonly poolSize: number }): Database {
  const database_ = openTestDatabase({ url: database().app, limits: PATIENT, ...options });
  opened.push(database_);
  return database_;
}

/** Runs `work` while every statement that takes the lock waits, and then releases the lock. */
async function whileHeld<Result>(work: () => Promise<Result>): Promise<Result> {
  const holder = new pg.Client({ connectionString: database().superuser });
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    return await work();
  } finally {
    await holder.end();
  }
}

/** The number of backends of the server's role that wait for the lock. */
async function held(): Promise<number> {
  const [row] = await database().asSuperuser<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND usename = 'tenantry_app' AND wait_event_type = 'Lock'`,
  );
  return row!.count;
}

const user = (tenant: TenantContext, id: string): TenantContext =>
  contextOf(tenant.tenantId, { type: 'user', id }, 'request');

/** The paths to the database. Each sends one statement that waits for the lock. */
const PATHS: readonly [string, (on: Database, context: TenantContext) => Promise<unknown>][] = [
  ['a read that is one batch', (on, context) => on.forTenant(context).$queryRaw(HELD)],
  [
    'a read that Prisma runs',
    (on, context) => {
      const db = on.forTenant(context);
      // A read that only Prisma understands, so Prisma runs all reads of the tick.
      return Promise.all([db.$queryRaw(HELD), db.tenant.findFirst({ include: { memberships: true } })]);
    },
  ],
  ['a write', (on, context) => on.forTenant(context).$executeRaw(HELD)],
  ['a transaction', (on, context) => on.forTenant(context).transaction((tx) => tx.$queryRaw(HELD))],
  ['a unit of work', (on, context) => on.unitOfWork(context, (db) => db.$queryRaw(HELD))],
];

describe.each(PATHS)('%s', (_name, run) => {
  test('of one tenant leaves the other half of the pool, while 60 are under way', async () => {
    const shared = open({ poolSize: 6 });
    const { acme, globex } = tenants();
    const [flood, others] = await whileHeld(async () => {
      // Many users, so that none reaches a caller's limit.
      const under = Array.from({ length: 60 }, (_, at) => run(shared, user(acme, `user ${String(at)}`)));
      await until('the share is used up', async () => (await held()) >= 3);
      const answered = [];
      for (let round = 0; round < 10; round++) {
        answered.push(...(await shared.forTenant(globex).membership.findMany({ select: { id: true } })));
        answered.push(await shared.forTenant(globex).transaction((tx) => tx.membership.count()));
        expect(await held()).toBe(3);
      }
      expect(shared.pool.waitingForShare).toEqual({ tenant: 57, caller: 0, door: 0 });
      return [under, answered] as const;
    });
    await Promise.all(flood);
    expect(others.length).toBeGreaterThan(20);
    expect(shared.pool.waitingForShare).toEqual({ tenant: 0, caller: 0, door: 0 });
    expect(shared.pool.refused).toEqual({ tenant: 0, caller: 0, door: 0 });
  });

  test('of one caller leaves a connection to their colleagues', async () => {
    const shared = open({ poolSize: 6 });
    const { acme } = tenants();
    const flood = await whileHeld(async () => {
      const under = Array.from({ length: 60 }, () => run(shared, user(acme, 'busy')));
      await until('the share is used up', async () => (await held()) >= 2);
      for (let round = 0; round < 10; round++) {
        await shared.forTenant(user(acme, 'colleague')).membership.count();
        expect(await held()).toBe(2);
      }
      expect(shared.pool.waitingForShare).toEqual({ tenant: 0, caller: 58, door: 0 });
      return under;
    });
    await Promise.all(flood);
  });
});

describe('the share', () => {
  test('of a user is one share, in however many tenants', async () => {
    const shared = open({ poolSize: 6 });
    const { acme, globex } = tenants();
    const flood = await whileHeld(async () => {
      const under = [acme, globex].flatMap((tenant) =>
        Array.from({ length: 10 }, () => shared.forTenant(user(tenant, 'everywhere')).$queryRaw(HELD)),
      );
      await until('the rest waits', () => shared.pool.waitingForShare.caller === 18);
      await until('the share is used up', async () => (await held()) >= 2);
      expect(await held()).toBe(2);
      return under;
    });
    await Promise.all(flood);
  });

  test('of an API key is not that of a user of the same name', async () => {
    const shared = open({ poolSize: 8 });
    const { acme } = tenants();
    const flood = await whileHeld(async () => {
      const under = (['user', 'api_key'] as const).map((type) =>
        Array.from({ length: 10 }, () =>
          shared.forTenant(contextOf(acme.tenantId, { type, id: 'same' })).$queryRaw(HELD),
        ),
      );
      // The tenant has four places. One caller holds three and the other one, with two more in the tenant's queue.
      await until('the rest waits', () => shared.pool.waitingForShare.caller === 14);
      expect(shared.pool.waitingForShare).toEqual({ tenant: 2, caller: 14, door: 0 });
      return under.flat();
    });
    await Promise.all(flood);
  });

  test.each([
    [1, undefined, 1],
    [2, undefined, 1],
    [3, undefined, 2],
    [10, undefined, 5],
    [10, 2, 2],
    [2, 9, 2],
  ])('of a pool of %i, configured %o, is %i', async (poolSize, perTenant, expected) => {
    const shared = open({ poolSize, perTenant });
    const { acme } = tenants();
    const flood = await whileHeld(async () => {
      const under = Array.from({ length: 12 }, (_, at) =>
        shared.forTenant(user(acme, `user ${String(at)}`)).$queryRaw(HELD),
      );
      await until('the share is used up', async () => (await held()) >= expected);
      expect(await held()).toBe(expected);
      return under;
    });
    await Promise.all(flood);
  });

  test('is given back after every kind of failure', async () => {
    const shared = open({ poolSize: 2 });
    const { acme } = tenants();
    const db = shared.forTenant(acme);
    for (let round = 0; round < 3; round++) {
      await rejectionOf(db.$queryRaw(Prisma.sql`SELECT 1 / 0`));
      await rejectionOf(db.$executeRaw(Prisma.sql`SELECT 1 / 0`));
      await rejectionOf(db.transaction(() => Promise.reject(new Error('undo'))));
      await rejectionOf(shared.unitOfWork(acme, () => Promise.reject(new Error('undo'))));
      await rejectionOf(db.$queryRaw(Prisma.sql`SELECT pg_terminate_backend(pg_backend_pid())`));
    }
    expect(await db.membership.count()).toBeGreaterThan(0);
  });

  test('does not let anybody wait for ever: RATE_LIMITED, with the time to wait, and nothing is lost', async () => {
    const shared = open({ poolSize: 2, limits: { ...PATIENT, maxWait: 400 } });
    const { acme, globex } = tenants();
    // A busy machine may take longer than that to connect.
    await until('there are both connections', async () => {
      await Promise.allSettled([acme, globex].map((tenant) => shared.forTenant(tenant).membership.count()));
      return shared.pool.idle === 2;
    });
    await whileHeld(async () => {
      const holding = shared.forTenant(acme).$queryRaw(HELD);
      holding.catch(() => undefined);
      await until('the share is used up', async () => (await held()) === 1);
      const late = await Promise.all([
        rejectionOf(shared.forTenant(acme).membership.count()),
        rejectionOf(shared.forTenant(user(acme, 'colleague')).transaction((tx) => tx.membership.count())),
        rejectionOf(shared.unitOfWork(acme, (db) => db.membership.count())),
      ]);
      for (const error of late) {
        expect(error).toBeInstanceOf(PublicError);
        expect(error).toMatchObject({ extensions: { code: 'RATE_LIMITED', retryAfter: 1 } });
      }
      expect(await shared.forTenant(globex).membership.count()).toBeGreaterThan(0);
      expect(shared.pool.refused).toEqual({ tenant: 1, caller: 2, door: 0 });
    });
    expect(await shared.forTenant(acme).membership.count()).toBeGreaterThan(0);
  });
});

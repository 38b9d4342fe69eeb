/** Clients bound to acme and to globex, and databases with their own limits for tests that need them. */
import { afterAll, beforeAll } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { PATIENT } from './patience.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TenantClient, TenantTx, TransactionLimits } from '../../src/kernel/tenancy/tenant-client.js';
import { openTestDatabase, useDatabase } from './database.js';
import { useDemoTenants } from './demo-tenants.js';
import { until } from './until.js';

/**
 * Repeats `work` while it is refused for lack of time. On a busy machine, connecting and every statement take longer than
 * a test's short limit allows.
 */
export async function onceServed<Result>(work: () => Promise<Result>): Promise<Result> {
  let served: { readonly result: Result } | undefined;
  await until('it is served', async () => {
    try {
      served = { result: await work() };
    } catch (error) {
      if (!['UNAVAILABLE', 'RATE_LIMITED'].includes(publicError(error)?.code ?? '')) throw error;
    }
    return served !== undefined;
  });
  return served!.result;
}

/** Waits until the pool has a connection. */
export const connectedOnce = (db: TenantClient): Promise<number> => onceServed(() => db.tenant.count());

/** Runs `work` while a transaction of `db` is open, but outside of it. */
export async function whileConnected(db: TenantClient, work: () => Promise<void>): Promise<void> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let holding: Promise<void> | undefined;
  await onceServed(async () => {
    let hold = (): void => undefined;
    const held = new Promise<void>((resolve) => (hold = resolve));
    holding = db.transaction(async (tx) => {
      await tx.membership.count();
      hold();
      await released;
    });
    await Promise.race([held, holding]);
  });
  try {
    await work();
  } finally {
    release();
    await holding;
  }
}

export const newMember = (userId: string) => ({ userId, email: `${userId}@acme.test`, role: 'viewer' });

export const NOTHING = { rows: 0, entries: 0 };

/** A query for the transaction in which a read ran, and its settings. */
export const TRANSACTION = Prisma.sql`
  SELECT transaction_timestamp()::text AS started, pg_backend_pid() AS connection,
         pg_current_snapshot()::text AS snapshot, current_setting('transaction_isolation') AS isolation,
         current_setting('transaction_read_only') AS "readOnly"`;

interface Transaction {
  readonly started: string;
  readonly connection: number;
  readonly snapshot: string;
  readonly isolation: string;
  readonly readOnly: string;
}

export const transactionOf = async (db: TenantClient | TenantTx): Promise<Transaction> =>
  (await db.$queryRaw<Transaction>(TRANSACTION))[0]!;

/** Call it at the top level. */
export function useBoundClients() {
  const database = useDatabase();
  const tenants = useDemoTenants(database);

  let shared: Database | undefined;
  beforeAll(async () => {
    // Lets PostgreSQL detect deadlocks quickly, which takes a second by default.
    await database().asSuperuser(
      `ALTER ROLE tenantry_app IN DATABASE ${database().name} SET deadlock_timeout = '20ms'`,
    );
    shared = openTestDatabase({ url: database().app, poolSize: 4, perTenant: 4, limits: PATIENT });
  });
  afterAll(() => shared?.close());

  const acme = (): TenantClient => shared!.forTenant(tenants().acme);
  const globex = (): TenantClient => shared!.forTenant(tenants().globex);

  /** Opens a database with its own limits. */
  async function withLimits(
    limits: Partial<TransactionLimits> & { readonly poolSize?: number },
    work: (opened: Database) => Promise<void>,
  ): Promise<void> {
    const { poolSize = 1, ...own } = limits;
    const opened = openTestDatabase({ url: database().app, poolSize, limits: { ...PATIENT, ...own } });
    try {
      await work(opened);
    } finally {
      await opened.close();
    }
  }

  /** What is stored of a member: the numbers of rows and audit entries. */
  async function tracesOf(userId: string): Promise<{ rows: number; entries: number }> {
    const [traces] = await database().asSuperuser<{ rows: number; entries: number }>(
      `SELECT (SELECT count(*)::int FROM memberships WHERE user_id = $1) AS rows,
            (SELECT count(*)::int FROM audit_log WHERE entity = 'Membership' AND new_value ->> 'user_id' = $1) AS entries`,
      [userId],
    );
    return traces!;
  }

  return { database, tenants, acme, globex, withLimits, tracesOf };
}

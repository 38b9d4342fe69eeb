/**
 * Proves what a unit of work guarantees: it is all or nothing, and the operations and transactions in it are as
 * independent of each other as outside.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { PATIENT } from '../support/patience.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TenantClient, TenantTx } from '../../src/kernel/tenancy/tenant-client.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { rejectionOf, useDemoTenants } from '../support/demo-tenants.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

let shared: Database | undefined;
beforeAll(async () => {
  await database().asSuperuser(
    `ALTER ROLE tenantry_app IN DATABASE ${database().name} SET deadlock_timeout = '20ms'`,
  );
  shared = openTestDatabase({ url: database().app, poolSize: 4, perTenant: 4, limits: PATIENT });
});
afterAll(() => shared?.close());

const unit = <Result>(work: (db: TenantClient) => Promise<Result>): Promise<Result> =>
  shared!.unitOfWork(tenants().acme, work);

const DIVISION_BY_ZERO = Prisma.sql`SELECT 1 / 0`;
const RAISE_SERIALIZATION_FAILURE = Prisma.sql`DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$`;

const member = (name: string) => ({ userId: name, email: `${name}@acme.test`, role: 'viewer' });
const add = (db: TenantClient | TenantTx, name: string) => db.membership.create({ data: member(name) });

/** The names that are stored, each as a row with one audit entry. */
async function kept(...names: string[]): Promise<string[]> {
  const rows = await database().asSuperuser<{ user_id: string; entries: number }>(
    `SELECT user_id, (SELECT count(*)::int FROM audit_log WHERE entity_id = m.id::text) AS entries
     FROM memberships m WHERE user_id = ANY ($1) ORDER BY user_id`,
    [names],
  );
  for (const { entries } of rows) expect(entries).toBe(1);
  return rows.map(({ user_id }) => user_id);
}

const transactionOf = async (db: TenantClient | TenantTx): Promise<unknown> =>
  (
    await db.$queryRaw(
      Prisma.sql`SELECT pg_backend_pid() AS connection, transaction_timestamp()::text AS started,
                        current_setting('transaction_isolation') AS isolation`,
    )
  )[0];

describe('a unit of work', () => {
  test('is one transaction: reads, writes, raw statements and transactions', async () => {
    const seen = await unit(async (db) => {
      const first = await transactionOf(db);
      await add(db, 'whole 1');
      const inner = await db.transaction(async (tx) => {
        await add(tx, 'whole 2');
        return transactionOf(tx);
      });
      expect(await db.membership.count({ where: { userId: { startsWith: 'whole' } } })).toBe(2);
      expect(await kept('whole 1', 'whole 2')).toEqual([]);
      return [first, inner, await transactionOf(db)];
    });
    expect(seen[0]).toMatchObject({ isolation: 'read committed' });
    expect(seen).toEqual([seen[0], seen[0], seen[0]]);
    expect(await kept('whole 1', 'whole 2')).toEqual(['whole 1', 'whole 2']);
  });

  test('that throws leaves nothing, whatever succeeded in it', async () => {
    const work = unit(async (db) => {
      await add(db, 'undone 1');
      await db.transaction((tx) => add(tx, 'undone 2'));
      throw new Error('undo');
    });
    expect(await rejectionOf(work)).toMatchObject({ message: 'undo' });
    expect(await kept('undone 1', 'undone 2')).toEqual([]);
  });

  test('runs on after an operation that failed, as without it', async () => {
    await unit(async (db) => {
      await add(db, 'before');
      expect(publicError(await rejectionOf(add(db, 'demo|acme|owner')))?.code).toBe('CONFLICT');
      expect(sqlState(await rejectionOf(db.$queryRaw(DIVISION_BY_ZERO)))).toBe('22012');
      expect(sqlState(await rejectionOf(db.$executeRaw(DIVISION_BY_ZERO)))).toBe('22012');
      await add(db, 'after');
    });
    expect(await kept('after', 'before')).toEqual(['after', 'before']);
  });

  test('undoes of a transaction that throws all, and nothing else', async () => {
    await unit(async (db) => {
      await add(db, 'outside 1');
      const failed = db.transaction(async (tx) => {
        await add(tx, 'inside');
        throw new Error('only this');
      });
      expect(await rejectionOf(failed)).toMatchObject({ message: 'only this' });
      await add(db, 'outside 2');
    });
    expect(await kept('inside', 'outside 1', 'outside 2')).toEqual(['outside 1', 'outside 2']);
  });

  test('keeps apart what is issued together: a failure undoes its own only', async () => {
    const outcomes = await unit((db) =>
      Promise.allSettled([
        add(db, 'together 1'),
        db.transaction(async (tx) => {
          await add(tx, 'together 2');
          await tx.$queryRaw(DIVISION_BY_ZERO);
        }),
        db.$queryRaw(DIVISION_BY_ZERO),
        db.transaction((tx) => Promise.all([add(tx, 'together 3'), add(tx, 'together 4')])),
        db.membership.count(),
        add(db, 'together 5'),
      ]),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    const names = [1, 2, 3, 4, 5].map((number) => `together ${String(number)}`);
    expect(await kept(...names)).toEqual(names.filter((name) => name !== 'together 2'));
  });

  test('does not wait for ever when the outer client is used inside a transaction: it belongs to that', async () => {
    await unit(async (db) => {
      const failed = db.transaction(async (tx) => {
        await add(tx, 'nested 1');
        await add(db, 'nested 2');
        await db.transaction((inner) => add(inner, 'nested 3'));
        expect(await db.membership.count({ where: { userId: { startsWith: 'nested' } } })).toBe(3);
        await rejectionOf(db.$queryRaw(DIVISION_BY_ZERO));
        await add(tx, 'nested 4');
        throw new Error('undo');
      });
      await rejectionOf(failed);
      await add(db, 'nested 5');
    });
    const names = [1, 2, 3, 4, 5].map((number) => `nested ${String(number)}`);
    expect(await kept(...names)).toEqual(['nested 5']);
  });

  test('undoes what a failed transaction left under way, and refuses what comes after its end', async () => {
    let inner: TenantTx | undefined;
    await unit(async (db) => {
      const late: Promise<unknown>[] = [];
      await rejectionOf(
        db.transaction(async (tx) => {
          inner = tx;
          late.push(add(tx, 'late 1'), add(tx, 'late 2'));
          throw new Error('at once');
        }),
      );
      await Promise.allSettled(late);
      await rejectionOf(add(inner!, 'late 3'));
    });
    expect(await kept('late 1', 'late 2', 'late 3')).toEqual([]);
  });

  test('is lost when an operation fails in the transaction itself', async () => {
    const work = shared!.unitOfWork(tenants().acme, async (db, tx) => {
      await add(db, 'lost 1');
      await add(tx, 'lost 2');
      await rejectionOf(tx.$queryRaw(DIVISION_BY_ZERO));
      expect(sqlState(await rejectionOf(add(db, 'lost 3')))).toBe('25P02');
    });
    await rejectionOf(work);
    expect(await kept('lost 1', 'lost 2', 'lost 3')).toEqual([]);
  });

  test('cannot be used after it has ended', async () => {
    let escaped: TenantClient | undefined;
    await unit(async (db) => {
      escaped = db;
    });
    await rejectionOf(add(escaped!, 'escaped'));
    await rejectionOf(escaped!.transaction((tx) => add(tx, 'escaped')));
    expect(await kept('escaped')).toEqual([]);
  });

  test('waits for what it was not asked to wait for', async () => {
    await unit(async (db) => {
      void add(db, 'forgotten');
    });
    expect(await kept('forgotten')).toEqual(['forgotten']);
  });

  test('is narrowed to its tenant, as any client', async () => {
    const other = tenants().globex.tenantId;
    await unit(async (db) => {
      const rows = await db.membership.findMany();
      expect(new Set(rows.map(({ tenantId }) => tenantId))).toEqual(new Set([tenants().acme.tenantId]));
      expect(
        await db.$queryRaw(Prisma.sql`SELECT FROM memberships WHERE tenant_id = ${other}::uuid`),
      ).toEqual([]);
      await rejectionOf(db.membership.create({ data: { ...member('foreign'), tenantId: other } }));
    });
  });

  test('is repeated as a whole after a serialization failure, never in part', async () => {
    let attempts = 0;
    let inner = 0;
    const conflict = unit(async (db) => {
      attempts++;
      await add(db, 'repeated');
      await db.transaction(async (tx) => {
        inner++;
        if (attempts === 1) await tx.$executeRaw(RAISE_SERIALIZATION_FAILURE);
      });
    });
    await conflict;
    expect([attempts, inner]).toEqual([2, 2]);
    expect(await kept('repeated')).toEqual(['repeated']);
  });

  test('two that deadlock both succeed in the end', async () => {
    const [one, two] = await shared!.forTenant(tenants().acme).membership.findMany({ take: 2 });
    let arrived = 0;
    let open: () => void = () => undefined;
    const bothHoldOne = new Promise<void>((resolve) => (open = resolve));
    const touchBoth = (first: string, second: string, by: string) =>
      unit(async (db) => {
        const touch = (id: string) => db.membership.update({ where: db.key(id), data: { invitedBy: by } });
        await touch(first);
        if (++arrived === 2) open();
        await bothHoldOne;
        await db.transaction((tx) =>
          tx.membership.update({ where: tx.key(second), data: { invitedBy: by } }),
        );
      });
    await Promise.all([touchBoth(one!.id, two!.id, 'a'), touchBoth(two!.id, one!.id, 'b')]);
    expect(arrived).toBeGreaterThanOrEqual(3);
    const rows = await shared!.forTenant(tenants().acme).membership.findMany({
      where: { id: { in: [one!.id, two!.id] } },
    });
    expect(rows[0]!.invitedBy).toBe(rows[1]!.invitedBy);
  });
});

/**
 * Proves what the tenant-bound client guarantees: a transaction is all or nothing and is repeated as a whole, and the
 * reads of one tick are one transaction.
 */
import { describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import type { TenantTx } from '../../src/kernel/tenancy/tenant-client.js';
import { SecondConnectionError } from '../../src/kernel/driver/open-transaction.js';
import { rejectionOf } from '../support/demo-tenants.js';
import {
  connectedOnce,
  whileConnected,
  newMember,
  NOTHING,
  TRANSACTION,
  transactionOf,
  useBoundClients,
} from '../support/bound-clients.js';

const { database, tenants, acme, globex, withLimits, tracesOf } = useBoundClients();

const ONCE = { rows: 1, entries: 1 };

const RAISE_SERIALIZATION_FAILURE = Prisma.sql`DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$`;
const DIVISION_BY_ZERO = Prisma.sql`SELECT 1 / 0`;

describe('a transaction', () => {
  test('is kept when its work succeeds, with its audit entries', async () => {
    const member = await acme().transaction((tx) => tx.membership.create({ data: newMember('kept') }));
    expect(member.tenantId).toBe(tenants().acme.tenantId);
    expect(await tracesOf('kept')).toEqual(ONCE);
  });

  test('that rolls back undoes the model calls made in it, and their audit entries', async () => {
    const work = acme().transaction(async (tx) => {
      const { id } = await tx.membership.create({ data: newMember('undone') });
      await tx.membership.update({ where: tx.key(id), data: { role: 'admin' } });
      expect(await tx.auditEntry.count({ where: { entityId: id } })).toBe(2);
      throw new Error('undo');
    });
    expect(await rejectionOf(work)).toMatchObject({ message: 'undo' });
    expect(await tracesOf('undone')).toEqual(NOTHING);
  });

  test('refuses what is done with the outer client meanwhile: that would take a second connection', async () => {
    const db = acme();
    const work = db.transaction(async (tx) => {
      await tx.membership.create({ data: newMember('inner') });
      await db.membership.create({ data: newMember('outer') });
    });
    expect(await rejectionOf(work)).toBeInstanceOf(SecondConnectionError);
    expect(await tracesOf('inner')).toEqual(NOTHING);
    expect(await tracesOf('outer')).toEqual(NOTHING);
  });

  test('that violates a constraint leaves nothing', async () => {
    const work = acme().transaction(async (tx) => {
      await tx.membership.create({ data: newMember('first') });
      await tx.membership.create({ data: newMember('demo|acme|owner') });
    });
    expect(publicError(await rejectionOf(work))?.code).toBe('CONFLICT');
    expect(await tracesOf('first')).toEqual(NOTHING);
  });

  test('in which an error of the database was swallowed does not pretend to have been kept', async () => {
    const work = acme().transaction(async (tx) => {
      await tx.membership.create({ data: newMember('swallowed') });
      await tx.$queryRaw(DIVISION_BY_ZERO).catch(() => undefined);
    });
    const kept = await work.then(
      () => true,
      () => false,
    );
    expect(await tracesOf('swallowed')).toEqual(kept ? ONCE : NOTHING);
  });

  test('that PostgreSQL refuses at its very end fails, leaves nothing, and gives its connection back', async () => {
    await database().asSuperuser(
      `CREATE FUNCTION refuse_at_commit() RETURNS trigger LANGUAGE plpgsql
       AS $$ BEGIN RAISE EXCEPTION 'refused at commit' USING ERRCODE = '23514'; END $$`,
    );
    await database().asSuperuser(
      `CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON memberships DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW WHEN (NEW.user_id = 'refused at commit') EXECUTE FUNCTION refuse_at_commit()`,
    );
    await withLimits({}, async (opened) => {
      const db = opened.forTenant(tenants().acme);
      const data = newMember('refused at commit');
      for (let attempt = 0; attempt < 2; attempt++) {
        const work = db.transaction((tx) => tx.membership.create({ data }));
        expect(sqlState(await rejectionOf(work))).toBe('23514');
        expect(sqlState(await rejectionOf(db.membership.create({ data })))).toBe('23514');
        expect(await db.tenant.count()).toBe(1);
      }
    });
    expect(await tracesOf('refused at commit')).toEqual(NOTHING);
  });

  test('runs at read committed and may write', async () => {
    const transaction = await acme().transaction(transactionOf);
    expect(transaction).toMatchObject({ isolation: 'read committed', readOnly: 'off' });
  });

  test('is one transaction for all its operations, also for those issued together', async () => {
    await acme().transaction(async (tx) => {
      const [first, members, second] = await Promise.all([
        transactionOf(tx),
        tx.membership.findMany(),
        transactionOf(tx),
      ]);
      const third = await transactionOf(tx);
      expect(new Set([first.started, second.started, third.started]).size).toBe(1);
      expect(new Set(members.map(({ tenantId }) => tenantId))).toEqual(new Set([tenants().acme.tenantId]));
    });
  });

  test('cannot be used after it has ended', async () => {
    const escaped = await acme().transaction(async (tx) => [tx] as const);
    const [tx] = escaped;
    expect(await rejectionOf(tx.membership.findMany())).toBeInstanceOf(Error);
    expect(await rejectionOf(tx.$queryRaw(TRANSACTION))).toBeInstanceOf(Error);
    expect(await rejectionOf(tx.membership.create({ data: newMember('late') }))).toBeInstanceOf(Error);
    expect(await tracesOf('late')).toEqual(NOTHING);
  });

  test('that was rolled back cannot be used either', async () => {
    let escaped: TenantTx | undefined;
    await rejectionOf(
      acme().transaction(async (tx) => {
        escaped = tx;
        throw new Error('undo');
      }),
    );
    expect(await rejectionOf(escaped!.membership.create({ data: newMember('late') }))).toBeInstanceOf(Error);
    expect(await tracesOf('late')).toEqual(NOTHING);
  });
});

describe('conflicts', () => {
  test('a serialization failure repeats the whole transaction, and nothing of the first attempt stays', async () => {
    let attempts = 0;
    const result = await acme().transaction(async (tx) => {
      attempts++;
      await tx.membership.create({ data: newMember('repeated') });
      if (attempts === 1) await tx.$executeRaw(RAISE_SERIALIZATION_FAILURE);
      return attempts;
    });
    expect(result).toBe(2);
    expect(await tracesOf('repeated')).toEqual(ONCE);
  });

  test('a conflict that does not go away is given up after four attempts', async () => {
    let attempts = 0;
    const work = acme().transaction(async (tx) => {
      attempts++;
      await tx.membership.create({ data: newMember('hopeless') });
      await tx.$executeRaw(RAISE_SERIALIZATION_FAILURE);
    });
    const error = await rejectionOf(work);
    expect(sqlState(error)).toBe('40001');
    expect(publicError(error)?.code).toBe('CONFLICT');
    expect(attempts).toBe(4);
    expect(await tracesOf('hopeless')).toEqual(NOTHING);
  });

  test('other errors are not repeated', async () => {
    let attempts = 0;
    await rejectionOf(
      acme().transaction(async (tx) => {
        attempts++;
        await tx.$queryRaw(DIVISION_BY_ZERO);
      }),
    );
    expect(attempts).toBe(1);
  });

  test('two transactions that deadlock both succeed in the end', async () => {
    const db = acme();
    const [one, two] = await db.membership.findMany({
      where: { role: { in: ['admin', 'member'] } },
      take: 2,
    });
    let arrived = 0;
    let open: () => void = () => undefined;
    const bothHoldOne = new Promise<void>((resolve) => (open = resolve));
    let attempts = 0;
    const lockBoth = (first: string, second: string) =>
      db.transaction(async (tx) => {
        attempts++;
        const lock = (id: string) =>
          tx.$queryRaw(Prisma.sql`SELECT id FROM memberships WHERE id = ${id}::uuid FOR UPDATE`);
        await lock(first);
        if (++arrived === 2) open();
        await bothHoldOne;
        await lock(second);
        await tx.membership.update({ where: tx.key(second), data: { invitedBy: first } });
      });
    await Promise.all([lockBoth(one!.id, two!.id), lockBoth(two!.id, one!.id)]);
    expect(attempts).toBeGreaterThanOrEqual(3);
    const rows = await db.membership.findMany({ where: { id: { in: [one!.id, two!.id] } } });
    expect(new Map(rows.map(({ id, invitedBy }) => [id, invitedBy]))).toEqual(
      new Map([
        [one!.id, two!.id],
        [two!.id, one!.id],
      ]),
    );
  });
});

describe('reads outside a transaction', () => {
  test('that are issued in one tick share one read-only transaction and one snapshot', async () => {
    const db = acme();
    const [first, members, count, second, tenant, third] = await Promise.all([
      transactionOf(db),
      db.membership.findMany(),
      db.membership.count(),
      transactionOf(db),
      // Like a resolver that does something else first, within the same tick.
      Promise.resolve().then(() => db.tenant.findFirstOrThrow()),
      transactionOf(db),
    ]);
    expect([second, third]).toEqual([first, first]);
    expect(first).toMatchObject({ isolation: 'repeatable read', readOnly: 'on' });
    expect(members).toHaveLength(count);
    expect(tenant.id).toBe(tenants().acme.tenantId);
  });

  test('of the next tick are another transaction', async () => {
    const db = acme();
    const first = await transactionOf(db);
    const second = await transactionOf(db);
    expect(second.started).not.toBe(first.started);
  });

  test('of two tenants in one tick are two transactions', async () => {
    const [one, other, members, others] = await Promise.all([
      transactionOf(acme()),
      transactionOf(globex()),
      acme().membership.findMany(),
      globex().membership.findMany(),
    ]);
    expect(other.started).not.toBe(one.started);
    expect(members.every(({ tenantId }) => tenantId === tenants().acme.tenantId)).toBe(true);
    expect(others.every(({ tenantId }) => tenantId === tenants().globex.tenantId)).toBe(true);
  });

  test('of two requests of one tenant are two transactions', async () => {
    const [one, other] = await Promise.all([transactionOf(acme()), transactionOf(acme())]);
    expect(other).not.toEqual(one);
  });

  test('do not fail because a neighbour of the same tick does', async () => {
    const db = acme();
    const answers = await Promise.allSettled([
      db.membership.count(),
      db.$queryRaw(DIVISION_BY_ZERO),
      db.membership.findUniqueOrThrow({ where: db.key('00000000-0000-7000-8000-000000000000') }),
      db.tenant.findFirstOrThrow(),
      db.membership.findFirst({ where: { id: 'no uuid' } }),
      db.$queryRaw(Prisma.sql`SELECT 1 AS one`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
  });

  test('all fail when there is no connection, and none waits for ever', async () => {
    await withLimits({ maxWait: 200 }, async (opened) => {
      const db = opened.forTenant(tenants().globex);
      await connectedOnce(db);
      await whileConnected(opened.forTenant(tenants().acme), async () => {
        const answers = await Promise.allSettled([db.membership.count(), db.tenant.findMany()]);
        for (const answer of answers) {
          expect(answer.status).toBe('rejected');
          if (answer.status === 'rejected') expect(publicError(answer.reason)?.code).toBe('RATE_LIMITED');
        }
      });
    });
  });

  test('cannot write, not even by raw SQL', async () => {
    const db = acme();
    const writes = [
      Prisma.sql`INSERT INTO memberships (user_id, email, role) VALUES ('sneaked', 'x', 'viewer') RETURNING id`,
      Prisma.sql`WITH gone AS (DELETE FROM memberships RETURNING id) SELECT count(*) FROM gone`,
      Prisma.sql`SELECT tenantry.record_audit('export.started', 'Tenant', NULL)::text`,
    ];
    for (const write of writes) expect(sqlState(await rejectionOf(db.$queryRaw(write)))).toBe('25006');
    expect(await tracesOf('sneaked')).toEqual(NOTHING);
  });

  test('cannot make their transaction writable', async () => {
    const error = await rejectionOf(
      acme().$queryRaw(Prisma.sql`SELECT set_config('transaction_read_only', 'off', true)`),
    );
    expect(sqlState(error)).toBe('25001');
  });

  test('see through another client what was written before', async () => {
    const { id } = await acme().membership.create({ data: newMember('visible') });
    expect(await acme().membership.findUnique({ where: acme().key(id) })).toMatchObject({
      userId: 'visible',
    });
  });
});

/**
 * Proves what the tenant-bound client promises: transactions are all or nothing, and repeated as a whole; the reads of
 * one tick are one transaction; limits end what takes too long; and there is no way from it to an unbound client.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import { LIMITS } from '../../src/create-services.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TenantClient, TenantTx, TransactionLimits } from '../../src/kernel/tenancy/tenant-client.js';
import { READS, WRITES } from '../../src/kernel/tenancy/tenant-filter.js';
import { SecondConnectionError } from '../../src/kernel/driver/open-transaction.js';
import { openTestDatabase, sign, useDatabase } from '../support/database.js';
import { boundAndUndone, rejectionOf, useDemoTenants } from '../support/demo-tenants.js';
import { until } from '../support/until.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

let shared: Database | undefined;
beforeAll(async () => {
  // Deadlocks are to be found quickly here; on other databases they take the server's second.
  await database().asSuperuser(
    `ALTER ROLE tenantry_app IN DATABASE ${database().name} SET deadlock_timeout = '20ms'`,
  );
  shared = openTestDatabase({ url: database().app, poolSize: 4, perTenant: 4, limits: LIMITS });
});
afterAll(() => shared?.close());

const acme = (): TenantClient => shared!.forTenant(tenants().acme);
const globex = (): TenantClient => shared!.forTenant(tenants().globex);

/** A database with limits of its own. */
async function withLimits(
  limits: Partial<TransactionLimits> & { readonly poolSize?: number },
  work: (opened: Database) => Promise<void>,
): Promise<void> {
  const { poolSize = 1, ...own } = limits;
  const opened = openTestDatabase({ url: database().app, poolSize, limits: { ...LIMITS, ...own } });
  try {
    await work(opened);
  } finally {
    await opened.close();
  }
}

/** Waits for a connection, which on a busy machine takes longer than a short limit allows. */
const connectedOnce = (db: TenantClient): Promise<void> =>
  until('there is a connection', () =>
    db.tenant.count().then(
      () => true,
      () => false,
    ),
  );

/** Runs `work` outside of a transaction of `db` that is open meanwhile. */
async function whileConnected(db: TenantClient, work: () => Promise<void>): Promise<void> {
  let hold = (): void => undefined;
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (hold = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  const holding = db.transaction(async (tx) => {
    await tx.membership.count();
    hold();
    await released;
  });
  await Promise.race([held, holding]);
  try {
    await work();
  } finally {
    release();
    await holding;
  }
}

const newMember = (userId: string) => ({ userId, email: `${userId}@acme.test`, role: 'viewer' });

/** What is really there of a member: the row and its audit entries. */
async function tracesOf(userId: string): Promise<{ rows: number; entries: number }> {
  const [traces] = await database().asSuperuser<{ rows: number; entries: number }>(
    `SELECT (SELECT count(*)::int FROM memberships WHERE user_id = $1) AS rows,
            (SELECT count(*)::int FROM audit_log WHERE entity = 'Membership' AND new_value ->> 'user_id' = $1) AS entries`,
    [userId],
  );
  return traces!;
}

const NOTHING = { rows: 0, entries: 0 };
const ONCE = { rows: 1, entries: 1 };

const RAISE_SERIALIZATION_FAILURE = Prisma.sql`DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$`;
const DIVISION_BY_ZERO = Prisma.sql`SELECT 1 / 0`;

/** Which transaction a read ran in, and how. */
const TRANSACTION = Prisma.sql`
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

const transactionOf = async (db: TenantClient | TenantTx): Promise<Transaction> =>
  (await db.$queryRaw<Transaction>(TRANSACTION))[0]!;

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
      // A resolver that does something first, within the same tick.
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
          if (answer.status === 'rejected') expect(publicError(answer.reason)?.code).toBe('UNAVAILABLE');
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

describe('limits', () => {
  test('a statement that takes too long is cancelled, and its connection is used again', async () => {
    await withLimits({ statementTimeout: 100 }, async (opened) => {
      const db = opened.forTenant(tenants().acme);
      const before = await transactionOf(db);
      const error = await rejectionOf(db.$queryRaw(Prisma.sql`SELECT pg_sleep(60)::text`));
      expect(sqlState(error)).toBe('57014');
      expect(publicError(error)?.code).toBe('UNAVAILABLE');
      const inTransaction = db.transaction((tx) => tx.$executeRaw(Prisma.sql`SELECT pg_sleep(60)`));
      expect(sqlState(await rejectionOf(inTransaction))).toBe('57014');
      expect((await transactionOf(db)).connection).toBe(before.connection);
      expect(await db.membership.count()).toBeGreaterThan(0);
    });
  });

  test('who gets no connection in time is told so, and is served when one is free again', async () => {
    await withLimits({ maxWait: 200 }, async (opened) => {
      const { acme: own, globex } = tenants();
      await connectedOnce(opened.forTenant(own));
      await whileConnected(opened.forTenant(own), async () => {
        // Their own tenant has what it may have; the other finds that there is none.
        for (const [tenant, code] of [
          [own, 'RATE_LIMITED'],
          [globex, 'UNAVAILABLE'],
        ] as const) {
          const db = opened.forTenant(tenant);
          for (const refused of [
            () => db.membership.count(),
            () => db.membership.updateMany({ data: { invitedBy: 'never' } }),
            () => db.transaction((other) => other.membership.count()),
          ]) {
            expect(publicError(await rejectionOf(refused()))?.code).toBe(code);
          }
        }
      });
      for (const tenant of [own, globex]) {
        const db = opened.forTenant(tenant);
        expect(await db.membership.count({ where: { invitedBy: 'never' } })).toBe(0);
      }
    });
  });

  test('a transaction that lasts too long is undone', async () => {
    await withLimits({ timeout: 100 }, async (opened) => {
      const db = opened.forTenant(tenants().acme);
      const error = await rejectionOf(
        db.transaction(async (tx) => {
          await tx.membership.create({ data: newMember('slow') });
          await until('the transaction is undone', async () => {
            const idle = await database().asSuperuser(
              `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
            );
            return idle.length === 0;
          });
          await tx.membership.create({ data: newMember('slower') });
        }),
      );
      expect(publicError(error)?.code).toBe('UNAVAILABLE');
      expect(await db.membership.count()).toBeGreaterThan(0);
    });
    expect(await tracesOf('slow')).toEqual(NOTHING);
    expect(await tracesOf('slower')).toEqual(NOTHING);
  });
});

describe('a transaction that is not bound', () => {
  test.each([
    ['no actor', { actor: { type: 'user', id: '' } }, '22004'],
    ['a tenant that is no UUID', { tenantId: 'acme' }, '22P02'],
  ] as const)('because its context has %s runs nothing, and says why', async (_, defect, state) => {
    await withLimits({}, async (opened) => {
      const { acme: context } = tenants();
      const defective = opened.forTenant({ ...context, ...defect });
      const attempts = [
        () => defective.membership.count(),
        () => defective.$queryRaw(Prisma.sql`SELECT 1 AS one`),
        () => defective.membership.create({ data: newMember('unbound') }),
        () => defective.$executeRaw(Prisma.sql`UPDATE tenants SET name = 'unbound'`),
        () => defective.transaction((tx) => tx.membership.updateMany({ data: { email: 'unbound' } })),
      ];
      for (const attempt of attempts) {
        expect(sqlState(await rejectionOf(attempt()))).toBe(state);
        // The same connection serves whoever comes next.
        expect((await opened.forTenant(context).tenant.findMany()).map(({ slug }) => slug)).toEqual(['acme']);
      }
    });
    expect(await tracesOf('unbound')).toEqual(NOTHING);
    const renamed = await database().asSuperuser("SELECT FROM tenants WHERE name = 'unbound'");
    expect(renamed).toEqual([]);
  });

  test.each(['COMMIT', 'ROLLBACK', 'END', 'ABORT', 'COMMIT AND CHAIN', 'ROLLBACK AND CHAIN'])(
    'any more, because raw SQL ended it (%s), reads and writes nothing',
    async (statement) => {
      const ends: Readonly<Record<string, Prisma.Sql>> = {
        COMMIT: Prisma.sql`COMMIT`,
        ROLLBACK: Prisma.sql`ROLLBACK`,
        END: Prisma.sql`END`,
        ABORT: Prisma.sql`ABORT`,
        'COMMIT AND CHAIN': Prisma.sql`COMMIT AND CHAIN`,
        'ROLLBACK AND CHAIN': Prisma.sql`ROLLBACK AND CHAIN`,
      };
      await withLimits({}, async (opened) => {
        const db = opened.forTenant(tenants().acme);
        const work = db.transaction(async (tx) => {
          await tx.$executeRaw(ends[statement]!);
          expect(await rejectionOf(tx.membership.findMany())).toBeInstanceOf(Error);
          await tx.membership.create({ data: newMember('after the end') });
        });
        expect(await rejectionOf(work)).toBeInstanceOf(Error);
        const others = await opened.forTenant(tenants().globex).tenant.findMany();
        expect(others.map(({ slug }) => slug)).toEqual(['globex']);
      });
      expect(await tracesOf('after the end')).toEqual(NOTHING);
    },
  );
});

describe('the way out', () => {
  /** What Prisma's own client offers to whoever has it. */
  const FORBIDDEN = [
    '$parent',
    '$extends',
    '$transaction',
    '$queryRawUnsafe',
    '$executeRawUnsafe',
    '$queryRawTyped',
    '$connect',
    '$disconnect',
    '$on',
    '$use',
    '$metrics',
    '_engine',
    '_runtimeDataModel',
  ] as const;

  /** The names that a surface answers to, inherited ones included. */
  function offeredBy(surface: object): string[] {
    const names = new Set<string>();
    for (
      let each: object = surface;
      each !== Object.prototype;
      each = Object.getPrototypeOf(each) as object
    ) {
      for (const name of Object.getOwnPropertyNames(each)) names.add(name);
    }
    names.delete('constructor');
    return [...names].sort();
  }

  test('the bound client and its transactions offer nothing that leads to an unbound one', async () => {
    const db = acme();
    const models = Object.values(Prisma.ModelName).map(
      (name) => name.charAt(0).toLowerCase() + name.slice(1),
    );
    const common = [...models, '$executeRaw', '$queryRaw', 'context', 'key'];
    expect(offeredBy(db)).toEqual([...common, 'transaction'].sort());
    await db.transaction(async (tx) => {
      expect(offeredBy(tx)).toEqual([...common].sort());
      for (const surface of [db, tx, db.membership, tx.membership]) {
        expect(Object.getOwnPropertySymbols(surface)).toEqual([]);
        expect(FORBIDDEN.filter((name) => name in surface)).toEqual([]);
      }
    });
  });

  test('a model offers the operations that the filter knows, and no others', () => {
    expect(offeredBy(acme().membership)).toEqual([...READS, ...WRITES].sort());
  });

  test('the types do not offer it either', () => {
    type Offered = keyof TenantClient | keyof TenantTx;
    type Absent<Name extends string> = Name extends Offered ? never : true;
    const absent: { readonly [Name in (typeof FORBIDDEN)[number]]: Absent<Name> } = {
      $parent: true,
      $extends: true,
      $transaction: true,
      $queryRawUnsafe: true,
      $executeRawUnsafe: true,
      $queryRawTyped: true,
      $connect: true,
      $disconnect: true,
      $on: true,
      $use: true,
      $metrics: true,
      _engine: true,
      _runtimeDataModel: true,
    };
    expect(Object.keys(absent)).toEqual([...FORBIDDEN]);
  });

  test('only the bound client makes what passes for its transaction', () => {
    type Passes<Candidate> = Candidate extends TenantTx ? true : false;
    /** Everything that a TenantTx has a name for, with the right types. */
    type LookAlike = { readonly [Name in keyof TenantTx & string]: TenantTx[Name] };
    const passes: {
      readonly transaction: Passes<TenantTx>;
      readonly lookAlike: Passes<LookAlike>;
      readonly client: Passes<TenantClient>;
      readonly prisma: Passes<Prisma.TransactionClient>;
    } = { transaction: true, lookAlike: false, client: false, prisma: false };
    expect(Object.values(passes).filter(Boolean)).toHaveLength(1);
  });

  test('a key is the bound tenant’s own, and no other text is taken for an id', () => {
    const id = '01890000-0000-7000-8000-000000000000';
    expect(acme().key(id)).toEqual({ tenantId_id: { tenantId: tenants().acme.tenantId, id } });
    expect(() => acme().key(`${id}' OR true --`)).toThrow('There is no such object.');
  });

  test('the audit log names the actor and the request of the client', async () => {
    const { id } = await acme().membership.create({ data: newMember('audited') });
    const entries = await acme().auditEntry.findMany({ where: { entityId: id } });
    const { acme: context } = tenants();
    expect(entries).toMatchObject([
      {
        tenantId: context.tenantId,
        actor: context.actor.id,
        actorType: context.actor.type,
        requestId: context.requestId,
        action: 'membership.created',
        entity: 'Membership',
      },
    ]);
  });

  test('a transaction of the client and one bound by hand see the same rows', async () => {
    const byHand = await boundAndUndone(database().app, tenants().acme, (client) =>
      client.query<{ id: string }>('SELECT id FROM memberships ORDER BY id'),
    );
    const rows = await acme().membership.findMany({ orderBy: { id: 'asc' } });
    expect(rows.map(({ id }) => id)).toEqual(byHand.rows.map(({ id }) => id));
  });
});

test.each([true, false])(
  'a second binding inside a transaction is refused and undoes it, read-only or not: %s',
  async (readOnly) => {
    const db = acme();
    const { tenantId } = db.context;
    const { expires, signature } = sign('bind', tenantId, 'somebody', 'user', '');
    const name = `bound twice ${String(readOnly)}`;
    await expect(
      db.transaction(async (tx) => {
        await tx.tenant.update({ where: { id: tenantId }, data: { name } });
        await tx.$executeRaw(
          Prisma.sql`SELECT tenantry.bind(${tenantId}::uuid, 'somebody', 'user', NULL, 1000, ${readOnly}, ${expires}::bigint, ${signature})`,
        );
      }),
    ).rejects.toThrow('already bound');
    const tenant = await db.tenant.findUniqueOrThrow({ where: { id: tenantId } });
    expect(tenant.name).not.toBe(name);
  },
);

/**
 * Proves that limits end what takes too long in the tenant-bound client, and that there is no way from it to an unbound
 * client.
 */
import { describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import type { TenantClient, TenantTx } from '../../src/kernel/tenancy/tenant-client.js';
import { READS, WRITES } from '../../src/kernel/tenancy/tenant-filter.js';
import { sign } from '../support/database.js';
import { boundAndUndone, rejectionOf } from '../support/demo-tenants.js';
import { until } from '../support/until.js';
import {
  connectedOnce,
  onceServed,
  whileConnected,
  newMember,
  NOTHING,
  transactionOf,
  useBoundClients,
} from '../support/bound-clients.js';

const { database, tenants, acme, withLimits, tracesOf } = useBoundClients();

describe('limits', () => {
  test('a statement that takes too long is cancelled, and its connection is used again', async () => {
    await withLimits({ statementTimeout: 100 }, async (opened) => {
      const db = opened.forTenant(tenants().acme);
      const before = await onceServed(() => transactionOf(db));
      const error = await rejectionOf(db.$queryRaw(Prisma.sql`SELECT pg_sleep(60)::text`));
      expect(sqlState(error)).toBe('57014');
      expect(publicError(error)?.code).toBe('UNAVAILABLE');
      const inTransaction = db.transaction((tx) => tx.$executeRaw(Prisma.sql`SELECT pg_sleep(60)`));
      expect(sqlState(await rejectionOf(inTransaction))).toBe('57014');
      expect((await onceServed(() => transactionOf(db))).connection).toBe(before.connection);
      expect(await onceServed(() => db.membership.count())).toBeGreaterThan(0);
    });
  });

  test('who gets no connection in time is told so, and is served when one is free again', async () => {
    await withLimits({ maxWait: 200 }, async (opened) => {
      const { acme: own, globex } = tenants();
      await connectedOnce(opened.forTenant(own));
      await whileConnected(opened.forTenant(own), async () => {
        // The holder's own tenant has used up its share. For the other tenant there is no free connection.
        for (const [tenant, code] of [
          [own, 'RATE_LIMITED'],
          [globex, 'RATE_LIMITED'],
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
        const changed = await onceServed(() => db.membership.count({ where: { invitedBy: 'never' } }));
        expect(changed).toBe(0);
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
      expect(await onceServed(() => db.membership.count())).toBeGreaterThan(0);
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
        // The same connection serves the next caller.
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
  /** Properties of Prisma's own client that a bound client must not have. */
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

  /** The names of all properties of an object, including inherited ones. */
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
    const common = [...models, '$executeRaw', '$queryRaw', 'context', 'enqueue', 'key', 'readBelow'];
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
    /** A type with every named property of TenantTx. */
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

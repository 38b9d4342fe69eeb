/**
 * Proves what a batch guarantees: the binding comes first and nothing runs without it; a failure affects only its own
 * statement; nothing remains on the connection; and the client recovers from what PostgreSQL does to a connection.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import { publicError } from '../../src/kernel/vocabulary/errors.js';
import type { TenantContext } from '../../src/kernel/request/tenant-context.js';
import { openTestDatabase, sign } from '../support/database.js';
import { rejectionOf } from '../support/demo-tenants.js';
import { PATIENT } from '../support/patience.js';
import { startPgBouncer, withoutPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { until } from '../support/until.js';
import { raw, stateOf, newMember, useOneConnection } from '../support/one-connection.js';

const { database, tenants, onOneConnection, expectClean, rowsOf } = useOneConnection();

describe('the binding', () => {
  test('is what operations of models and raw statements sendBatch behind, without Prisma', () =>
    onOneConnection(async (acme, opened) => {
      await Promise.all([acme.membership.findMany(), acme.tenant.findUnique({ where: { slug: 'acme' } })]);
      await acme.membership.count();
      await acme.membership.create({ data: newMember('flown') });
      const prepared = await acme.$queryRaw<{ name: string; statement: string }>(
        raw('SELECT name, statement FROM pg_prepared_statements'),
      );
      for (const { name } of prepared) expect(name).toMatch(/^f_/);
      expect(prepared.map(({ statement }) => statement).join()).toMatch(/count\(\*\).*INSERT INTO/s);
      await expectClean(opened);
    }));

  test.each<[string, Partial<TenantContext>]>([
    ['a tenant that is no uuid', { tenantId: 'no uuid' }],
    ['a tenant that does not exist', { tenantId: '00000000-0000-4000-8000-000000000000' }],
    ['an actor of an unknown type', { actor: { type: 'nobody' as 'user', id: 'x' } }],
  ])('to %s lets nothing be read, and nothing be written', async (_name, changed) => {
    await onOneConnection(async (_acme, opened) => {
      const db = opened.forTenant({ ...tenants().acme, ...changed });
      const outcomes = await Promise.allSettled([
        db.membership.findMany(),
        db.$queryRaw(raw(`SELECT user_id FROM memberships`)),
      ]);
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') expect(outcome.value).toEqual([]);
      }
      await db.membership.create({ data: newMember('unbound') }).catch(() => undefined);
      expect(await rowsOf('unbound')).toEqual([]);
      await expectClean(opened);
    });
  });

  test('cannot be done a second time, to another tenant', () =>
    onOneConnection(async (acme, opened) => {
      const { expires, signature } = sign('bind', tenants().globex.tenantId, 'x', 'user', 'x');
      const again = Prisma.sql`SELECT tenantry.bind(${tenants().globex.tenantId}::uuid, 'x', 'user', 'x', 1::int, false, ${expires}::bigint, ${signature})::text`;
      const [bound, read] = await Promise.allSettled([acme.$queryRaw(again), acme.membership.findMany()]);
      expect(bound.status).toBe('rejected');
      if (read.status === 'fulfilled') {
        for (const { tenantId } of read.value) expect(tenantId).toBe(tenants().acme.tenantId);
      }
      await expectClean(opened);
    }));

  test.each([
    'COMMIT',
    'ROLLBACK',
    'BEGIN',
    'COMMIT AND CHAIN',
    'ABORT',
    'START TRANSACTION',
    "PREPARE TRANSACTION 'x'",
    'DEALLOCATE ALL',
    'RESET ALL',
    'SET TRANSACTION READ WRITE',
    'SET LOCAL ROLE NONE',
    'SAVEPOINT x',
    'LISTEN x',
    'CLOSE ALL',
    '',
  ])('is not undone by the statement %j, alone or among others', async (statement) => {
    await onOneConnection(async (acme, opened) => {
      await acme.$queryRaw(raw(statement)).catch(() => undefined);
      await expectClean(opened);
      const outcomes = await Promise.allSettled([
        acme.membership.findMany(),
        acme.$queryRaw(raw(statement)),
        acme.$queryRaw<{ tenant_id: string }>(raw('SELECT tenant_id FROM memberships')),
        acme.$queryRaw(raw(`SELECT 1 FROM pg_sleep(0)`)),
      ]);
      expect(outcomes[0].status).toBe('fulfilled');
      const read = outcomes[2];
      if (read.status === 'fulfilled') {
        for (const { tenant_id: id } of read.value) expect(id).toBe(tenants().acme.tenantId);
      }
      // A statement that is no longer prepared fails once and is prepared again at the next attempt.
      await until('the connection works', () =>
        acme.membership.count().then(
          (count) => count > 0,
          () => false,
        ),
      );
      await expectClean(opened);
    });
  });
});

describe('a failure', () => {
  test('in a batch is that of its statement alone', () =>
    onOneConnection(async (acme, opened) => {
      for (let round = 0; round < 3; round++) {
        const reads = [
          acme.membership.count(),
          acme.$queryRaw(raw('SELECT 1 / 0')),
          acme.membership.findMany({ where: { id: 'no uuid' } }),
          acme.$queryRaw(raw('SELECT pg_sleep(0)')),
          acme.$queryRaw(raw('SELECT nothing')),
          acme.membership.findMany({ where: { id: 'no uuid' } }),
          acme.tenant.findFirstOrThrow({ where: { name: 'nobody' } }),
          acme.$queryRaw(raw(`SELECT ARRAY[1, 2] AS list`)),
          acme.membership.count(),
        ];
        const outcomes = await Promise.allSettled(reads);
        const told = outcomes.map((outcome) =>
          outcome.status === 'fulfilled'
            ? 'fulfilled'
            : (sqlState(outcome.reason) ?? publicError(outcome.reason)?.code),
        );
        expect(told.slice(0, 3)).toEqual(['fulfilled', '22012', '22P02']);
        // Leaves out the fourth outcome: how Prisma reads a void value is not tested here.
        expect(told.slice(4)).toEqual(['42703', '22P02', 'NOT_FOUND', 'fulfilled', 'fulfilled']);
      }
      await expectClean(opened);
    }));

  test('of a statement that Prisma would have to read and of another behind it are told apart', () =>
    onOneConnection(async (acme, opened) => {
      const [list, failed] = await Promise.allSettled([
        acme.$queryRaw<{ list: number[] }>(raw(`SELECT ARRAY[1, 2] AS list`)),
        acme.$queryRaw(raw('SELECT 1 / 0')),
      ]);
      expect(list).toEqual({ status: 'fulfilled', value: [{ list: [1, 2] }] });
      expect(failed.status === 'rejected' && sqlState(failed.reason)).toBe('22012');
      await expectClean(opened);
    }));

  test('to bind a value leaves the statement usable', () =>
    onOneConnection(async (acme) => {
      const [member] = await acme.membership.findMany({ take: 1 });
      for (let round = 0; round < 3; round++) {
        expect(await stateOf(acme.membership.findMany({ where: { id: 'no uuid' } }))).toBe('22P02');
        expect(await acme.membership.findMany({ where: { id: member!.id } })).toEqual([member]);
      }
    }));

  test('is no failure when a statement is in a batch twice', () =>
    onOneConnection(async (acme) => {
      const [one, two] = await Promise.all([acme.membership.findMany(), acme.membership.findMany()]);
      expect(one).toEqual(two);
      expect(one.length).toBeGreaterThan(0);
    }));

  test('for a column whose type has changed is over at the second try', () =>
    onOneConnection(async (acme) => {
      await database().asSuperuser('CREATE TABLE changing (value int); ');
      await database().asSuperuser('GRANT SELECT ON changing TO tenantry_app');
      await database().asSuperuser('INSERT INTO changing VALUES (1)');
      const read = () => acme.$queryRaw<{ value: unknown }>(raw('SELECT * FROM changing'));
      expect(await read()).toEqual([{ value: 1 }]);
      await database().asSuperuser('ALTER TABLE changing ALTER value TYPE text');
      await read().catch(() => undefined);
      expect(await read()).toEqual([{ value: '1' }]);
      await database().asSuperuser('ALTER TABLE changing ADD more int');
      await read().catch(() => undefined);
      expect(await read()).toEqual([{ value: '1', more: null }]);
      await database().asSuperuser('DROP TABLE changing');
    }));

  test('of everything that was prepared being gone is over at the second try', () =>
    onOneConnection(async (acme) => {
      const several = () =>
        Promise.allSettled([acme.membership.count(), acme.tenant.findFirst(), acme.membership.findMany()]);
      await several();
      await acme.transaction((tx) => tx.$executeRaw(raw('DEALLOCATE ALL')));
      await several();
      for (const outcome of await several()) expect(outcome.status).toBe('fulfilled');
    }));

  test('by the time limit is that of one statement', () =>
    onOneConnection(
      async (acme, opened) => {
        // On a busy machine the limit may end the others too.
        await until('the others go on', async () => {
          const [slow, quick] = await Promise.allSettled([
            acme.$queryRaw(raw('SELECT 1 FROM pg_sleep(30)')),
            acme.membership.count(),
          ]);
          expect(slow.status === 'rejected' && sqlState(slow.reason)).toBe('57014');
          return quick.status === 'fulfilled';
        });
        expect(await stateOf(acme.$queryRaw(raw('SELECT 1 FROM pg_sleep(30)')))).toBe('57014');
        await until('the limit applies to each statement separately', async () => {
          const each = await Promise.allSettled(
            [1, 2, 3].map(() => acme.$queryRaw(raw('SELECT 1 AS one FROM pg_sleep(0.4)'))),
          );
          return each.every(({ status }) => status === 'fulfilled');
        });
        await expectClean(opened);
      },
      { statementTimeout: 1_000 },
    ));

  test('of the connection is UNAVAILABLE, and the pool has another', () =>
    onOneConnection(async (acme, opened) => {
      const [self] = await acme.$queryRaw<{ pid: number }>(raw('SELECT pg_backend_pid() AS pid'));
      const failure = rejectionOf(acme.$queryRaw(raw('SELECT 1 FROM pg_sleep(25)')));
      await until('the connection is ended', async () => {
        const [ended] = await database().asSuperuser<{ ended: boolean }>(
          `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep(25)%'`,
          [self!.pid],
        );
        return ended?.ended === true;
      });
      expect(publicError(await failure)?.code).toBe('UNAVAILABLE');
      expect(await acme.membership.count()).toBeGreaterThan(0);
      await expectClean(opened);
    }));
});

test('row-level security holds alone: raw statements see their tenant, whatever they ask', () =>
  onOneConnection(async (acme) => {
    const seen = await acme.$queryRaw<{ tenant_id: string }>(
      raw('SELECT DISTINCT tenant_id FROM memberships WHERE true OR true'),
    );
    expect(seen).toEqual([{ tenant_id: tenants().acme.tenantId }]);
  }));

test('the filter holds alone: without row-level security, models still see their tenant', () =>
  onOneConnection(async (acme) => {
    await database().asSuperuser('ALTER TABLE memberships DISABLE ROW LEVEL SECURITY');
    try {
      const all = await acme.$queryRaw<{ tenant_id: string }>(
        raw('SELECT DISTINCT tenant_id FROM memberships'),
      );
      expect(all.length).toBeGreaterThan(1);
      const other = tenants().globex.tenantId;
      for (const where of [
        {},
        { tenantId: other },
        { OR: [{ tenantId: other }, { role: 'owner' }] },
        { AND: [{ tenantId: other }] },
      ]) {
        for (const { tenantId } of await acme.membership.findMany({ where }))
          expect(tenantId).toBe(tenants().acme.tenantId);
      }
      expect(await acme.membership.count({ where: { tenantId: other } })).toBe(0);
    } finally {
      await database().asSuperuser('ALTER TABLE memberships ENABLE ROW LEVEL SECURITY');
    }
  }));

describe.skipIf(withoutPgBouncer())('behind PgBouncer in transaction mode', () => {
  let pooler: PgBouncer | undefined;
  beforeAll(async () => {
    pooler = await startPgBouncer(database().app, 1);
  });
  afterAll(() => pooler?.stop());

  test('batches of two tenants take turns on one connection to the server', async () => {
    const opened = openTestDatabase({
      url: pooler!.url,
      poolSize: 4,
      limits: PATIENT,
    });
    try {
      const own = async (context: TenantContext) => {
        const db = opened.forTenant(context);
        const [members, failed, tenant] = await Promise.allSettled([
          db.membership.findMany(),
          db.$queryRaw(raw('SELECT 1 / 0')),
          db.tenant.findFirstOrThrow(),
        ]);
        expect(failed.status).toBe('rejected');
        expect(tenant.status === 'fulfilled' && tenant.value.id).toBe(context.tenantId);
        if (members.status === 'fulfilled')
          for (const { tenantId } of members.value) expect(tenantId).toBe(context.tenantId);
        else throw members.reason;
      };
      for (let round = 0; round < 10; round++) {
        await Promise.all([tenants().acme, tenants().globex, tenants().acme, tenants().globex].map(own));
      }
    } finally {
      await opened.close();
    }
  });

  test('without ?pgbouncer=true, statements may fail, but none reads what is not its tenant’s', async () => {
    const url = new URL(pooler!.url);
    url.searchParams.delete('pgbouncer');
    const opened = openTestDatabase({ url: url.href, poolSize: 4, limits: PATIENT });
    try {
      for (let round = 0; round < 10; round++) {
        await Promise.all(
          [tenants().acme, tenants().globex].map(async (context) => {
            const members = await opened
              .forTenant(context)
              .membership.findMany()
              .catch(() => []);
            for (const { tenantId } of members) expect(tenantId).toBe(context.tenantId);
          }),
        );
      }
    } finally {
      await opened.close();
    }
  });
});

/**
 * Proves that nothing of one tenant stays on a pooled connection for the next. On a single connection, two tenants’
 * operations of every kind alternate thousands of times, with failures of every kind, and each answer and each setting
 * is checked. The same runs behind PgBouncer in transaction mode, where one connection to the server serves many
 * clients. There the test also proves that no cached membership is used.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { sqlState } from '../../src/kernel/vocabulary/sql-state.js';
import type { AccessInvalidations } from '../../src/kernel/notifications/access-invalidations.js';
import type { TenantContext } from '../../src/kernel/request/tenant-context.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { createAccessResolver } from '../../src/kernel/auth/resolve-access.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import { listenForAccessChanges } from '../support/access-invalidations.js';
import { openTestDatabase, useDatabase, type TestDatabase } from '../support/database.js';
import { rejectionOf, useDemoTenants } from '../support/demo-tenants.js';
import { startPgBouncer, withoutPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { until } from '../support/until.js';
import { PATIENT } from '../support/patience.js';
import { SETTINGS, type Settings, UNBOUND } from '../support/transaction-settings.js';

/** One tenant of the workload. Throws when an answer is not the tenant's own. */
class Party {
  readonly db: TenantClient;

  constructor(
    database: Database,
    readonly context: TenantContext,
    private readonly testDatabase: TestDatabase,
  ) {
    this.db = database.forTenant(context);
  }

  private own(rows: readonly { readonly tenantId: string }[]): void {
    expect(rows.length).toBeGreaterThan(0);
    for (const { tenantId } of rows) expect(tenantId).toBe(this.context.tenantId);
  }

  private ownSettings([settings]: readonly Settings[], readOnly: boolean): void {
    expect(settings).toMatchObject({
      tenant: this.context.tenantId,
      actor: this.context.actor.id,
      actorType: this.context.actor.type,
      request: this.context.requestId,
      timeout: `${String(PATIENT.statementTimeout / 1_000)}s`,
      readOnly: readOnly ? 'on' : 'off',
      isolation: readOnly ? 'repeatable read' : 'read committed',
    });
  }

  private newMember(round: string) {
    return { userId: round, email: round, role: 'viewer' };
  }

  private async failsWith(state: string, work: Promise<unknown>): Promise<void> {
    expect(sqlState(await rejectionOf(work))).toBe(state);
  }

  /** The tenant's operations, named for the report of a failure. */
  readonly operations: Readonly<Record<string, (round: string) => Promise<void>>> = {
    read: async () => this.own(await this.db.membership.findMany()),

    'reads of one tick': async () => {
      const [members, tenant, settings, audit] = await Promise.all([
        this.db.membership.findMany(),
        this.db.tenant.findFirstOrThrow(),
        this.db.$queryRaw<Settings>(SETTINGS),
        this.db.auditEntry.findMany({ take: 3 }),
      ]);
      this.own([...members, ...audit]);
      expect(tenant.id).toBe(this.context.tenantId);
      this.ownSettings(settings, true);
    },

    'reads of one tick, one of which fails': async () => {
      const [members, failed, more] = await Promise.allSettled([
        this.db.membership.findMany(),
        this.db.$queryRaw(Prisma.sql`SELECT 1 / (SELECT count(*) - count(*) FROM memberships)`),
        this.db.membership.findMany({ select: { tenantId: true } }),
      ]);
      expect([members.status, failed.status, more.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      if (members.status === 'fulfilled') this.own(members.value);
      if (more.status === 'fulfilled') this.own(more.value);
    },

    'write and take back': async (round) => {
      const member = await this.db.membership.create({ data: this.newMember(round) });
      this.own([member]);
      this.own([await this.db.membership.delete({ where: this.db.key(member.id) })]);
    },

    'raw write': async () => {
      const touched = await this.db.$executeRaw(Prisma.sql`UPDATE tenants SET updated_at = now()`);
      expect(touched).toBe(1);
    },

    transaction: async (round) => {
      await this.db.transaction(async (tx) => {
        this.ownSettings(await tx.$queryRaw<Settings>(SETTINGS), false);
        const member = await tx.membership.create({ data: this.newMember(round) });
        this.own(await tx.membership.findMany());
        await tx.membership.delete({ where: tx.key(member.id) });
      });
    },

    'error thrown in a transaction': async (round) => {
      const failure = new Error('thrown on purpose');
      const work = this.db.transaction(async (tx) => {
        this.own([await tx.membership.create({ data: this.newMember(round) })]);
        throw failure;
      });
      expect(await rejectionOf(work)).toBe(failure);
      expect(await this.db.membership.count({ where: { userId: round } })).toBe(0);
    },

    'SQL error in a transaction': async (round) => {
      const twice = this.db.transaction(async (tx) => {
        await tx.membership.create({ data: this.newMember(round) });
        await tx.membership.create({ data: this.newMember(round) });
      });
      await this.failsWith('23505', twice);
      expect(await this.db.membership.count({ where: { userId: round } })).toBe(0);
    },

    'statement after an SQL error': async (round) => {
      const work = this.db.transaction(async (tx) => {
        await this.failsWith('22012', tx.$queryRaw(Prisma.sql`SELECT 1 / 0`));
        // The text varies, so that the statement also fails before this connection has prepared it.
        const length = 1 + (Number(round.split('-')[1]) % 50);
        await tx.$queryRaw(Prisma.sql`SELECT ${Prisma.join(Array<number>(length).fill(1), ' + ')} AS sum`);
      });
      await this.failsWith('25P02', work);
    },

    'SQL error outside a transaction': async () => {
      await this.failsWith('22P02', this.db.$queryRaw(Prisma.sql`SELECT 'no number'::text::integer`));
    },

    'write in a read': async () => {
      await this.failsWith('25006', this.db.$queryRaw(Prisma.sql`DELETE FROM memberships`));
    },

    'statement timeout': async () => {
      const work = this.db.transaction(async (tx) => {
        await tx.$executeRaw(Prisma.sql`SET LOCAL statement_timeout = '5ms'`);
        await tx.$queryRaw(Prisma.sql`SELECT pg_sleep(30)::text`);
      });
      await this.failsWith('57014', work);
    },

    'statement cancelled from outside': async () => {
      const work = this.db.transaction(async (tx) => {
        const [self] = await tx.$queryRaw<{ connection: number }>(
          Prisma.sql`SELECT pg_backend_pid() AS connection`,
        );
        const sleep = tx.$queryRaw(Prisma.sql`SELECT pg_sleep(25)::text`);
        const cancelled = this.failsWith('57014', sleep);
        await until('the sleeping statement is cancelled', async () => {
          // A request that comes between two messages of the statement would cancel nothing.
          const asleep = await this.testDatabase.asSuperuser(
            `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
             WHERE pid = $1 AND wait_event = 'PgSleep' AND query LIKE '%pg_sleep(25)%'`,
            [self!.connection],
          );
          return asleep.length > 0;
        });
        await cancelled;
        throw new Error('cancelled on purpose');
      });
      expect(await rejectionOf(work)).toMatchObject({ message: 'cancelled on purpose' });
    },

    'savepoints in a transaction': async (round) => {
      await this.db.transaction(async (tx) => {
        await tx.$executeRaw(Prisma.sql`SAVEPOINT before`);
        await tx.membership.create({ data: this.newMember(round) });
        await tx.$executeRaw(Prisma.sql`ROLLBACK TO SAVEPOINT before`);
        this.ownSettings(await tx.$queryRaw<Settings>(SETTINGS), false);
        expect(await tx.membership.count({ where: { userId: round } })).toBe(0);
      });
    },
  };
}

/** These operations block the connection for a while, so they run less often. */
const SLOW = new Set(['statement timeout', 'statement cancelled from outside']);
const WAVES = 160;
const PER_WAVE = 14;

/**
 * Runs all operations of both tenants, `PER_WAVE` at a time. Inspects the connection between any two transactions and
 * after the last.
 *
 * @returns the number of operations, and the connections to the server on which they ran
 */
async function alternate(
  database: Database,
  [acme, globex]: readonly [Party, Party],
): Promise<{ readonly operations: number; readonly connections: ReadonlySet<number> }> {
  const names = Object.keys(acme.operations);
  const connections = new Set<number>();
  let operations = 0;
  const inspect = async (after: string): Promise<void> => {
    const [settings] = await database.query<Settings & Record<string, unknown>>(SETTINGS.sql);
    const { connection, ...rest } = settings!;
    connections.add(connection);
    expect(rest, `after ${after}`).toEqual(UNBOUND);
  };
  for (let wave = 0; wave < WAVES; wave++) {
    await Promise.all(
      Array.from({ length: PER_WAVE }, async (_, lane) => {
        const number = wave * PER_WAVE + lane;
        // The tenants take turns, and both run every operation.
        const party = number % 2 === 0 ? acme : globex;
        const chosen = names[(Math.floor(number / 2) + wave) % names.length]!;
        const name = SLOW.has(chosen) && wave % 10 !== 0 ? 'read' : chosen;
        await party.operations[name]!(`round-${String(number)}`);
        operations++;
        await inspect(name);
      }),
    );
  }
  await inspect('everything');
  return { operations, connections };
}

const database = useDatabase();
const tenants = useDemoTenants(database);

const parties = (opened: Database): [Party, Party] => [
  new Party(opened, tenants().acme, database()),
  new Party(opened, tenants().globex, database()),
];

async function expectUntouched(): Promise<void> {
  const rows = await database().asSuperuser('SELECT user_id FROM memberships WHERE user_id NOT LIKE $1', [
    'demo|%',
  ]);
  expect(rows).toEqual([]);
}

test('on one pooled connection two tenants alternate thousands of times, and each gets its own answers', async () => {
  const opened = openTestDatabase({ url: database().app, poolSize: 1, limits: PATIENT });
  try {
    const { operations, connections } = await alternate(opened, parties(opened));
    expect(operations).toBeGreaterThanOrEqual(2_000);
    expect(connections.size).toBe(1);
  } finally {
    await opened.close();
  }
  await expectUntouched();
}, 600_000);

describe.skipIf(withoutPgBouncer())('behind PgBouncer in transaction mode', () => {
  let narrow: PgBouncer | undefined;
  let wide: PgBouncer | undefined;
  beforeAll(async () => {
    [narrow, wide] = await Promise.all([
      startPgBouncer(database().app, 1),
      startPgBouncer(database().app, 2),
    ]);
  });
  afterAll(() => Promise.all([narrow?.stop(), wide?.stop()]));

  test('two tenants with a pool each alternate on one connection to the server, and each gets its own answers', async () => {
    const own = openTestDatabase({ url: narrow!.url, poolSize: 2, limits: PATIENT });
    const other = openTestDatabase({ url: narrow!.url, poolSize: 2, limits: PATIENT });
    try {
      const [acme] = parties(own);
      const [, globex] = parties(other);
      const { operations, connections } = await alternate(own, [acme, globex]);
      expect(operations).toBeGreaterThanOrEqual(2_000);
      expect(connections.size).toBe(1);
    } finally {
      await own.close();
      await other.close();
    }
    await expectUntouched();
  }, 600_000);

  const withNews = async (
    pooler: PgBouncer,
    work: (
      database: Database,
      invalidations: AccessInvalidations,
      problems: readonly string[],
    ) => Promise<void>,
  ): Promise<void> => {
    const problems: string[] = [];
    const opened = openTestDatabase({ url: pooler.url, poolSize: 2, limits: PATIENT });
    const invalidations = listenForAccessChanges(pooler.url, (problem) => problems.push(problem));
    try {
      await work(opened, invalidations, problems);
    } finally {
      await invalidations.close();
      await opened.close();
    }
  };

  test.each([
    ['one connection', () => narrow!],
    ['two connections', () => wide!],
  ])('a listener on a pooler with %s to the server never believes that it would hear', async (_, pooler) => {
    await withNews(pooler(), async (_opened, invalidations, problems) => {
      let everLive = false;
      await until('the listener says that it does not hear, or believes that it does', () => {
        everLive ||= invalidations.isLive;
        return everLive || problems.length > 0;
      });
      expect(everLive).toBe(false);
      expect(problems).toHaveLength(1);
    });
  });

  test('a membership that was removed is refused at the next request', async () => {
    const { acme } = tenants();
    const [member] = await database().asSuperuser<{ user_id: string }>(
      `INSERT INTO memberships (tenant_id, user_id, email, role) VALUES ($1, 'leaver', 'leaver@acme.test', 'admin')
       RETURNING user_id`,
      [acme.tenantId],
    );
    await withNews(wide!, async (opened, invalidations, problems) => {
      const resolver = createAccessResolver(opened, invalidations);
      await until('the listener has made up its mind', () => invalidations.isLive || problems.length > 0);
      expect((await resolver.resolve('acme', member!.user_id))?.role).toBe('admin');
      await database().asSuperuser('DELETE FROM memberships WHERE user_id = $1', [member!.user_id]);
      expect((await resolver.resolve('acme', member!.user_id))?.role).toBeUndefined();
    });
  });
});

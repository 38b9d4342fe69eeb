/** The client of one tenant, on plain row-level security. */
import { Prisma } from './generated/client.js';
import { NoTenantError, SecondConnectionError, tenancy } from '@tenantry/prisma-tenancy';
import { describe, expect, test } from 'vitest';
import { recordStatements } from './record-statements.js';
import { ACME, bySetting, GLOBEX, useClients } from './use-clients.js';

const clients = useClients();
const db = (tenantId = ACME) => clients().prisma.$forTenant(tenantId);
const stored = (name: string) =>
  clients().database.query<{ tenant_id: string }>('SELECT tenant_id FROM projects WHERE name = $1', [name]);

describe('isolation', () => {
  test('an operation sees and changes the rows of its tenant only', async () => {
    await db(ACME).project.create({ data: { name: 'of acme' } });
    await db(GLOBEX).project.create({ data: { name: 'of globex' } });

    expect(await db(ACME).project.findMany({ where: { name: { startsWith: 'of ' } } })).toMatchObject([
      { tenantId: ACME, name: 'of acme' },
    ]);
    expect(
      await db(ACME).project.updateMany({ where: { name: 'of globex' }, data: { name: 'taken' } }),
    ).toEqual({
      count: 0,
    });
    expect(await db(ACME).project.deleteMany({ where: { name: 'of globex' } })).toEqual({ count: 0 });
    await expect(db(ACME).project.create({ data: { tenantId: GLOBEX, name: 'planted' } })).rejects.toThrow(
      'row-level security',
    );
    expect(await stored('planted')).toEqual([]);
  });

  test('clients of two tenants that are used at the same time keep to their own', async () => {
    await db(ACME).project.create({ data: { name: 'same name' } });
    await db(GLOBEX).project.create({ data: { name: 'same name' } });
    const ask = (tenantId: string) =>
      Promise.all(
        Array.from({ length: 10 }, () => db(tenantId).project.findMany({ where: { name: 'same name' } })),
      );

    const [ofAcme, ofGlobex] = await Promise.all([ask(ACME), ask(GLOBEX)]);

    expect(new Set(ofAcme.flat().map((project) => project.tenantId))).toEqual(new Set([ACME]));
    expect(new Set(ofGlobex.flat().map((project) => project.tenantId))).toEqual(new Set([GLOBEX]));
  });

  test('nothing of a tenant is left on the connections of the pool', async () => {
    const { prisma, pool } = clients().another({}, 1);
    const left = async () => {
      const { rows } = await pool.query<{ tenant: string | null; status: string }>(
        "SELECT current_setting('app.current_tenant', true) AS tenant, pg_current_xact_id_if_assigned()::text AS status",
      );
      return rows[0];
    };
    const tenant = prisma.$forTenant(ACME);

    await tenant.project.create({ data: { name: 'left' } });
    expect(await left()).toEqual({ tenant: '', status: null });
    await tenant.project.create({ data: { name: 'left' } }).catch(() => undefined);
    expect(await left()).toEqual({ tenant: '', status: null });
    await tenant.$transaction((tx) => tx.$queryRaw`SELECT 1 / 0`).catch(() => undefined);
    expect(await left()).toEqual({ tenant: '', status: null });
  });

  test('a statement of a transaction that has failed does not reach the next tenant on the connection', async () => {
    const { prisma } = clients().another({}, 1, false);
    let late: Promise<unknown> = Promise.resolve();
    await prisma
      .$forTenant(ACME)
      .$transaction(async (tx) => {
        // Several statements: the nested rows come after their project.
        late = tx.project.create({
          data: { name: 'late', tasks: { create: [{ title: 'one' }, { title: 'two' }, { title: 'three' }] } },
        });
        void late.then(
          () => undefined,
          () => undefined,
        );
        await Promise.resolve();
        throw new Error('its sibling failed');
      })
      .catch(() => undefined);

    const seen = await prisma.$forTenant(GLOBEX).$transaction(async (tx) => {
      await late.catch(() => undefined);
      return tx.task.findMany({ where: { title: { in: ['one', 'two', 'three'] } } });
    });

    expect(seen).toEqual([]);
    expect(
      await clients().database.query("SELECT FROM tasks WHERE title IN ('one', 'two', 'three')"),
    ).toEqual([]);
  });
});

describe('the client without a tenant', () => {
  test('refuses every operation', async () => {
    const { prisma } = clients();
    const refused = (operation: PromiseLike<unknown>) => expect(operation).rejects.toThrow(NoTenantError);

    await refused(prisma.project.findMany());
    await refused(prisma.project.create({ data: { name: 'without a tenant' } }));
    await refused(prisma.$queryRaw`SELECT 1`);
    await refused(prisma.$executeRaw(Prisma.sql`SELECT 1`));
    // eslint-disable-next-line no-restricted-syntax -- it has to be refused
    await refused(prisma.$queryRawUnsafe('SELECT 1'));
    // eslint-disable-next-line no-restricted-syntax -- it has to be refused
    await refused(prisma.$executeRawUnsafe('SELECT 1'));
    await refused((prisma.$transaction as (work: unknown) => Promise<never>)(() => Promise.resolve()));
    expect(await stored('without a tenant')).toEqual([]);
  });

  test('says which operation it was', async () => {
    await expect(clients().prisma.task.count()).rejects.toThrow('Task.count was called on a client');
  });

  test('sends nothing', async () => {
    const { prisma, sentBy } = clients();

    expect(await sentBy(() => prisma.project.findMany().catch(() => undefined))).toEqual([]);
  });

  test('does not lead to the client that was extended', () => {
    expect((clients().prisma as { $parent?: unknown }).$parent).toBeUndefined();
  });

  test('is not reached from a bound client', () => {
    const reachable = [...ownAndInherited(db()), ...ownAndInherited(db().project)];

    expect(reachable.filter((name) => /^_|parent|extends|unsafe|constructor|internal/i.test(name))).toEqual([
      'constructor',
      'constructor',
    ]);
  });
});

function ownAndInherited(object: object): string[] {
  const names = new Set<string>();
  for (let each: unknown = object; each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  return [...names];
}

describe('transactions', () => {
  test('nested writes and reads work as in Prisma', async () => {
    const project = await db().project.create({
      data: { name: 'nested', tasks: { create: [{ title: 'first' }, { title: 'second' }] } },
      include: { tasks: { orderBy: { id: 'asc' } } },
    });

    expect(project.tasks.map(({ title, tenantId }) => ({ title, tenantId }))).toEqual([
      { title: 'first', tenantId: ACME },
      { title: 'second', tenantId: ACME },
    ]);
  });

  test('a nested write that fails leaves nothing', async () => {
    const name = 'nested failure';

    await expect(
      db().project.create({
        data: { name, tasks: { create: { title: 'foreign', tenantId: GLOBEX } as never } },
      }),
    ).rejects.toThrow();
    expect(await stored(name)).toEqual([]);
  });

  test('operations given together answer in order, and use one transaction', async () => {
    const { sentBy } = clients();
    const tenant = db();
    let answers: readonly [{ name: string }, number, { count: number }] | undefined;

    const sent = await sentBy(async () => {
      answers = await tenant.$transaction([
        tenant.project.create({ data: { name: 'together' } }),
        tenant.project.count({ where: { name: 'together' } }),
        tenant.project.deleteMany({ where: { name: 'together' } }),
      ]);
    });

    expect(answers).toMatchObject([{ name: 'together' }, 1, { count: 1 }]);
    expect(sent.filter((text) => text === 'BEGIN' || text === 'COMMIT')).toEqual(['BEGIN', 'COMMIT']);
  });

  test('operations of another client, or that have begun, are not taken into a transaction', async () => {
    const tenant = db();
    const begun = tenant.project.create({ data: { name: 'begun' } });
    await begun;

    await expect(tenant.$transaction([begun])).rejects.toThrow('has begun already');
    await expect(tenant.$transaction([db(GLOBEX).project.count()])).rejects.toThrow('another client');
    await expect(tenant.$transaction([clients().published(ACME).project.count()])).rejects.toThrow(TypeError);
    await expect(tenant.$transaction([Promise.resolve()] as never)).rejects.toThrow(TypeError);
  });

  test('an operation begins when it is waited for, once', async () => {
    const operation = db().project.create({ data: { name: 'lazy' } });
    expect(await stored('lazy')).toEqual([]);

    const [first, second] = await Promise.all([operation, operation]);

    expect(second).toBe(first);
    expect(await stored('lazy')).toHaveLength(1);
  });

  test('an operation of the client inside its own transaction is refused: it would not be undone', async () => {
    const tenant = db();

    const within = tenant.$transaction(async (tx) => {
      await tx.project.create({ data: { name: 'inside' } });
      await tenant.project.create({ data: { name: 'outside' } });
    });

    await expect(within).rejects.toThrow(SecondConnectionError);
    expect([...(await stored('inside')), ...(await stored('outside'))]).toEqual([]);
    await expect(tenant.$transaction(() => tenant.project.count())).rejects.toThrow(SecondConnectionError);
    await expect(tenant.$transaction(() => tenant.$transaction((tx) => tx.project.count()))).rejects.toThrow(
      SecondConnectionError,
    );
  });

  test('a transaction that has ended takes no operation', async () => {
    let count: (() => PromiseLike<number>) | undefined;
    await db().$transaction(async (tx) => {
      count = () => tx.project.count();
      await count();
    });

    await expect(count?.()).rejects.toThrow('has ended');
  });

  test('the isolation level is the one that was asked for', async () => {
    const [row] = await db().$transaction(
      (tx) => tx.$queryRaw<{ level: string }[]>`SELECT current_setting('transaction_isolation') AS level`,
      { isolationLevel: 'RepeatableRead' },
    );

    expect(row?.level).toBe('repeatable read');
  });

  test('a conflict repeats the whole transaction', async () => {
    const tenant = db();
    await tenant.project.create({ data: { name: 'counter 0' } });
    const { id } = await tenant.project.findFirstOrThrow({ where: { name: 'counter 0' } });
    let tries = 0;
    const increment = () =>
      tenant.$transaction(
        async (tx) => {
          tries++;
          const { name } = await tx.project.findFirstOrThrow({ where: { id } });
          const next = `counter ${String(Number(name.split(' ')[1]) + 1)}`;
          await tx.project.updateMany({ where: { id }, data: { name: next } });
        },
        { isolationLevel: 'RepeatableRead' },
      );

    await Promise.all([increment(), increment()]);

    expect(await tenant.project.findFirst({ where: { id } })).toMatchObject({ name: 'counter 2' });
    expect(tries).toBeGreaterThanOrEqual(2);
  });

  test('an operation that is under way when the time is up sends nothing into the next transaction', async () => {
    await clients().database.query(`
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE INSERT ON projects FOR EACH ROW WHEN (NEW.name = 'too slow') EXECUTE FUNCTION slow();`);
    const { prisma, pool } = clients().another({}, 1);
    const sent = recordStatements(pool);
    let late: PromiseLike<unknown> | undefined;

    const tooSlow = prisma.$forTenant(ACME).$transaction(
      (tx) => {
        // Its tasks are statements of their own, which come after half a second.
        late = tx.project.create({ data: { name: 'too slow', tasks: { create: { title: 'too late' } } } });
        return Promise.resolve(late);
      },
      { timeout: 200 },
    );
    const next = prisma.$forTenant(GLOBEX).$transaction(async (tx) => {
      await Promise.allSettled([late]);
      return tx.task.count();
    });

    await expect(tooSlow).rejects.toThrow();
    expect(await next).toBeTypeOf('number');
    expect(sent.filter((text) => /INSERT INTO .*tasks/.test(text))).toEqual([]);
    expect(await stored('too slow')).toEqual([]);
  });
});

describe('reads of one tick', () => {
  test('a read that fails does not fail the others', async () => {
    const tenant = db();
    await tenant.project.create({ data: { name: 'healthy' } });

    const [before, failed, after] = await Promise.allSettled([
      tenant.project.count({ where: { name: 'healthy' } }),
      tenant.project.findFirstOrThrow({ where: { name: 'no such project' } }),
      tenant.project.findMany({ where: { name: 'healthy' } }),
    ]);

    expect(before).toMatchObject({ status: 'fulfilled', value: 1 });
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'P2025' } });
    expect(after).toMatchObject({ status: 'fulfilled', value: [{ name: 'healthy' }] });
  });

  test('of clients of two tenants are not put together', async () => {
    await db(GLOBEX).project.create({ data: { name: 'apart' } });

    expect(
      await Promise.all(
        [ACME, GLOBEX].map((tenantId) => db(tenantId).project.count({ where: { name: 'apart' } })),
      ),
    ).toEqual([0, 1]);
  });

  test('all fail when there is no transaction', async () => {
    const tenant = clients().prisma.$forTenant('no uuid');

    const answers = await Promise.allSettled([tenant.project.count(), tenant.task.count()]);

    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('raw statements', () => {
  test('run inside the tenant, as templates and as Prisma.sql', async () => {
    const tenant = db();
    const name = 'raw';
    expect(await tenant.$executeRaw`INSERT INTO projects (name) VALUES (${name})`).toBe(1);

    expect(await tenant.$queryRaw`SELECT tenant_id FROM projects WHERE name = ${name}`).toEqual([
      { tenant_id: ACME },
    ]);
    expect(
      await db(GLOBEX).$queryRaw(Prisma.sql`SELECT tenant_id FROM projects WHERE name = ${name}`),
    ).toEqual([]);
    expect(
      await tenant.$queryRaw`UPDATE projects SET name = 'raw 2' WHERE name = ${name} RETURNING name`,
    ).toEqual([{ name: 'raw 2' }]);
  });
});

describe('the binding', () => {
  test('a context without a tenant binds nothing and runs nothing', async () => {
    const { prisma, sentBy } = clients();
    for (const tenantId of ['', undefined, null, 7]) {
      const sent = await sentBy(() =>
        expect(prisma.$forTenant(tenantId as string).project.count()).rejects.toThrow(
          'the setting app.current_tenant has no value',
        ),
      );
      expect(sent.filter((text) => !/^(BEGIN|ROLLBACK)$/.test(text))).toEqual([]);
    }
  });

  test('may be a statement, and several settings', async () => {
    const { another } = clients();
    const byStatement = another({
      settings: undefined,
      bind: (tenantId) => Prisma.sql`SELECT set_config('app.current_tenant', ${tenantId}, true)`,
    }).prisma;
    const bySettings = another({
      settings: (tenantId) => ({ 'app.current_tenant': tenantId, 'app.actor': "o'neill" }),
    }).prisma;

    expect(
      await byStatement.$forTenant(ACME).$queryRaw`SELECT current_setting('app.current_tenant') AS it`,
    ).toEqual([{ it: ACME }]);
    expect(await bySettings.$forTenant(ACME).$queryRaw`SELECT current_setting('app.actor') AS it`).toEqual([
      { it: "o'neill" },
    ]);
  });

  test('settings are required', () => {
    expect(() => clients().base.$extends(tenancy({} as never))).toThrow(TypeError);
  });
});

test('extensions made before it apply to the bound client, and their methods run inside the tenant', async () => {
  const prisma = clients()
    .base.$extends({
      model: {
        project: {
          rename(from: string, to: string) {
            return Prisma.getExtensionContext(this).updateMany({ where: { name: from }, data: { name: to } });
          },
        },
      },
      result: { project: { title: { needs: { name: true }, compute: ({ name }) => name.toUpperCase() } } },
    })
    .$extends(tenancy(bySetting));
  await prisma.$forTenant(ACME).project.create({ data: { name: 'extended' } });

  expect(await prisma.$forTenant(GLOBEX).project.rename('extended', 'taken')).toEqual({ count: 0 });
  expect(await prisma.$forTenant(ACME).project.rename('extended', 'renamed')).toEqual({ count: 1 });
  expect(await prisma.$forTenant(ACME).project.findFirst({ where: { name: 'renamed' } })).toMatchObject({
    title: 'RENAMED',
  });
});

test('deleting cascades inside the tenant', async () => {
  const tenant = db();
  const { id } = await tenant.project.create({
    data: { name: 'parent', tasks: { create: { title: 'child of parent' } } },
  });

  await tenant.project.delete({ where: { tenantId_id: { tenantId: ACME, id } } });

  expect(await tenant.task.count({ where: { title: 'child of parent' } })).toBe(0);
});

/** Transactions of a bound client: both forms, how they end, and that no operation escapes from them. */
import { SecondConnectionError } from '@tenantry/prisma-tenancy';
import { setImmediate } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { recordStatements } from './record-statements.js';
import { ACME, GLOBEX, useClients } from './use-clients.js';

const clients = useClients();
const db = (tenantId = ACME) => clients().prisma.$forTenant(tenantId);
const stored = (name: string) => clients().database.query('SELECT FROM projects WHERE name = $1', [name]);

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

describe('an operation that is under way at the end of its transaction', () => {
  const INSERTS_TASKS = /INSERT INTO .*tasks/;
  /** Prisma sends the tasks in a separate statement after that of the project. */
  const slow = (name: string) => ({
    data: { name: `slow ${name}`, tasks: { create: { title: 'too late' } } },
  });

  beforeAll(async () => {
    await clients().database.query(`
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE INSERT ON projects FOR EACH ROW WHEN (NEW.name LIKE 'slow %') EXECUTE FUNCTION slow();`);
  });

  test('is waited for when a sibling has failed, so that it sends nothing into the next transaction', async () => {
    const { prisma, pool } = clients().another({}, 1, false);
    const sent = recordStatements(pool);
    let late: Promise<unknown> | undefined;

    const failed = prisma.$forTenant(ACME).$transaction(async (tx) => {
      late = Promise.resolve(tx.project.create(slow('sibling')));
      late.catch(() => undefined);
      while (!sent.some((text) => /INSERT INTO .*projects/.test(text))) await setImmediate();
      throw new Error('its sibling failed');
    });
    const next = prisma.$forTenant(GLOBEX).$transaction(async (tx) => {
      await Promise.allSettled([late]);
      return tx.task.count();
    });

    await expect(failed).rejects.toThrow('its sibling failed');
    expect(await next).toBeTypeOf('number');
    const end = sent.indexOf('ROLLBACK');
    expect(sent.slice(0, end).filter((text) => INSERTS_TASKS.test(text))).toHaveLength(1);
    expect(sent.slice(end).filter((text) => INSERTS_TASKS.test(text))).toEqual([]);
    expect(await stored('slow sibling')).toEqual([]);
  });

  test('sends nothing into the next transaction when the time is up', async () => {
    const { prisma, pool } = clients().another({}, 1);
    const sent = recordStatements(pool);
    let late: PromiseLike<unknown> | undefined;

    const tooSlow = prisma.$forTenant(ACME).$transaction(
      (tx) => {
        late = tx.project.create(slow('time'));
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
    expect(sent.filter((text) => INSERTS_TASKS.test(text))).toEqual([]);
    expect(await stored('slow time')).toEqual([]);
  });
});

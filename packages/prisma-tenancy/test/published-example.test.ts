/** The defects of the published row-level security example, each shown to fail there and to be correct here. */
import { expect, test } from 'vitest';
import { ACME, useClients } from './use-clients.js';

const clients = useClients();

const projects = async (name: string) =>
  (await clients().database.query('SELECT FROM projects WHERE name LIKE $1', [`${name}%`])).length;

class Undo extends Error {}

/** Two writes and then a failure in one interactive transaction. */
const failing =
  (name: string) => async (tx: { project: { create(args: { data: { name: string } }): unknown } }) => {
    await tx.project.create({ data: { name: `${name} 1` } });
    await tx.project.create({ data: { name: `${name} 2` } });
    throw new Undo();
  };

test('a transaction that throws is rolled back; with the published example its writes stay', async () => {
  const { prisma, published } = clients();

  await expect(published(ACME).$transaction(failing('published'))).rejects.toThrow(Undo);
  await expect(prisma.$forTenant(ACME).$transaction(failing('bound'))).rejects.toThrow(Undo);

  expect(await projects('published')).toBe(2);
  expect(await projects('bound')).toBe(0);
});

test('operations given together are kept together; with the published example the first one stays', async () => {
  const { prisma, published } = clients();
  const example = published(ACME);
  const bound = prisma.$forTenant(ACME);
  const twice = (db: typeof example | typeof bound, name: string) => {
    const create = db.project.create;
    return [create.call(db.project, { data: { name } }), create.call(db.project, { data: { name } })];
  };

  await expect(example.$transaction(twice(example, 'published pair'))).rejects.toThrow('Unique constraint');
  await expect(bound.$transaction(twice(bound, 'bound pair'))).rejects.toThrow('Unique constraint');

  expect(await projects('published pair')).toBe(1);
  expect(await projects('bound pair')).toBe(0);
});

test('a read in a transaction sees what the transaction wrote; the published example reads on another connection', async () => {
  const { prisma, published } = clients();
  const counts: number[] = [];
  const undone = Promise.reject.bind(Promise, new Undo());

  await published(ACME)
    .$transaction(async (tx) => {
      await tx.$executeRaw`SELECT set_config('app.current_tenant', ${ACME}, TRUE)`;
      await tx.$executeRaw`INSERT INTO projects (name) VALUES ('unseen')`;
      counts.push(await tx.project.count({ where: { name: 'unseen' } }));
      return undone();
    })
    .catch(() => undefined);
  await prisma
    .$forTenant(ACME)
    .$transaction(async (tx) => {
      await tx.$executeRaw`INSERT INTO projects (name) VALUES ('seen')`;
      counts.push(await tx.project.count({ where: { name: 'seen' } }));
      return undone();
    })
    .catch(() => undefined);

  expect(counts).toEqual([0, 1]);
});

test('reads that are issued together share one transaction; with the published example each has its own', async () => {
  const { prisma, published, sentBy } = clients();
  const opened = async (db: { project: { count(): PromiseLike<number> } }) => {
    const sent = await sentBy(() => Promise.all(Array.from({ length: 5 }, () => db.project.count())));
    return sent.filter((text) => text === 'BEGIN').length;
  };

  expect(await opened(published(ACME))).toBe(5);
  expect(await opened(prisma.$forTenant(ACME))).toBe(1);
});

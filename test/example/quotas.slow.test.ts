/**
 * Proves that conversations stay within the quota of the plan, exactly and by every path that creates them, with two
 * servers on one database.
 */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { contextOf } from '../support/demo-tenants.js';
import { insertConversation } from '../support/example-rows.js';
import { sendKeyed } from '../support/keyed-mutations.js';
import { counterOf, writePlansFile } from '../support/quotas.js';
import { startTestServer, useServer, type TestServer } from '../support/server.js';
import { useClients } from '../support/clients.js';

const QUOTA = 20;
const PLANS_FILE = await writePlansFile({ free: { conversations: QUOTA } });
afterAll(() => rm(dirname(PLANS_FILE), { recursive: true }));

const env = { PLANS_FILE };
const server = useServer({ env });
const clientOf = useClients(server);
let replica: TestServer;
beforeAll(async () => {
  replica = await startTestServer({ database: server().database, env });
});
afterAll(() => replica.close());

const CREATE =
  'mutation ($body: String!) { createConversation(input: { body: $body }) { conversation { id } } }';

/** Conversations of acme, as the superuser sees them. */
async function conversations(): Promise<number> {
  const { database } = server();
  const [row] = await database.asSuperuser<{ count: number }>(
    'SELECT count(*)::int AS count FROM conversations WHERE tenant_id = $1',
    [await database.tenantId('acme')],
  );
  return row!.count;
}

async function fillUpTo(count: number): Promise<void> {
  const { database } = server();
  await database.asSuperuser('DELETE FROM conversations WHERE tenant_id = $1', [
    await database.tenantId('acme'),
  ]);
  for (let n = 0; n < count; n++) await insertConversation(database, 'acme');
}

beforeEach(() => fillUpTo(0));

/** How a server answers that is too busy: nothing was created. */
const BUSY: readonly unknown[] = ['RATE_LIMITED', 'UNAVAILABLE', 'DEADLINE_EXCEEDED'];

test('1,000 requests at ten below the quota, twenty at a time on two servers, create exactly ten', async () => {
  await fillUpTo(QUOTA - 10);
  const { token } = await clientOf('owner');
  const ask = async (at: TestServer) => {
    const { errors } = await at
      .withHeaders({ authorization: `Bearer ${token}` })
      .query(CREATE, { body: randomUUID() });
    return errors[0]?.extensions.code;
  };
  const worker = async (at: TestServer) => {
    const codes = [];
    for (let n = 0; n < 50; n++) codes.push(await ask(at));
    return codes;
  };
  const workers = [server(), replica].flatMap((at) => Array.from({ length: 10 }, () => worker(at)));
  const codes = (await Promise.all(workers)).flat();
  const left = codes.filter((code) => code !== 'QUOTA_EXCEEDED' && !BUSY.includes(code));
  const created = left.filter((code) => code === undefined);
  expect(left).toEqual(created);
  expect(created.length).toBeLessThanOrEqual(10);
  // On a machine that was too busy for ten of a thousand, the rest can be created now, and no more.
  for (let n = created.length; n < 10; n++) await insertAs(token);
  expect(await ask(server())).toBe('QUOTA_EXCEEDED');
  expect(await conversations()).toBe(QUOTA);
  expect(await counterOf(server().database, 'acme', 'conversations')).toBe(QUOTA);
}, 240_000);

async function insertAs(token: string): Promise<void> {
  const { errors } = await server()
    .withHeaders({ authorization: `Bearer ${token}` })
    .query(CREATE, { body: 'x' });
  expect(errors).toEqual([]);
}

test('a conversation that is deleted, with its messages, makes room for one', async () => {
  await fillUpTo(QUOTA);
  const id = await insertConversation(server().database, 'globex');
  const own = await server().database.asSuperuser<{ id: string }>(
    'SELECT id FROM conversations WHERE tenant_id = $1 LIMIT 1',
    [await server().database.tenantId('acme')],
  );
  const client = await clientOf('owner');
  const remove = (of: string) =>
    client.query('mutation ($id: ID!) { deleteConversation(input: { id: $id }) { deletedId } }', { id: of });
  // One of another tenant does not exist here.
  expect((await remove(id)).errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
  expect((await client.query(CREATE, { body: 'x' })).errors).toMatchObject([
    { extensions: { code: 'QUOTA_EXCEEDED', resource: 'conversations', limit: QUOTA, used: QUOTA } },
  ]);
  expect((await remove(own[0]!.id)).errors).toEqual([]);
  expect((await client.query(CREATE, { body: 'x' })).errors).toEqual([]);
});

test('every path to a new conversation is counted and limited', async () => {
  const acme = contextOf(await server().database.tenantId('acme'));
  const db = server().services.database.forTenant(acme);
  const data = { userId: 'demo|acme|owner', body: 'x' };
  const paths: Readonly<Record<string, () => Promise<unknown>>> = {
    create: () => db.conversation.create({ data }),
    createMany: () => db.conversation.createMany({ data: [data] }),
    createManyAndReturn: () => db.conversation.createManyAndReturn({ data: [data] }),
    upsert: () => {
      const where = { tenantId_id: { tenantId: acme.tenantId, id: randomUUID() } };
      return db.conversation.upsert({ where, create: data, update: {} });
    },
    'create with messages': () =>
      db.conversation.create({ data: { ...data, messages: { create: [{ userId: 'x', body: 'y' }] } } }),
    'create by a message': () =>
      db.message.create({
        data: { userId: 'x', body: 'y', conversation: { create: data } },
      }),
    transaction: () => db.transaction((tx) => tx.conversation.create({ data })),
  };
  for (const [path, create] of Object.entries(paths)) {
    await fillUpTo(QUOTA - 1);
    await create();
    expect(await counterOf(server().database, 'acme', 'conversations'), path).toBe(QUOTA);
    await expect(create(), path).rejects.toThrow(/the quota of conversations is exceeded/);
    expect(await conversations(), path).toBe(QUOTA);
  }
});

test('a transaction that fails gives back what it has added', async () => {
  const db = server().services.database.forTenant(contextOf(await server().database.tenantId('acme')));
  await expect(
    db.transaction(async (tx) => {
      await tx.conversation.create({ data: { userId: 'x', body: 'x' } });
      throw new Error('given up');
    }),
  ).rejects.toThrow('given up');
  expect(await counterOf(server().database, 'acme', 'conversations')).toBe(0);
});

test('a mutation with a key that was refused runs again, and succeeds when there is room', async () => {
  await fillUpTo(QUOTA);
  const { token } = await clientOf('owner');
  const key = randomUUID();
  const send = () => sendKeyed(server(), token, key, { query: CREATE, variables: { body: 'x' } });
  expect((await send()).errors).toMatchObject([{ extensions: { code: 'QUOTA_EXCEEDED' } }]);
  await fillUpTo(QUOTA - 1);
  const done = await send();
  expect(done.errors).toEqual([]);
  expect(await send()).toMatchObject({ replayed: true, text: done.text });
  expect(await conversations()).toBe(QUOTA);
});

test('of several creations in one mutation, those before the quota are kept', async () => {
  await fillUpTo(QUOTA - 1);
  const { data, errors } = await (
    await clientOf('owner')
  ).query(
    'mutation { a: createConversation(input: { body: "a" }) { conversation { body } } b: createConversation(input: { body: "b" }) { conversation { body } } }',
  );
  expect(data).toEqual({ a: { conversation: { body: 'a' } }, b: null });
  expect(errors).toMatchObject([{ path: ['b'], extensions: { code: 'QUOTA_EXCEEDED' } }]);
  expect(await conversations()).toBe(QUOTA);
});

/**
 * Proves that each of the two layers of isolation holds alone where rows hang on each other: conversations and their
 * messages, written and read through relations. With neither layer, each attack succeeds.
 */
import { expect, test } from 'vitest';
import { READS, WRITES } from '../../src/kernel/tenancy/tenant-filter.js';
import { useDatabase } from '../support/database.js';
import { probe, type Attack, type Ground, type Target } from '../support/isolation-probe.js';
import { bind, connected, useDemoTenants } from '../support/demo-tenants.js';

/** A conversation with one message; both contain the text they were planted with. */
interface Thread {
  readonly conversationId: string;
  readonly messageId: string;
  readonly text: string;
}

type ThreadTarget = Target<Thread>;

const threads: Ground<Thread> = {
  tables: ['conversations', 'messages'],
  async plant(database, tenantId, text) {
    const [row] = await database.asSuperuser<{ conversationId: string; messageId: string }>(
      `WITH conversation AS (
         INSERT INTO conversations (tenant_id, user_id, subject, body) VALUES ($1, 'author', $2, $2) RETURNING id
       ), message AS (
         INSERT INTO messages (tenant_id, conversation_id, user_id, body)
         SELECT $1, id, 'author', $2 FROM conversation RETURNING id
       )
       SELECT conversation.id AS "conversationId", message.id AS "messageId" FROM conversation, message`,
      [tenantId, text],
    );
    return { ...row!, text };
  },
};

const conversationOf = (tenantId: string, { conversationId }: Thread) => ({
  tenantId_id: { tenantId, id: conversationId },
});
const messageOf = (tenantId: string, { messageId }: Thread) => ({ tenantId_id: { tenantId, id: messageId } });
const theirConversation = (t: ThreadTarget) => conversationOf(t.foreign, t.theirs);
const myConversation = (t: ThreadTarget) => conversationOf(t.own, t.mine);
const theirMessage = (t: ThreadTarget) => messageOf(t.foreign, t.theirs);
const myMessage = (t: ThreadTarget) => messageOf(t.own, t.mine);
const post = ({ graffiti }: ThreadTarget) => ({ userId: 'attacker', body: graffiti });

const reads: readonly Attack<Thread>[] = [
  {
    operation: 'conversation.findUnique',
    name: 'a key of another tenant',
    run: (t) => t.models.conversation.findUnique({ where: theirConversation(t) }),
  },
  {
    operation: 'conversation.findUnique',
    name: 'a key of another tenant, including its messages',
    run: (t) =>
      t.models.conversation.findUnique({
        where: theirConversation(t),
        select: { messages: { select: { body: true } } },
      }),
  },
  {
    operation: 'conversation.findUniqueOrThrow',
    name: 'a key of another tenant',
    run: (t) => t.models.conversation.findUniqueOrThrow({ where: theirConversation(t) }),
  },
  {
    operation: 'conversation.findFirst',
    name: 'an OR that names another tenant',
    run: (t) =>
      t.models.conversation.findFirst({
        where: { OR: [{ tenantId: t.foreign }, { subject: t.secret }], body: t.secret },
      }),
  },
  {
    operation: 'conversation.findFirst',
    name: 'by the body of a message in another tenant',
    run: (t) => t.models.conversation.findFirst({ where: { messages: { some: { body: t.secret } } } }),
  },
  {
    operation: 'conversation.findFirstOrThrow',
    name: 'a value that stands in the other tenant only',
    run: (t) => t.models.conversation.findFirstOrThrow({ where: { subject: t.secret } }),
  },
  {
    operation: 'conversation.findMany',
    name: 'no filter, including messages',
    run: (t) => t.models.conversation.findMany({ include: { messages: true } }),
  },
  {
    operation: 'conversation.findMany',
    name: 'the counts of messages of all tenants',
    run: async (t) => {
      const rows = await t.models.conversation.findMany({
        select: { tenantId: true, _count: { select: { messages: true } } },
      });
      return rows.some(({ tenantId }) => tenantId !== t.own) ? t.secret : 'own rows only';
    },
  },
  {
    operation: 'conversation.count',
    name: 'rows of other tenants',
    run: async (t) =>
      (await t.models.conversation.count({ where: { tenantId: { not: t.own } } })) > 0 ? t.secret : 'none',
  },
  {
    operation: 'conversation.aggregate',
    name: 'the greatest value of all',
    run: (t) => t.models.conversation.aggregate({ _max: { body: true } }),
  },
  {
    operation: 'conversation.groupBy',
    name: 'a column',
    run: (t) => t.models.conversation.groupBy({ by: ['subject'], _max: { body: true } }),
  },
  {
    operation: 'message.findUnique',
    name: 'a key of another tenant, including its conversation',
    run: (t) => t.models.message.findUnique({ where: theirMessage(t), include: { conversation: true } }),
  },
  {
    operation: 'message.findUniqueOrThrow',
    name: 'a key of another tenant',
    run: (t) => t.models.message.findUniqueOrThrow({ where: theirMessage(t) }),
  },
  {
    operation: 'message.findFirst',
    name: 'by the id of a conversation of another tenant',
    run: (t) => t.models.message.findFirst({ where: { conversationId: t.theirs.conversationId } }),
  },
  {
    operation: 'message.findFirstOrThrow',
    name: 'by the subject of a conversation of another tenant',
    run: (t) => t.models.message.findFirstOrThrow({ where: { conversation: { subject: t.secret } } }),
  },
  {
    operation: 'message.findMany',
    name: 'no filter, including the whole tenant',
    run: (t) => t.models.message.findMany({ include: { tenant: { include: { conversations: true } } } }),
  },
  {
    operation: 'message.count',
    name: 'messages in a conversation of another tenant',
    run: async (t) =>
      (await t.models.message.count({ where: { conversationId: t.theirs.conversationId } })) > 0
        ? t.secret
        : 'none',
  },
  {
    operation: 'message.aggregate',
    name: 'the greatest value of all',
    run: (t) => t.models.message.aggregate({ _max: { body: true } }),
  },
  {
    operation: 'message.groupBy',
    name: 'a column',
    run: (t) => t.models.message.groupBy({ by: ['conversationId', 'body'] }),
  },
];

const writes: readonly Attack<Thread>[] = [
  {
    operation: 'conversation.create',
    name: 'a row that names another tenant',
    run: (t) => t.models.conversation.create({ data: { ...post(t), tenantId: t.foreign } }),
  },
  {
    operation: 'conversation.create',
    name: 'a row with nested messages that connects another tenant',
    run: (t) =>
      t.models.conversation.create({
        data: {
          ...post(t),
          tenant: { connect: { id: t.foreign } },
          messages: { create: [{ userId: 'attacker', body: t.graffiti }] },
        },
      }),
  },
  {
    operation: 'conversation.create',
    name: 'a row that connects a message of another tenant',
    run: (t) =>
      t.models.conversation.create({ data: { ...post(t), messages: { connect: theirMessage(t) } } }),
  },
  {
    operation: 'conversation.create',
    name: 'a row that connects or creates a message of another tenant',
    run: (t) =>
      t.models.conversation.create({
        data: { ...post(t), messages: { connectOrCreate: { where: theirMessage(t), create: post(t) } } },
      }),
  },
  {
    operation: 'conversation.createMany',
    name: 'a row that names another tenant',
    run: (t) => t.models.conversation.createMany({ data: [{ ...post(t), tenantId: t.foreign }] }),
  },
  {
    operation: 'conversation.createManyAndReturn',
    name: 'a row that names another tenant',
    run: (t) => t.models.conversation.createManyAndReturn({ data: { ...post(t), tenantId: t.foreign } }),
  },
  {
    operation: 'conversation.update',
    name: 'a key of another tenant',
    run: (t) => t.models.conversation.update({ where: theirConversation(t), data: { body: t.graffiti } }),
  },
  {
    operation: 'conversation.update',
    name: 'a key of another tenant, creating a message in it',
    run: (t) =>
      t.models.conversation.update({
        where: theirConversation(t),
        data: { messages: { create: post(t) } },
        select: { id: true },
      }),
  },
  {
    operation: 'conversation.update',
    name: 'a key of another tenant, deleting its messages',
    run: (t) =>
      t.models.conversation.update({
        where: theirConversation(t),
        data: { messages: { deleteMany: {} } },
        select: { id: true },
      }),
  },
  {
    operation: 'conversation.update',
    name: 'an own row that connects a message of another tenant',
    run: (t) =>
      t.models.conversation.update({
        where: myConversation(t),
        data: { messages: { connect: [theirMessage(t)] } },
      }),
  },
  {
    operation: 'conversation.update',
    name: 'moving an own row, without its messages, to another tenant',
    run: async (t) => {
      await t.models.message.deleteMany({ where: { conversationId: t.mine.conversationId } });
      return t.models.conversation.update({
        where: myConversation(t),
        data: { body: t.graffiti, tenantId: t.foreign },
      });
    },
  },
  {
    operation: 'conversation.updateMany',
    name: 'no filter',
    run: (t) => t.models.conversation.updateMany({ data: { body: t.graffiti } }),
  },
  {
    operation: 'conversation.updateManyAndReturn',
    name: 'by the body of a message in another tenant',
    run: (t) =>
      t.models.conversation.updateManyAndReturn({
        where: { messages: { some: { body: t.secret } } },
        data: { subject: t.graffiti },
      }),
  },
  {
    operation: 'conversation.upsert',
    name: 'a key of another tenant',
    run: (t) =>
      t.models.conversation.upsert({
        where: theirConversation(t),
        update: { body: t.graffiti },
        create: post(t),
      }),
  },
  {
    operation: 'conversation.upsert',
    name: 'a key of another tenant, created there',
    run: (t) =>
      t.models.conversation.upsert({
        where: { tenantId_id: { tenantId: t.own, id: t.theirs.conversationId } },
        update: {},
        create: { ...post(t), tenantId: t.foreign },
      }),
  },
  {
    operation: 'conversation.delete',
    name: 'a key of another tenant with all its messages',
    run: (t) => t.models.conversation.delete({ where: theirConversation(t), select: { id: true } }),
  },
  {
    operation: 'conversation.deleteMany',
    name: 'a value that stands in the other tenant only',
    run: (t) => t.models.conversation.deleteMany({ where: { subject: t.secret } }),
  },
  {
    operation: 'message.create',
    name: 'a message connected to a conversation of another tenant',
    run: (t) =>
      t.models.message.create({
        data: { ...post(t), conversation: { connect: theirConversation(t) } },
      }),
  },
  {
    operation: 'message.create',
    name: 'a message connected to, or created with, a conversation of another tenant',
    run: (t) =>
      t.models.message.create({
        data: {
          ...post(t),
          conversation: {
            connectOrCreate: { where: theirConversation(t), create: post(t) },
          },
        },
      }),
  },
  {
    operation: 'message.create',
    name: 'a message with a new conversation in another tenant',
    run: (t) =>
      t.models.message.create({
        data: {
          ...post(t),
          conversation: { create: { ...post(t), tenant: { connect: { id: t.foreign } } } },
        },
      }),
  },
  {
    operation: 'message.create',
    name: 'a message that names another tenant and its conversation',
    run: (t) =>
      t.models.message.create({
        data: { ...post(t), tenantId: t.foreign, conversationId: t.theirs.conversationId },
      }),
  },
  {
    operation: 'message.createMany',
    name: 'a message that names another tenant and its conversation',
    run: (t) =>
      t.models.message.createMany({
        data: [{ ...post(t), tenantId: t.foreign, conversationId: t.theirs.conversationId }],
      }),
  },
  {
    operation: 'message.createManyAndReturn',
    name: 'a message that names another tenant and its conversation',
    run: (t) =>
      t.models.message.createManyAndReturn({
        data: [{ ...post(t), tenantId: t.foreign, conversationId: t.theirs.conversationId }],
      }),
  },
  {
    operation: 'message.update',
    name: 'a key of another tenant',
    run: (t) => t.models.message.update({ where: theirMessage(t), data: { body: t.graffiti } }),
  },
  {
    operation: 'message.update',
    name: 'the conversation of a message of another tenant',
    run: (t) =>
      t.models.message.update({
        where: theirMessage(t),
        data: { conversation: { update: { data: { subject: t.graffiti } } } },
      }),
  },
  {
    operation: 'message.update',
    name: 'an own message connected to a conversation of another tenant',
    run: (t) =>
      t.models.message.update({
        where: myMessage(t),
        data: { body: t.graffiti, conversation: { connect: theirConversation(t) } },
      }),
  },
  {
    operation: 'message.update',
    name: 'an own message that names another tenant and its conversation',
    run: (t) =>
      t.models.message.update({
        where: myMessage(t),
        data: { body: t.graffiti, tenantId: t.foreign, conversationId: t.theirs.conversationId },
      }),
  },
  {
    operation: 'message.updateMany',
    name: 'the messages of a conversation of another tenant',
    run: (t) =>
      t.models.message.updateMany({
        where: { conversationId: t.theirs.conversationId },
        data: { body: t.graffiti },
      }),
  },
  {
    operation: 'message.updateManyAndReturn',
    name: 'no filter',
    run: (t) => t.models.message.updateManyAndReturn({ data: { body: t.graffiti } }),
  },
  {
    operation: 'message.upsert',
    name: 'creating a message in a conversation of another tenant',
    run: (t) =>
      t.models.message.upsert({
        where: { tenantId_id: { tenantId: t.own, id: t.theirs.messageId } },
        update: {},
        create: { ...post(t), conversation: { connect: theirConversation(t) } },
      }),
  },
  {
    operation: 'message.delete',
    name: 'a key of another tenant',
    run: (t) => t.models.message.delete({ where: theirMessage(t), select: { id: true } }),
  },
  {
    operation: 'message.deleteMany',
    name: 'the messages of a conversation of another tenant',
    run: (t) => t.models.message.deleteMany({ where: { conversation: { subject: t.secret } } }),
  },
  {
    operation: 'tenant.update',
    name: 'another tenant, creating a conversation in it',
    run: (t) =>
      t.models.tenant.update({
        where: { id: t.foreign },
        data: { conversations: { create: post(t) } },
        select: { id: true },
      }),
  },
];

const attacks = [...reads, ...writes];

probe(threads, attacks);

test.each(['conversation', 'message'])('every operation on a %s is attacked', (model) => {
  const attacked = new Set(attacks.map(({ operation }) => operation));
  expect([...READS, ...WRITES].filter((operation) => !attacked.has(`${model}.${operation}`))).toEqual([]);
});

const database = useDatabase();
const tenants = useDemoTenants(database);

test('raw SQL without a where reads, changes and deletes rows of the bound tenant only', async () => {
  const { acme, globex } = tenants();
  const inGlobex = () =>
    Promise.all(
      ['conversations', 'messages'].map((table) =>
        database().asSuperuser(`SELECT * FROM ${table} WHERE tenant_id = $1 ORDER BY id`, [globex.tenantId]),
      ),
    );
  const before = await inGlobex();
  await connected(database().app, async (client) => {
    await client.query('BEGIN');
    await bind(client, acme);
    for (const table of ['conversations', 'messages']) {
      const { rows } = await client.query(`SELECT DISTINCT tenant_id FROM ${table}`);
      expect(rows).toEqual([{ tenant_id: acme.tenantId }]);
      expect((await client.query(`UPDATE ${table} SET body = 'changed'`)).rowCount).toBe(3);
    }
    const { rows } = await client.query(
      'SELECT DISTINCT m.tenant_id FROM messages m FULL JOIN conversations c ON c.id = m.conversation_id OR true',
    );
    expect(rows).toEqual([{ tenant_id: acme.tenantId }]);
    expect((await client.query('DELETE FROM messages')).rowCount).toBe(3);
    expect((await client.query('DELETE FROM conversations')).rowCount).toBe(3);
    await client.query('COMMIT');
  });
  expect(await inGlobex()).toEqual(before);
});

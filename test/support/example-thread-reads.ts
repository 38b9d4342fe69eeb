/** Attacks with every read operation of the tenant-bound client on the conversations and messages of another tenant. */
import type { Attack } from './isolation-probe.js';
import { theirConversation, theirMessage, type Thread } from './threads.js';

export const reads: readonly Attack<Thread>[] = [
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

/**
 * Attacks with every write operation of the tenant-bound client on the conversations and messages of another tenant.
 */
import type { Attack } from './isolation-probe.js';
import { theirConversation, myConversation, theirMessage, myMessage, post, type Thread } from './threads.js';

export const writes: readonly Attack<Thread>[] = [
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

import { z } from 'zod';
import type { Resolvers, SubscriptionMessagePostedArgs } from '../../generated/graphql.js';
import type { Message } from '../../generated/prisma/client.js';
import { childList } from '../../kernel/graphql/children.js';
import { sortBy } from '../../kernel/graphql/sort-key.js';
import { rowById } from '../../kernel/graphql/references.js';
import { parseInput, text } from '../../kernel/graphql/input.js';
import { memberByUser } from '../../platform/membership/member-by-user.js';
import { changesOf } from '../../services/subscriptions/changes-of.js';

const postInput = z.object({ conversationId: z.string(), body: text(1, 10_000) });

const OLDEST_FIRST = { key: sortBy('Message', 'createdAt'), direction: 'asc' } as const;

export const resolvers: Resolvers = {
  Conversation: {
    messages: childList<Message>('Message', 'conversationId', OLDEST_FIRST),
  },
  Message: {
    conversation: ({ conversationId }, _args, { db, loaders }) =>
      rowById(loaders, 'Conversation', conversationId, (ids) =>
        db.conversation.findMany({ where: { id: { in: ids } } }),
      ),
    author: ({ userId }, _args, context) => memberByUser(context, userId),
  },
  Mutation: {
    postMessage: async (_parent, { input }, { db, viewer }) => {
      const { conversationId, body } = parseInput(postInput, input);
      const { id } = db.key(conversationId).tenantId_id;
      const message = await db.message.create({ data: { conversationId: id, body, userId: viewer.userId } });
      return { message };
    },
  },
  Subscription: {
    messagePosted: changesOf('Message', {
      kinds: ['CREATED'],
      where: ({ conversationId }: SubscriptionMessagePostedArgs) => ({ conversation_id: conversationId }),
      payload: ({ id }, { conversationId }, { db }) =>
        db.message.findUnique({ where: { ...db.key(id), conversationId } }),
    }),
  },
};

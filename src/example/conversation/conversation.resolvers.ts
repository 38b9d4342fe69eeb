import { z } from 'zod';
import type { ConversationFilter, Resolvers } from '../../generated/graphql.js';
import type { Conversation } from '../../generated/prisma/client.js';
import { badInput, PublicError } from '../../kernel/vocabulary/errors.js';
import { Page } from '../../kernel/graphql/connection.js';
import { updateExpecting, versionInput } from '../../kernel/graphql/expected-version.js';
import { searchable, within } from '../../kernel/graphql/filter.js';
import { listOf } from '../../kernel/graphql/list.js';
import { parseInput, text } from '../../kernel/graphql/input.js';
import { memberByUser } from '../../platform/membership/member-by-user.js';
import { changesOf } from '../../services/subscriptions/changes-of.js';
import { countConversations, findConversations, SORT_KEYS } from './conversation.search.js';

const body = text(1, 10_000);
const subject = text(0, 200).nullish();
const createInput = z.object({ body, subject });
const updateInput = z.object({
  id: z.string(),
  body: body.nullish(),
  subject,
  expectedVersion: versionInput,
});

export const resolvers: Resolvers = {
  Query: {
    conversation: (_parent, { id }, { db }) => db.conversation.findUnique({ where: db.key(id) }),
    conversations: async (_parent, { filter, orderBy, ...args }, context, info) => {
      const { key, column } = SORT_KEYS[orderBy?.field ?? 'CREATED_AT'];
      const order = { key, column, direction: orderBy?.direction ?? 'desc' } as const;
      const page = new Page(args, order);
      const { search, ...rest } = searchable(filter) ?? {};
      if (search != null) {
        const searched = { ...rest, search };
        const { db } = context;
        const found = await findConversations(db, searched, page, order);
        return page.connection(found, () => countConversations(db, searched));
      }
      return listOf<Conversation>(context, info, 'Conversation', page, conditions(rest));
    },
  },
  Conversation: {
    author: ({ userId }, _args, context) => memberByUser(context, userId),
  },
  Mutation: {
    createConversation: async (_parent, { input }, { db, viewer }) => {
      const data = parseInput(createInput, input);
      const conversation = await db.conversation.create({
        data: { body: data.body, subject: data.subject ?? null, userId: viewer.userId },
      });
      return { conversation };
    },
    updateConversation: async (_parent, { input }, context, info) => {
      const { id, expectedVersion, ...changes } = parseInput(updateInput, input);
      if (changes.body == null && changes.subject === undefined) {
        throw badInput('Say what to change: body, subject.', 'input');
      }
      const { db } = context;
      const where = db.key(id);
      const data = {
        ...(changes.body != null && { body: changes.body }),
        ...(changes.subject !== undefined && { subject: changes.subject }),
      };
      const conversation = await updateExpecting(
        expectedVersion,
        {
          type: 'Conversation',
          update: (at) => db.conversation.update({ where: { ...where, ...at }, data }),
          find: () => db.conversation.findUnique({ where }),
        },
        context,
        info,
      );
      return { conversation };
    },
    deleteConversation: async (_parent, { input }, { db, viewer, settings }) => {
      const where = db.key(input.id);
      const { conversationDeletion } = await settings.read(db);
      if (conversationDeletion === 'author') {
        // The author never changes.
        const found = await db.conversation.findUnique({ where, select: { userId: true } });
        if (found && found.userId !== viewer.userId) {
          throw new PublicError('FORBIDDEN', 'Only its author may delete this conversation.', {
            requires: 'rule',
          });
        }
      }
      const { id } = await db.conversation.delete({ where, select: { id: true } });
      return { deletedId: id };
    },
  },
  Subscription: {
    conversationChanged: changesOf('Conversation', {
      payload: async ({ kind, id }, _args, { db }) => {
        if (kind === 'DELETED') return { kind, conversationId: id, conversation: null, deletedId: id };
        const conversation = await db.conversation.findUnique({ where: db.key(id) });
        return conversation && { kind, conversationId: id, conversation, deletedId: null };
      },
    }),
  },
};

function conditions({ userId, createdAt }: Omit<ConversationFilter, 'search'>) {
  return {
    ...(userId != null && { userId }),
    ...(createdAt != null && { createdAt: within(createdAt) }),
  };
}

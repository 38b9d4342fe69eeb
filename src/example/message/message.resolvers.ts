import { z } from 'zod';
import type { Resolvers, SubscriptionMessagePostedArgs } from '../../generated/graphql.js';
import { Prisma, type Message } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { sortBy } from '../../kernel/graphql/sort-key.js';
import { parseInput, text } from '../../kernel/graphql/input.js';
import { memberByUser } from '../../platform/membership/member-by-user.js';
import { changesOf } from '../../services/subscriptions/changes-of.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';

const postInput = z.object({ conversationId: z.string(), body: text(1, 10_000) });

const BY_CREATED_AT = sortBy('Message', 'createdAt');

export const resolvers: Resolvers = {
  Conversation: {
    messages: async ({ id }, args, { db, loaders }) => {
      const page = new Page(args, { key: BY_CREATED_AT, direction: 'asc' });
      const rows = await loaders.load(`messages ${page.name}`, id, (ids) => pageOfMessages(db, ids, page));
      const count = () => loaders.load('messageCount', id, (ids) => messageCounts(db, ids));
      return page.connection(rows ?? [], async () => (await count()) ?? 0);
    },
  },
  Message: {
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

/**
 * A page of messages for each of many conversations, in one statement. Prisma would fetch all messages of each and take
 * the page in memory; a lateral join reads each page from the index.
 */
async function pageOfMessages(
  db: TenantClient,
  conversationIds: readonly string[],
  { after, before, backward, query: { take } }: Page,
): Promise<Map<string, Message[]>> {
  const behind = after
    ? Prisma.sql`AND (created_at, id) > (${after.value}::timestamptz, ${after.id}::uuid)`
    : Prisma.empty;
  const ahead = before
    ? Prisma.sql`AND (created_at, id) < (${before.value}::timestamptz, ${before.id}::uuid)`
    : Prisma.empty;
  const order = backward ? Prisma.sql`created_at DESC, id DESC` : Prisma.sql`created_at, id`;
  const rows = await db.$queryRaw<Message>(Prisma.sql`
    SELECT message.*
    FROM unnest(${conversationIds}::uuid[]) AS conversation (id)
    CROSS JOIN LATERAL (
      SELECT tenant_id AS "tenantId", id, conversation_id AS "conversationId", user_id AS "userId", body,
             created_at AS "createdAt"
      FROM public.messages
      WHERE tenant_id = ${db.context.tenantId}::uuid AND conversation_id = conversation.id ${behind} ${ahead}
      ORDER BY ${order}
      LIMIT ${take}
    ) AS message`);
  const byConversation = new Map<string, Message[]>(conversationIds.map((id) => [id, []]));
  for (const row of rows) byConversation.get(row.conversationId)?.push(row);
  return byConversation;
}

async function messageCounts(
  db: TenantClient,
  conversationIds: readonly string[],
): Promise<Map<string, number>> {
  const groups = await db.message.groupBy({
    by: ['conversationId'],
    where: { conversationId: { in: [...conversationIds] } },
    _count: true,
  });
  return new Map(groups.map((group) => [group.conversationId, group._count]));
}

import type { Membership } from '../../generated/prisma/client.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';

/**
 * The membership of a user in this tenant; null when they are no member, or nobody is named. Concurrent calls are batched
 * into one query.
 */
export async function memberByUser(
  { db, loaders }: RequestContext,
  userId: string | null,
): Promise<Membership | null> {
  if (userId === null) return null;
  const member = await loaders.load('memberByUser', userId, async (userIds) => {
    const members = await db.membership.findMany({ where: { userId: { in: [...userIds] } } });
    return new Map(members.map((each) => [each.userId, each]));
  });
  return member ?? null;
}

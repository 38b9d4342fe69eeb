import type { ImpersonationFilter, ImpersonationOrderField, Resolvers } from '../../generated/graphql.js';
import { Page } from '../../kernel/graphql/connection.js';
import { searchable, within } from '../../kernel/graphql/filter.js';
import { sortBy, type SortKey } from '../../kernel/graphql/sort-key.js';
import { actorName } from '../../kernel/vocabulary/actor.js';
import { conflict, notFound } from '../../kernel/vocabulary/errors.js';

const SORT_KEYS: Readonly<Record<ImpersonationOrderField, SortKey>> = {
  CREATED_AT: sortBy('Impersonation', 'createdAt'),
};

export const resolvers: Resolvers = {
  Query: {
    impersonations: async (_parent, { filter, orderBy, ...args }, { db }) => {
      const page = new Page(args, {
        key: SORT_KEYS[orderBy?.field ?? 'CREATED_AT'],
        direction: orderBy?.direction ?? 'desc',
      });
      const where = conditions(searchable(filter) ?? {});
      const rows = await db.impersonation.findMany({
        ...page.query,
        where: { AND: [page.query.where, where] },
      });
      return page.connection(rows, () => db.impersonation.count({ where }));
    },
  },
  Mutation: {
    endImpersonation: (_parent, { input }, { db, viewer }) =>
      db.transaction(async (tx) => {
        const key = tx.key(input.id);
        const now = new Date();
        // Only once, so that the first end is kept.
        const { count } = await tx.impersonation.updateMany({
          where: { id: key.tenantId_id.id, endedAt: null, expiresAt: { gt: now } },
          data: { endedAt: now, endedBy: actorName(viewer.actor) },
        });
        const impersonation = await tx.impersonation.findUnique({ where: key });
        if (!impersonation) throw notFound();
        if (count === 0) throw conflict('The impersonation has ended.');
        return { impersonation };
      }),
  },
};

function conditions({ active, operator, createdAt }: ImpersonationFilter) {
  const now = new Date();
  return {
    ...(active != null &&
      (active
        ? { endedAt: null, expiresAt: { gt: now } }
        : { OR: [{ endedAt: { not: null } }, { expiresAt: { lte: now } }] })),
    ...(operator != null && { operator }),
    ...(createdAt != null && { createdAt: within(createdAt) }),
  };
}

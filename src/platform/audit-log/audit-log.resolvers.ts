import type { Resolvers } from '../../generated/graphql.js';
import { Page } from '../../graphql/connection.js';
import { within } from '../../graphql/filter.js';

export const resolvers: Resolvers = {
  ActorType: { USER: 'user', API_KEY: 'api_key', JOB: 'job', OPERATOR: 'operator', SYSTEM: 'system' },
  Query: {
    auditLog: async (_parent, { filter, ...args }, { db }) => {
      const page = new Page(args, { field: 'id', direction: 'desc' });
      const matching = {
        ...(filter?.actor != null && { actor: filter.actor }),
        ...(filter?.action != null && { action: filter.action }),
        ...(filter?.entity != null && { entity: filter.entity }),
        ...(filter?.entityId != null && { entityId: filter.entityId }),
        ...(filter?.requestId != null && { requestId: filter.requestId }),
        ...(filter?.createdAt != null && { createdAt: within(filter.createdAt) }),
      };
      const rows = await db.auditEntry.findMany({
        ...page.query,
        where: { ...page.query.where, ...matching },
      });
      return page.connection(rows, () => db.auditEntry.count({ where: matching }));
    },
  },
};

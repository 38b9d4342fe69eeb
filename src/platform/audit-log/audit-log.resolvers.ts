import type { Resolvers } from '../../generated/graphql.js';
import { Page } from '../../graphql/connection.js';
import type { RequestContext } from '../../graphql/request-context.js';
import { searchable, within } from '../../graphql/filter.js';

export const resolvers: Resolvers = {
  ActorType: { USER: 'user', API_KEY: 'api_key', JOB: 'job', OPERATOR: 'operator', SYSTEM: 'system' },
  AuditEntry: {
    oldValue: (entry, _args, context) => visibleColumns(entry.entity, entry.oldValue, context),
    newValue: (entry, _args, context) => visibleColumns(entry.entity, entry.newValue, context),
  },
  Query: {
    auditLog: async (_parent, { filter: given, ...args }, { db }) => {
      const filter = searchable(given);
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

/**
 * A recorded row without the columns whose fields the viewer may not read: a permission holds on every path to a value.
 * A column is guarded as the field of its name, `billing_email` as `Tenant.billingEmail`.
 */
function visibleColumns(
  entity: string,
  row: unknown,
  { guards, viewer }: Pick<RequestContext, 'guards' | 'viewer'>,
): Record<string, unknown> | null {
  if (typeof row !== 'object' || row === null) return null;
  const isVisible = ([column]: [string, unknown]) => {
    const field = column.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
    const guard = guards.get(`${entity}.${field}`);
    return guard == null || viewer.permissions.has(guard);
  };
  return Object.fromEntries(Object.entries(row).filter(isVisible));
}

import type { GraphQLResolveInfo, GraphQLSchema } from 'graphql';
import { readableFields } from '../../kernel/access/readable-fields.js';
import type { Resolvers } from '../../generated/graphql.js';
import type { AuditEntry } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { sortBy } from '../../kernel/graphql/sort-key.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { searchable, within } from '../../kernel/graphql/filter.js';

const BY_ID = sortBy('AuditEntry', 'id');

export const resolvers: Resolvers = {
  ActorType: { USER: 'user', API_KEY: 'api_key', JOB: 'job', OPERATOR: 'operator', SYSTEM: 'system' },
  AuditEntry: {
    oldValue: (entry, _args, context, info) => visibleColumns(entry, entry.oldValue, context, info),
    newValue: (entry, _args, context, info) => visibleColumns(entry, entry.newValue, context, info),
  },
  Query: {
    auditLog: async (_parent, { filter: given, ...args }, { db }) => {
      const filter = searchable(given);
      const page = new Page(args, { key: BY_ID, direction: 'desc' });
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

type Shown = Pick<RequestContext, 'guards' | 'viewer' | 'recorded' | 'models'>;

/** The columns of a recorded row that the viewer may read: a permission applies to every path to a value. */
function visibleColumns(
  { entity }: Pick<AuditEntry, 'entity'>,
  row: unknown,
  context: Shown,
  { schema }: GraphQLResolveInfo,
): Record<string, unknown> | null {
  if (typeof row !== 'object' || row === null) return null;
  const { recorded, models, viewer } = context;
  const { permissions } = viewer;
  return recorded.visible(row, { entity, models, permissions, readable: readableBy(schema, context) });
}

/** Needed for each value of a list, so computed once per request. */
const found = new WeakMap<Shown, ReadonlySet<string>>();

function readableBy(schema: GraphQLSchema, context: Shown): ReadonlySet<string> {
  const known = found.get(context);
  if (known) return known;
  const readable = readableFields(schema, context.guards, context.viewer.permissions);
  found.set(context, readable);
  return readable;
}

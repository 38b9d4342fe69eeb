import type { GraphQLResolveInfo, GraphQLSchema } from 'graphql';
import { readableFields } from '../../kernel/access/readable-fields.js';
import type { RecordedColumns } from '../../kernel/access/recorded-columns.js';
import type { AuditEntryFilter, Resolvers } from '../../generated/graphql.js';
import type { AuditEntry } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { sortBy } from '../../kernel/graphql/sort-key.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { searchable, within } from '../../kernel/graphql/filter.js';
import { actorName } from '../../kernel/vocabulary/actor.js';
import { idPrefix, readId } from '../../kernel/vocabulary/id.js';
import { memberByUser } from '../membership/member-by-user.js';
import { idOfEntity, nodeOfEntity } from './entity-id.js';

/** Ids begin with the microsecond in which the entry was made. */
const BY_ID = sortBy('AuditEntry', 'id');

export const resolvers: Resolvers = {
  ActorType: { USER: 'user', API_KEY: 'api_key', JOB: 'job', OPERATOR: 'operator', SYSTEM: 'system' },
  AuditEntry: {
    actor: ({ actorType: type, actor: id }) => actorName({ type, id }),
    actorMember: ({ actorType, actor }, _args, context) =>
      actorType === 'user' ? memberByUser(context, actor) : null,
    entityId: (entry, _args, { recorded }) => idOfEntity(entry, recorded),
    entityNode: (entry, _args, context) => nodeOfEntity(entry, context),
    oldValue: (entry, _args, context, info) => visibleColumns(entry, entry.oldValue, context, info),
    newValue: (entry, _args, context, info) => visibleColumns(entry, entry.newValue, context, info),
  },
  Query: {
    auditLog: async (_parent, { filter: given, orderBy, ...args }, { db, recorded, recordAuditRead }) => {
      const filter = searchable(given);
      const page = new Page(args, { key: BY_ID, direction: orderBy?.direction ?? 'desc' });
      const matching = filter ? conditions(filter, recorded) : {};
      await recordAuditRead(db, { ...args, filter });
      const rows = await db.auditEntry.findMany({
        ...page.query,
        where: { ...page.query.where, ...matching },
      });
      return page.connection(rows, () => db.auditEntry.count({ where: matching }));
    },
  },
};

function conditions(filter: AuditEntryFilter, recorded: RecordedColumns) {
  return {
    ...(filter.actor != null && byActor(filter.actor)),
    ...(filter.actorType != null && { actorType: filter.actorType }),
    ...(filter.action != null && { action: filter.action }),
    ...(filter.entity != null && { entity: filter.entity }),
    ...(filter.entityId != null && byEntity(filter.entityId, filter.entity ?? undefined, recorded)),
    ...(filter.requestId != null && { requestId: filter.requestId }),
    ...(filter.createdAt != null && { createdAt: within(filter.createdAt) }),
  };
}

/** The log has the UUIDs of API keys, and the API their ids. */
function byActor(actor: string) {
  const id = readId(actor);
  return id?.prefix === idPrefix('ApiKey') ? { actor: id.uuid, actorType: 'api_key' } : { actor };
}

/** An id of the API finds the entries of its own type only; any other text is what was recorded. */
function byEntity(entityId: string, entity: string | undefined, recorded: RecordedColumns) {
  const id = readId(entityId);
  if (!id || id.prefix === '') return { entityId };
  const entities = recorded.entitiesOf(id.prefix).filter((each) => entity === undefined || each === entity);
  return { entityId: id.uuid, entity: { in: entities } };
}

type Shown = Pick<RequestContext, 'guards' | 'viewer' | 'recorded' | 'models'>;

/** What the viewer may read of a recorded row: a permission applies to every path to a value. */
export function visibleColumns(
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

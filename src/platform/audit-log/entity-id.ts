import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { RecordedColumns } from '../../kernel/access/recorded-columns.js';
import { encodeId, isId } from '../../kernel/vocabulary/id.js';

/** The id in the API of the object of an audit entry, when it is of a type of the API; otherwise the recorded one. */
export function idOfEntity(
  { entity, entityId }: { readonly entity: string; readonly entityId: string | null },
  recorded: RecordedColumns,
): string | null {
  const type = recorded.nodeOf(entity);
  return entityId !== null && type !== undefined && isId(entityId) ? encodeId(type, entityId) : entityId;
}

/** The object that an entry is about, as it is now, for whoever may read it; null when there is none, or it has no type. */
export function nodeOfEntity(entry: Parameters<typeof idOfEntity>[0], context: RequestContext) {
  const id = idOfEntity(entry, context.recorded);
  const isTyped = id !== null && id !== entry.entityId;
  return isTyped ? context.nodes.load(id, 'entityId', context) : null;
}

import { encodeId, isId } from './id.js';

/** The actor that the audit log records. */
export interface Actor {
  readonly type: ActorType;
  /** For a user, the `sub` claim of the identity provider; for an API key, the UUID of its row. */
  readonly id: string;
}

export type ActorType = 'user' | 'api_key' | 'job' | 'operator' | 'system';

/** The actor in answers and logs: an API key by its id in the API, anybody else as recorded. */
export const actorName = ({ type, id }: { readonly type: string; readonly id: string }): string =>
  type === 'api_key' && isId(id) ? encodeId('ApiKey', id) : id;

/** A text for each actor, the same for a user in all tenants. */
export const actorKey = ({ type, id }: Actor): string => `${type} ${id}`;

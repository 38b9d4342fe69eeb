/**
 * Ids. The database has UUIDs. In the API an id carries its type: the type's name in snake case and an underscore stand
 * before the UUID, `conversation_0199e7a5-…`.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_LENGTH = 36;

/** Whether `id` has the form of an id of the database: all of them are UUIDs. */
export const isId = (id: string): boolean => UUID.test(id);

/**
 * The largest UUID, which no row has. It stands for an id of another type, so that such an id finds nothing, with the
 * same statements as an id of a missing row.
 */
export const NO_ROW = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** What stands before the UUIDs of a type: `ApiKey` → `api_key_`. */
export const idPrefix = (type: string): string =>
  `${type.replace(/(?<=[a-z\d])(?=[A-Z])/g, '_').toLowerCase()}_`;

const prefixes = new Map<string, string>();

/** The id of an object of this type in the API. */
export function encodeId(type: string, id: string): string {
  let prefix = prefixes.get(type);
  if (prefix === undefined) {
    prefix = idPrefix(type);
    prefixes.set(type, prefix);
  }
  return prefix + id;
}

const PREFIX = /^[a-z][a-z\d_]*_$/;

/** An id of the API in its parts. */
export interface TypedId {
  /** As {@link idPrefix} makes it; empty for a bare UUID. */
  readonly prefix: string;
  /** In lower case, as PostgreSQL writes it. */
  readonly uuid: string;
}

/** The parts of an id; undefined for a text that has not the form of one. The type need not exist. */
export function readId(text: string): TypedId | undefined {
  const prefix = text.slice(0, -UUID_LENGTH);
  const uuid = text.slice(-UUID_LENGTH);
  if (!UUID.test(uuid) || (prefix !== '' && !PREFIX.test(prefix))) return undefined;
  return { prefix, uuid: uuid.toLowerCase() };
}

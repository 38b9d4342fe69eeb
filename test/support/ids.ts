/** Ids of the API in tests, which also look at the rows: the database has UUIDs. */
import { readId } from '../../src/kernel/vocabulary/id.js';

/** The UUID of an id of the API; a value that is no such id as it is. */
export function bareId<Value>(value: Value): Value | string {
  if (typeof value !== 'string') return value;
  const id = readId(value);
  return id && id.prefix !== '' ? id.uuid : value;
}

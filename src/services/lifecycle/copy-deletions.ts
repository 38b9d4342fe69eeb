/** Deletes from the copy of a tenant what the source does not have any more. */
import type { OperatorQuery } from '../operator/operator-connection.js';
import type { PlacedTable } from './placed-tables.js';

/** About so many keys are in a bucket. */
const KEYS_OF_BUCKET = 128;
const MOST_BUCKETS = 2 ** 16;
/** The keys of so many buckets are in memory at once, besides those that are gone. */
const BUCKETS_AT_ONCE = 256;

/**
 * Deletes the rows of the copy whose keys the source does not have, children first. Both databases put their keys into the same
 * buckets, and only keys of buckets that differ are read.
 *
 * @param rowsOf how many rows the source has
 * @param isSuspect whether the table may have such rows; those without a key are passed over
 */
export async function removeDeleted(
  from: OperatorQuery,
  into: OperatorQuery,
  groups: readonly (readonly PlacedTable[])[],
  rowsOf: (table: PlacedTable) => number,
  isSuspect: (table: PlacedTable) => boolean,
): Promise<void> {
  for (const group of [...groups].reverse()) {
    const suspects = group.filter((table) => table.key !== null && isSuspect(table));
    if (suspects.length === 0) continue;
    const gone = await Promise.all(suspects.map((table) => goneKeys(from, into, table, rowsOf(table))));
    if (gone.every((keys) => keys.length === 0)) continue;
    await into('SELECT tenantry.remove_arrived($1, $2)', [
      suspects.map(({ there }) => there.oid),
      `[${gone.map((keys) => `[${keys.join(',')}]`).join(',')}]`,
    ]);
  }
}

/** The keys of the copy that the source does not have, as JSON. */
async function goneKeys(
  from: OperatorQuery,
  into: OperatorQuery,
  { here, there }: PlacedTable,
  rows: number,
): Promise<readonly string[]> {
  const wanted = Math.min(MOST_BUCKETS, Math.max(1, rows / KEYS_OF_BUCKET));
  const mask = 2 ** Math.ceil(Math.log2(wanted)) - 1;
  const [ours, theirs] = await Promise.all([buckets(from, here.oid, mask), buckets(into, there.oid, mask)]);
  const different = [...theirs.keys()].filter((bucket) => ours.get(bucket) !== theirs.get(bucket));
  const gone: string[] = [];
  for (let at = 0; at < different.length; at += BUCKETS_AT_ONCE) {
    const some = different.slice(at, at + BUCKETS_AT_ONCE);
    const [kept, copied] = await Promise.all([
      keysIn(from, here.oid, mask, some),
      keysIn(into, there.oid, mask, some),
    ]);
    const known = new Set(kept);
    for (const key of copied) if (!known.has(key)) gone.push(key);
  }
  return gone;
}

async function buckets(
  query: OperatorQuery,
  oid: string,
  mask: number,
): Promise<ReadonlyMap<number, string>> {
  const rows = await query<{ bucket: number; digest: string }>(
    'SELECT bucket, digest FROM tenantry.key_buckets($1, $2)',
    [oid, mask],
  );
  return new Map(rows.map(({ bucket, digest }) => [bucket, digest]));
}

const keysIn = async (
  query: OperatorQuery,
  oid: string,
  mask: number,
  wanted: readonly number[],
): Promise<readonly string[]> =>
  (await query<{ line: string }>('SELECT line FROM tenantry.keys_in($1, $2, $3)', [oid, mask, wanted])).map(
    ({ line }) => line,
  );

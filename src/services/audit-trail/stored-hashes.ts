/** Computes roots of parts of a trail from the hashes that are stored, which are read in one statement. */
import { largestPowerBelow, nodeOf, type Range } from 'tenantry-verify';
import { Prisma } from '../../generated/prisma/client.js';
import { LEVELS_APART } from './block.js';
import type { TrailQuery } from './trail-rows.js';

/** The leaves below the lowest subtree whose root is kept. Hashes are read in groups of so many. */
const TILE = 2 ** LEVELS_APART;

/** The hash `index` of a level: the root of a complete subtree of 2^level leaves. */
interface Place {
  readonly level: number;
  readonly index: number;
}

/** Roots of parts of a trail. */
export interface StoredHashes {
  /** @throws Error when the trail lacks a hash, or for a range that was not asked for */
  readonly rootOf: (range: Range) => Buffer;
}

/**
 * What is needed for the roots of some ranges of RFC 6962, each of which consists of complete subtrees, the largest first.
 *
 * @throws the errors of `query`
 */
export async function readHashes(
  query: TrailQuery,
  tenantId: string,
  ranges: readonly Range[],
): Promise<StoredHashes> {
  const tiles = new Map<string, Place>();
  for (const range of ranges) {
    for (const { level, index } of placesOf(range)) {
      const first = index - (index % TILE);
      tiles.set(keyOf({ level, index: first }), { level, index: first });
    }
  }
  const known = new Map<string, Buffer>();
  if (tiles.size > 0) {
    type Row = Place & { readonly hash: string };
    for (const { hash, ...place } of await query<Row>(inTiles(tenantId, [...tiles.values()]))) {
      known.set(keyOf(place), Buffer.from(hash, 'hex'));
    }
  }
  const rootOf = (range: Range): Buffer => {
    const place = placeOf(range);
    if (!place) {
      const [left, right] = halvesOf(range);
      return nodeOf(rootOf(left), rootOf(right));
    }
    const hash = known.get(keyOf(place));
    if (!hash) throw new Error(`the audit trail lacks the hash ${place.index} of level ${place.level}`);
    return hash;
  };
  return { rootOf };
}

/** Where the root of a range is stored; undefined when it is not. */
function placeOf({ start, end }: Range): Place | undefined {
  const level = Math.log2(end - start);
  if (!Number.isInteger(level) || level % LEVELS_APART !== 0) return undefined;
  return { level, index: start / (end - start) };
}

function halvesOf({ start, end }: Range): readonly [Range, Range] {
  const middle = start + largestPowerBelow(end - start);
  return [
    { start, end: middle },
    { start: middle, end },
  ];
}

/** The places from which the root of a range is computed. */
function* placesOf(range: Range): Generator<Place> {
  const place = placeOf(range);
  if (place) yield place;
  else for (const half of halvesOf(range)) yield* placesOf(half);
}

const keyOf = ({ level, index }: Place): string => `${level} ${index}`;

function inTiles(tenantId: string, tiles: readonly Place[]): Prisma.Sql {
  const leaves = tiles.filter(({ level }) => level === 0).map(({ index }) => index);
  const nodes = tiles.filter(({ level }) => level > 0);
  return Prisma.sql`
    SELECT 0 AS level, l.position::float8 AS index, encode(l.leaf, 'hex') AS hash
    FROM unnest(${leaves}::bigint[]) AS tile (first)
    JOIN tenantry.audit_leaves l
      ON l.tenant_id = ${tenantId}::uuid AND l.position >= tile.first AND l.position < tile.first + ${TILE}
    UNION ALL
    SELECT n.level, n.index::float8, encode(n.hash, 'hex')
    FROM unnest(${nodes.map(({ level }) => level)}::smallint[], ${nodes.map(({ index }) => index)}::bigint[])
      AS tile (level, first)
    JOIN tenantry.audit_nodes n ON n.tenant_id = ${tenantId}::uuid AND n.level = tile.level
      AND n.index >= tile.first AND n.index < tile.first + ${TILE}`;
}

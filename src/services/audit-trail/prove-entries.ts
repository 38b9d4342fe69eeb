/** Inclusion proofs: that one entry is in the trail, for somebody who has nothing of the trail but a head. */
import {
  PROOF,
  SALT_BYTES,
  commitmentsOf,
  fieldsOf,
  itemsOf,
  proofRanges,
  type Proof,
  type Seal,
  type SealedEntry,
} from 'tenantry-verify';
import { Prisma } from '../../generated/prisma/client.js';
import { readHashes } from './stored-hashes.js';
import {
  ENTRY_COLUMNS,
  REDACTED_OF_LEAF,
  entryOfLeaf,
  headOf,
  type LeafRow,
  type TrailQuery,
} from './trail-rows.js';

/**
 * Proofs for the newest head, by the ids of the entries. Entries that are not sealed yet have none.
 *
 * @param isShown whether the value of a path, such as `new."email"`, is shown; otherwise only its commitment is
 * @throws the errors of `query`
 */
export async function proveEntries(
  query: TrailQuery,
  tenantId: string,
  entryIds: readonly string[],
  isShown: (entry: SealedEntry, path: string) => boolean,
): Promise<Map<string, Proof>> {
  const proofs = new Map<string, Proof>();
  const head = await headOf(query, tenantId);
  if (!head) return proofs;
  const rows = await query<LeafRow>(leavesOfEntries(tenantId, entryIds, head));
  const found = rows.flatMap((row) => {
    const entry = entryOfLeaf(row);
    return entry ? [{ entry, ranges: proofRanges(entry.position, head.size) }] : [];
  });
  const hashes = await readHashes(
    query,
    tenantId,
    found.flatMap(({ ranges }) => ranges),
  );
  for (const { entry, ranges } of found) {
    const path = ranges.map((range) => hashes.rootOf(range).toString('hex'));
    proofs.set(entry.id, { ...proofOfEntry(entry, isShown), path, head });
  }
  return proofs;
}

function proofOfEntry(
  entry: SealedEntry,
  isShown: (entry: SealedEntry, path: string) => boolean,
): Omit<Proof, 'path' | 'head'> {
  const { tenant, id, createdAt, tx, actorType, action, entity, entityId, requestId, oldShape, newShape } =
    fieldsOf(entry);
  const commitments = commitmentsOf(entry);
  const deleted = new Map((entry.redacted ?? []).map(({ index, path }) => [index, path]));
  const gone = new Set(deleted.values());
  const present = itemsOf(entry).filter(({ path }) => !gone.has(path));
  let next = 0;
  const items = commitments.map((commitment, index) => {
    if (deleted.has(index)) return commitment.toString('hex');
    const item = present[next++]!;
    if (!isShown(entry, item.path)) return commitment.toString('hex');
    const salt = entry.salts.slice(index * SALT_BYTES * 2, (index + 1) * SALT_BYTES * 2);
    return { ...item, salt };
  });
  return {
    format: PROOF,
    position: entry.position,
    entry: { tenant, id, createdAt, tx, actorType, action, entity, entityId, requestId, oldShape, newShape },
    items,
  };
}

const leavesOfEntries = (tenantId: string, ids: readonly string[], head: Seal): Prisma.Sql => Prisma.sql`
  SELECT l.position::float8 AS position, l.entry_id::text AS "entryId", encode(l.leaf, 'hex') AS leaf,
    encode(l.salts, 'hex') AS salts, ${ENTRY_COLUMNS}, ${REDACTED_OF_LEAF}
  FROM tenantry.audit_leaves l
  JOIN public.audit_log e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
  WHERE l.tenant_id = ${tenantId}::uuid AND l.entry_id = ANY (${[...ids]}::uuid[]) AND l.position < ${head.size}`;

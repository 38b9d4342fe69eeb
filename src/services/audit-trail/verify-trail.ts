/** Verifies a tenant's trail in the database, from its first entry to its head, in constant memory. */
import { TrailVerifier, type SealedEntry, type TrailOptions, type Verification } from 'tenantry-verify';
import { Prisma } from '../../generated/prisma/client.js';
import { Rows, leavesOf, sealsOf } from './trail-pages.js';
import {
  cutOf,
  entryOfLeaf,
  headOf,
  recordsAfter,
  sizeAt,
  type HashRow,
  type LeafRow,
  type TrailQuery,
} from './trail-rows.js';

export interface TrailVerification extends Verification {
  /** Entries that are not sealed yet. */
  readonly pending: number;
}

export interface VerifyOptions extends TrailOptions {
  /** Of entries that were sealed before, only the stored hashes are compared with the seals. */
  readonly from?: Date | undefined;
}

/** Entries were dropped from a trail while it was read: reading it again gives an answer. */
export class TrailDroppedError extends Error {
  override readonly name = 'TrailDroppedError';
  override readonly message = 'entries of the audit log were dropped while it was read: try again';
}

/** How often a trail is verified from which entries are dropped meanwhile. */
const ATTEMPTS = 3;

/**
 * Recomputes everything that the seals contain. Entries that are sealed meanwhile are not looked at. When entries are
 * dropped meanwhile, everything is verified again.
 *
 * @throws TrailDroppedError when entries are dropped each time; the errors of `query`
 */
export async function verifyTrail(
  query: TrailQuery,
  tenantId: string,
  options: VerifyOptions,
): Promise<TrailVerification> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const cut = await cutOf(query, tenantId);
    const found = await verifyOnce(query, tenantId, { ...options, cut });
    if (found.intact || (await cutOf(query, tenantId))?.number === cut?.number) return found;
  }
  throw new TrailDroppedError();
}

async function verifyOnce(
  query: TrailQuery,
  tenantId: string,
  { from, cut, ...options }: VerifyOptions & { readonly cut: Awaited<ReturnType<typeof cutOf>> },
): Promise<TrailVerification> {
  const end = await headOf(query, tenantId);
  const verifier = new TrailVerifier(options);
  if (cut) verifier.addCut(cut);
  const hashed = Math.max(cut?.size ?? 0, from ? await sizeAt(query, tenantId, from) : 0);
  const rows = new Rows(leavesOf(query, tenantId, { hashed }));
  const add = (row: LeafRow | HashRow) => addTo(verifier, row);
  for await (const seal of sealsOf(query, tenantId, { end: end?.number ?? 0 })) {
    if (verifier.isBroken) break;
    await rows.upTo(seal.size, add);
    verifier.addSeal(seal);
  }
  const left = verifier.isBroken ? undefined : await rows.peek();
  if (left) {
    // Sealed meanwhile, or left behind by somebody who removed seals.
    const newer = await headOf(query, tenantId);
    if ((newer?.number ?? 0) === (end?.number ?? 0)) add(left);
  }
  if (verifier.lacksRecords) {
    // Values were deleted so recently that the entries that say so are not sealed, or behind the head.
    type Unsealed = Pick<SealedEntry, 'id' | 'action' | 'new'>;
    const records = await query<Unsealed>(recordsAfter(tenantId, end?.size ?? 0));
    for (const record of records) verifier.addUnsealed(record);
  }
  const inserted = (await insertedEntry(query)) ?? (await restoredEntry(query, tenantId, cut?.size ?? 0));
  if (inserted !== null) verifier.addInserted(inserted);
  const [count] = await query<{ pending: number }>(pendingEntries(tenantId));
  return { ...verifier.finish(), pending: count!.pending };
}

function addTo(verifier: TrailVerifier, row: LeafRow | HashRow): boolean {
  if ('entryId' in row) verifier.addEntry(row.position, row.entryId, entryOfLeaf(row));
  else verifier.addLeaf(row.position, row.leaf);
  return !verifier.isBroken;
}

async function insertedEntry(query: TrailQuery): Promise<string | null> {
  const [row] = await query<{ id: string | null }>(
    Prisma.sql`SELECT tenantry.inserted_audit_entry()::text AS id`,
  );
  return row!.id;
}

/** An entry that is there though it was dropped: nothing says any more that it is the one that was sealed. */
async function restoredEntry(query: TrailQuery, tenantId: string, dropped: number): Promise<string | null> {
  if (dropped === 0) return null;
  const [row] = await query<{ id: string }>(Prisma.sql`
    SELECT e.id::text AS id FROM tenantry.audit_leaves l
    JOIN public.audit_log e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
    WHERE l.tenant_id = ${tenantId}::uuid AND l.position < ${dropped} ORDER BY l.position LIMIT 1`);
  return row?.id ?? null;
}

const pendingEntries = (tenantId: string): Prisma.Sql => Prisma.sql`
  SELECT ((SELECT count(*) FROM public.audit_log e WHERE e.tenant_id = ${tenantId}::uuid)
    - (SELECT count(*) FROM tenantry.audit_leaves l
       JOIN public.audit_log e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
       WHERE l.tenant_id = ${tenantId}::uuid))::float8 AS pending`;

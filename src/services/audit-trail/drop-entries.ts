/** Drops entries that were kept long enough, whole blocks from the first on: see the migration audit_retention. */
import { sealHash, signCut, type Seal } from 'tenantry-verify';
import { Prisma } from '../../generated/prisma/client.js';
import { BrokenTrailError } from './block.js';
import type { SealKeys } from './seal-keys.js';
import { SEAL_COLUMNS, cutOf, type TrailQuery } from './trail-rows.js';

/** The most entries of one transaction; more than a block has. */
const MOST = 20_000;

export interface Dropped {
  readonly entries: number;
  /** When the last of them were sealed. */
  readonly through: string;
}

interface Order {
  readonly tenantId: string;
  /** Entries that were sealed before are dropped. */
  readonly before: Date;
  /** Default: {@link MOST}. */
  readonly most?: number;
}

/** What `dropEntries` would begin with; undefined when there is nothing to drop. @throws the errors of `query` */
export async function nextCut(
  query: TrailQuery,
  { tenantId, before, most = MOST }: Order,
): Promise<Seal | undefined> {
  const cut = await cutOf(query, tenantId);
  const [seal] = await query<Seal>(Prisma.sql`
    SELECT ${SEAL_COLUMNS} FROM tenantry.audit_seals s
    WHERE s.tenant_id = ${tenantId}::uuid AND s.number > ${cut?.number ?? 0} AND s.sealed_at < ${before}
      AND s.size <= ${(cut?.size ?? 0) + most}
    ORDER BY s.number DESC LIMIT 1`);
  return seal;
}

/**
 * Drops the next entries of a trail, in the transaction of `query`, which is bound to the tenant as an operator. The trail
 * should have been verified before: what is wrong with dropped entries is not found any more.
 *
 * @returns undefined when there was nothing to drop
 * @throws BrokenTrailError when a seal was not signed with a trusted key; the errors of `query`
 */
export async function dropEntries(
  query: TrailQuery,
  order: Order,
  keys: SealKeys,
): Promise<Dropped | undefined> {
  const seal = await nextCut(query, order);
  if (!seal) return undefined;
  if (!keys.trusted.hasSigned(seal)) throw new BrokenTrailError('a seal was not signed with a trusted key');
  const [clock] = await query<{ now: string }>(Prisma.sql`
    SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS now`);
  const cut = signCut(
    {
      tenant: seal.tenant,
      number: seal.number,
      size: seal.size,
      seal: sealHash(seal),
      cutAt: clock!.now,
      key: keys.id,
    },
    keys.signing,
  );
  const [result] = await query<{ dropped: number }>(Prisma.sql`
    SELECT tenantry.drop_audit(${cut.number}::bigint, decode(${cut.seal}, 'hex'), ${cut.cutAt}::timestamptz, ${cut.key},
      decode(${cut.signature}, 'hex'))::float8 AS dropped`);
  return { entries: result!.dropped, through: seal.sealedAt };
}

/** The SQL that reads a trail, and its rows: every value as text, as PostgreSQL printed it. */
import {
  REDACTED,
  type Cut,
  type Redaction,
  type Seal,
  type SealedEntry,
  type TrailEntry,
} from 'tenantry-verify';
import { Prisma } from '../../generated/prisma/client.js';

/** Runs a statement and returns its rows. */
export type TrailQuery = <Row extends object>(sql: Prisma.Sql) => Promise<Row[]>;

/** The columns of `audit_log e`, named as the parts of an entry; times as docs/audit-format.md has them. */
export const ENTRY_COLUMNS = Prisma.sql`
  e.tenant_id::text AS tenant, e.id::text AS id,
  coalesce(to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), e.created_at::text) AS "createdAt",
  e.tx::text AS tx, e.actor_type AS "actorType", e.actor, e.action, e.entity, e.entity_id AS "entityId",
  e.request_id AS "requestId", e.old_value::text AS old, e.new_value::text AS new`;

/** What is left of the deleted values of `audit_log e`, as JSON. */
const REDACTIONS = Prisma.sql`(
  SELECT json_agg(json_build_object(
    'index', r.index, 'path', r.path, 'commitment', encode(r.commitment, 'hex'),
    'at', to_char(r.redacted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  ) ORDER BY r.index)::text
  FROM tenantry.audit_redactions r WHERE r.tenant_id = e.tenant_id AND r.entry_id = e.id
)`;

/** The same as a column; null when there are none. */
export const REDACTED_COLUMN = Prisma.sql`${REDACTIONS} AS redacted`;

/** The same of the entry of `audit_leaves l`. The salts of deleted values are zeros, so most entries need no look-up. */
export const REDACTED_OF_LEAF = Prisma.sql`
  CASE WHEN position(decode(repeat('00', 16), 'hex') IN l.salts) > 0 THEN ${REDACTIONS} END AS redacted`;

/** The columns of `audit_seals s`, named as the parts of a seal. */
export const SEAL_COLUMNS = Prisma.sql`
  s.tenant_id::text AS tenant, s.number::float8 AS number, s.size::float8 AS size, encode(s.root, 'hex') AS root,
  encode(s.previous, 'hex') AS previous, to_char(s.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "sealedAt",
  s.horizon::text AS horizon, s.key, encode(s.signature, 'hex') AS signature`;

/** An entry that is to be sealed, as it is read. */
export type EntryRow = Omit<TrailEntry, 'salts' | 'redacted'> & { readonly redacted: string | null };

/** A leaf with its entry; `id` is null when the entry is missing. */
export interface LeafRow extends Omit<EntryRow, 'id'> {
  readonly position: number;
  readonly entryId: string;
  readonly leaf: string;
  readonly salts: string;
  readonly id: string | null;
}

/** What is left of the deleted values of an entry. */
export const redactionsOf = ({ redacted }: Pick<EntryRow, 'redacted'>): readonly Redaction[] =>
  redacted === null ? [] : (JSON.parse(redacted) as Redaction[]);

/** The entry of a leaf; undefined when it is missing. */
export function entryOfLeaf(row: LeafRow): SealedEntry | undefined {
  if (row.id === null) return undefined;
  return {
    position: row.position,
    tenant: row.tenant,
    id: row.id,
    createdAt: row.createdAt,
    tx: row.tx,
    actorType: row.actorType,
    actor: row.actor,
    action: row.action,
    entity: row.entity,
    entityId: row.entityId,
    requestId: row.requestId,
    old: row.old,
    new: row.new,
    salts: row.salts,
    leaf: row.leaf,
    ...(row.redacted !== null && { redacted: redactionsOf(row) }),
  };
}

/** The most bytes of the values of a page, as they are stored: they may be compressed, so the text can be longer. */
export const PAGE_BYTES = 2 ** 21;

/** The bytes of the values of `audit_log e` as they are stored. PostgreSQL knows them without reading the values. */
export const STORED_BYTES = Prisma.sql`
  (coalesce(pg_column_size(e.old_value), 0) + coalesce(pg_column_size(e.new_value), 0))`;

/** The leaves from a position on, in order: so many, or fewer when their values are large, and at least one. */
export const leavesFrom = (tenantId: string, position: number, most: number): Prisma.Sql => Prisma.sql`
  SELECT l.position::float8 AS position, l.entry_id::text AS "entryId", encode(l.leaf, 'hex') AS leaf,
    encode(l.salts, 'hex') AS salts, ${ENTRY_COLUMNS}, ${REDACTED_OF_LEAF}
  FROM (
    SELECT sized.*, sum(sized.bytes) OVER (ORDER BY sized.position) - sized.bytes AS bytes_before FROM (
      SELECT l.position, l.entry_id, l.leaf, l.salts, e.*, ${STORED_BYTES} AS bytes FROM tenantry.audit_leaves l
      LEFT JOIN public.audit_log e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
      WHERE l.tenant_id = ${tenantId}::uuid AND l.position >= ${position} ORDER BY l.position LIMIT ${most}
    ) AS sized
  ) AS e CROSS JOIN LATERAL (SELECT e.position, e.entry_id, e.leaf, e.salts) AS l
  WHERE e.bytes_before < ${PAGE_BYTES} ORDER BY l.position`;

/** The entries that say that values were deleted, and that the first `size` leaves of the trail do not contain. */
export const recordsAfter = (tenantId: string, size: number): Prisma.Sql => Prisma.sql`
  SELECT e.id::text AS id, e.action, e.new_value::text AS new FROM public.audit_log e
  WHERE e.tenant_id = ${tenantId}::uuid AND e.action = ${REDACTED} AND NOT EXISTS (
    SELECT FROM tenantry.audit_leaves l
    WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id AND l.position < ${size})`;

/** A leaf without its entry. */
export interface HashRow {
  readonly position: number;
  readonly leaf: string;
}

/** The hashes of the leaves from a position on, up to another one, in order. */
export const hashesFrom = (
  tenantId: string,
  position: number,
  end: number,
  most: number,
): Prisma.Sql => Prisma.sql`
  SELECT l.position::float8 AS position, encode(l.leaf, 'hex') AS leaf FROM tenantry.audit_leaves l
  WHERE l.tenant_id = ${tenantId}::uuid AND l.position >= ${position} AND l.position < ${end}
  ORDER BY l.position LIMIT ${most}`;

/** The seals after a number, in order. */
export const sealsAfter = (tenantId: string, number: number, most: number): Prisma.Sql => Prisma.sql`
  SELECT ${SEAL_COLUMNS} FROM tenantry.audit_seals s
  WHERE s.tenant_id = ${tenantId}::uuid AND s.number > ${number} ORDER BY s.number LIMIT ${most}`;

const newestSeal = (tenantId: string): Prisma.Sql => Prisma.sql`
  SELECT ${SEAL_COLUMNS} FROM tenantry.audit_seals s
  WHERE s.tenant_id = ${tenantId}::uuid ORDER BY s.number DESC LIMIT 1`;

/** The head of a tenant's trail; undefined when nothing is sealed yet. */
export async function headOf(query: TrailQuery, tenantId: string): Promise<Seal | undefined> {
  return (await query<Seal>(newestSeal(tenantId)))[0];
}

const newestCut = (tenantId: string): Prisma.Sql => Prisma.sql`
  SELECT c.tenant_id::text AS tenant, c.number::float8 AS number, c.size::float8 AS size, encode(c.seal, 'hex') AS seal,
    to_char(c.cut_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "cutAt", c.key,
    encode(c.signature, 'hex') AS signature
  FROM tenantry.audit_cuts c WHERE c.tenant_id = ${tenantId}::uuid ORDER BY c.number DESC LIMIT 1`;

/** The last cut of a tenant's trail; undefined when nothing was dropped. */
export async function cutOf(query: TrailQuery, tenantId: string): Promise<Cut | undefined> {
  return (await query<Cut>(newestCut(tenantId)))[0];
}

/** The number of entries that were sealed before a time. */
export async function sizeAt(query: TrailQuery, tenantId: string, time: Date): Promise<number> {
  const [seal] = await query<{ size: number }>(Prisma.sql`
    SELECT s.size::float8 AS size FROM tenantry.audit_seals s
    WHERE s.tenant_id = ${tenantId}::uuid AND s.sealed_at < ${time} ORDER BY s.number DESC LIMIT 1`);
  return seal?.size ?? 0;
}

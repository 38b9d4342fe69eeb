/** Seals the entries of one tenant that are ready, in one transaction per block. */
import { isBackdated, lacksNumber, type Seal } from 'tenantry-verify';
import { makeBlock, type NewBlock, type TrailEnd } from './block.js';
import type { SealKeys } from './seal-keys.js';
import type { SealerConnection } from './sealer-connection.js';
import { NewEntries, type NewEntry, type Wanted } from './new-entries.js';
import { SEAL_COLUMNS } from './trail-rows.js';

/** What is told to whoever has a tenant sealed. */
export interface SealingWatch {
  /** Called with the last seal of the trail before it is continued, and afterwards; throws when it must not be. */
  readonly onSeal: (last: Seal | undefined) => void;
  /** Called when an entry is left out, because its date or its transaction cannot be true: no seal must vouch for it. */
  readonly onRefused: (entryId: string) => void;
  /** Called when entries are sealed whose transactions are those of another database. */
  readonly onRestored: (entryId: string) => void;
}

interface EndRow extends Omit<TrailEnd, 'last'> {
  readonly sealedAt: string;
  readonly horizon: string;
}

/** The last sealed entry; `id` is null when it was dropped. */
interface LastEntryRow {
  readonly id: string | null;
  readonly isNumbered: boolean;
  /** In milliseconds since 1970. */
  readonly createdAt: number | null;
}

/** What is known of the entries before a block. */
interface Before {
  readonly isNumbered: boolean;
  readonly newest: number;
}

/** Locks the trail. */
const OPEN = `
  SELECT o.size::float8 AS size, o.seals::float8 AS seals, o.frontier, o.horizon::text AS horizon,
    to_char(o.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "sealedAt"
  FROM tenantry.open_audit_block() o`;

/** A statement of its own: only then does it see what another sealer has committed while this one waited for the lock. */
const LAST = `
  SELECT ${SEAL_COLUMNS.sql} FROM tenantry.audit_seals s
  WHERE s.tenant_id = tenantry.current_tenant() ORDER BY s.number DESC LIMIT 1`;

const LAST_ENTRY = `
  SELECT e.id::text AS id, e.tx IS NOT NULL AS "isNumbered",
    (extract(epoch FROM e.created_at) * 1000)::float8 AS "createdAt"
  FROM (
    SELECT l.tenant_id, l.entry_id FROM tenantry.audit_leaves l
    WHERE l.tenant_id = tenantry.current_tenant() ORDER BY l.position DESC LIMIT 1
  ) AS leaf LEFT JOIN public.audit_log e ON e.tenant_id = leaf.tenant_id AND e.id = leaf.entry_id`;

/**
 * Seals everything that is ready. Entries whose date or transaction cannot be true are left out.
 *
 * @returns the newest seal; undefined when there was nothing to seal
 * @throws BrokenTrailError when the trail must not be continued; the errors of pg
 */
export async function sealTenant(
  connection: SealerConnection,
  wanted: Wanted,
  keys: SealKeys,
  watch: SealingWatch,
): Promise<Seal | undefined> {
  const { tenantId } = wanted;
  const reader = new NewEntries(wanted);
  let newest: Seal | undefined;
  while (!reader.isAtEnd) {
    const [[opened], [last], [lastEntry]] = (await connection.begin(tenantId, OPEN, LAST, LAST_ENTRY)) as [
      EndRow[],
      Seal[],
      LastEntryRow[],
    ];
    const { sealedAt, horizon, ...end } = { ...opened!, last };
    watch.onSeal(end.last);
    const before = knownOf(lastEntry, end.last);
    // Where the clock was set back, dates tell nothing.
    const isSetBack = end.last !== undefined && Date.parse(sealedAt) < Date.parse(end.last.sealedAt);
    const entries = (await reader.next(connection)).filter((entry) => {
      const isLate =
        lacksNumber(entry, before) ||
        (entry.hasNotBegun && !wanted.restored) ||
        (!isSetBack && isBackdated(entry, { seal: end.last, newest: before.newest }));
      if (isLate) watch.onRefused(entry.id);
      return !isLate;
    });
    if (entries.length > 0) {
      const block = makeBlock(end, entries, { tenantId, sealedAt, horizon }, keys);
      await write(connection, entries, block);
      newest = block.seal;
    }
    await connection.query('COMMIT');
    if (entries.length > 0) watch.onSeal(newest);
    const restored = entries.find(({ hasNotBegun }) => hasNotBegun);
    if (restored) watch.onRestored(restored.id);
  }
  return newest;
}

/** The last entry stands for all: they are sealed in the order of their transactions. */
function knownOf(entry: LastEntryRow | undefined, seal: Seal | undefined): Before {
  if (!entry || !seal) return { isNumbered: false, newest: -Infinity };
  // It was dropped: it was kept for long.
  if (entry.id === null) return { isNumbered: true, newest: -Infinity };
  return {
    isNumbered: entry.isNumbered,
    newest: Math.min(entry.createdAt ?? -Infinity, Date.parse(seal.sealedAt)),
  };
}

function write(
  connection: SealerConnection,
  entries: readonly NewEntry[],
  { seal, frontier, leaves, salts, nodes }: NewBlock,
): Promise<object[]> {
  return connection.query(
    'SELECT tenantry.seal_audit($1, $2, $3, $4, $5, $6::text::xid8, $7, $8, $9, $10, $11, $12, $13, $14, $15)',
    [
      seal.number,
      seal.size,
      Buffer.from(seal.root, 'hex'),
      Buffer.from(seal.previous, 'hex'),
      seal.sealedAt,
      seal.horizon,
      seal.key,
      Buffer.from(seal.signature, 'hex'),
      frontier,
      entries.map(({ id }) => id),
      leaves,
      salts,
      nodes.map(({ level }) => level),
      nodes.map(({ index }) => index),
      nodes.map(({ hash }) => hash),
    ],
  );
}

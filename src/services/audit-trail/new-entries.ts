/** Reads the entries of a tenant that are ready to be sealed, in the order in which they are sealed. */
import type { SealerConnection } from './sealer-connection.js';
import { ENTRY_COLUMNS, PAGE_BYTES, REDACTED_COLUMN, STORED_BYTES, type EntryRow } from './trail-rows.js';

/** The most entries of a block. */
export const BLOCK_ENTRIES = 2_000;

/** Which entries are looked for. */
export interface Wanted {
  readonly tenantId: string;
  /** The first transaction whose entries may not be sealed; null: look through the whole log. */
  readonly since: string | null;
  /** Whether numbers of transactions may be those of another database, from which this one was restored. */
  readonly restored: boolean;
}

export interface NewEntry extends EntryRow {
  /** Whether the entry names a transaction that has not begun here. */
  readonly hasNotBegun: boolean;
  /** How many there are, at most those of a block; more than were read when their values are large. */
  readonly found: number;
}

const COLUMNS = `
  ${ENTRY_COLUMNS.sql}, ${REDACTED_COLUMN.sql},
  coalesce(e.tx >= pg_snapshot_xmax(pg_current_snapshot()), false) AS "hasNotBegun", e.found::int AS found`;

const UNSEALED = `NOT EXISTS (
  SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id)`;

/**
 * The next entries that meet a condition: so many, or fewer when their values are large, and at least one. Every condition
 * has to use all parameters, because PostgreSQL wants to know the type of each.
 */
const nextEntries = (condition: string, orderOf: (alias: string) => string): string => `
  SELECT ${COLUMNS} FROM (
    SELECT sized.*, count(*) OVER () AS found,
      sum(sized.bytes) OVER (ORDER BY ${orderOf('sized')}) - sized.bytes AS bytes_before
    FROM (
      SELECT e.*, ${STORED_BYTES.sql} AS bytes FROM public.audit_log e
      WHERE e.tenant_id = $1::uuid AND ${condition} AND ${UNSEALED} ORDER BY ${orderOf('e')} LIMIT $4
    ) AS sized
  ) AS e
  WHERE e.bytes_before < ${PAGE_BYTES} ORDER BY ${orderOf('e')}`;

const byId = (alias: string): string => `${alias}.id`;

/** Only entries of transactions below the oldest that still runs, so that none appears among them later. */
const NEW = nextEntries(
  `(e.tx, e.id) > ($2::xid8, $3::uuid)
    AND e.tx >= $2::xid8 AND e.tx < pg_snapshot_xmin(pg_current_snapshot())`,
  (alias) => `${alias}.tx, ${alias}.id`,
);

/** Those of before the sealing. */
const UNNUMBERED = nextEntries('e.id > $3::uuid AND e.tx IS NULL AND $2::xid8 IS NOT NULL', byId);

/** By their ids, because numbers of another database say nothing of the order. */
const NUMBERED = nextEntries(
  `e.id > $3::uuid AND $2::xid8 IS NOT NULL AND (
    e.tx < pg_snapshot_xmin(pg_current_snapshot()) OR e.tx >= pg_snapshot_xmax(pg_current_snapshot()))`,
  byId,
);

/** Where reading begins: before all entries. */
const START = { tx: '0', id: '00000000-0000-0000-0000-000000000000' };

/** Block by block. Each entry is read once, also when it is not sealed. */
export class NewEntries {
  readonly #tenantId: string;
  /** The statements that are still to be run to their ends. */
  readonly #statements: string[];
  #after: { readonly tx: string; readonly id: string };

  constructor({ tenantId, since }: Wanted) {
    this.#tenantId = tenantId;
    this.#statements = since === null ? [UNNUMBERED, NUMBERED] : [NEW];
    this.#after = { ...START, ...(since !== null && { tx: since }) };
  }

  get isAtEnd(): boolean {
    return this.#statements.length === 0;
  }

  /**
   * The entries of the next block; there can be more of them until `isAtEnd`, also when these are none.
   *
   * @throws the errors of pg
   */
  async next(connection: SealerConnection): Promise<readonly NewEntry[]> {
    const { tx, id } = this.#after;
    const entries = await connection.query<NewEntry>(this.#statements[0]!, [
      this.#tenantId,
      tx,
      id,
      BLOCK_ENTRIES,
    ]);
    const last = entries.at(-1);
    if (last) this.#after = { tx: last.tx ?? START.tx, id: last.id };
    const found = last?.found ?? 0;
    if (found < BLOCK_ENTRIES && found === entries.length) {
      this.#statements.shift();
      if (this.#statements.length > 0) this.#after = START;
    }
    return entries;
  }
}

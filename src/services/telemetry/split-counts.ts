/** Shares the counts of a process out to the cells of their tenants, each of which has a writer of its own. */
import type { Counts } from './usage-writer.js';

/**
 * The counts of each cell.
 *
 * @param counts rows that begin with the id of a tenant
 * @param cellOf the name of a tenant's cell; undefined for the default one
 */
export function splitCounts(
  counts: Counts,
  cellOf: (tenantId: string) => string | undefined,
): (cell: string | undefined) => Counts {
  const waiting = new Map<string | undefined, unknown[]>();
  const ofCell = (cell: string | undefined): unknown[] => {
    const rows = waiting.get(cell) ?? [];
    waiting.set(cell, rows);
    return rows;
  };
  return (cell) => ({
    take: (most) => {
      const own = ofCell(cell);
      while (own.length < most) {
        const rows = counts.take(most);
        if (rows.length === 0) break;
        for (const row of rows) ofCell(cellOf(tenantOf(row))).push(row);
      }
      return own.splice(0, most);
    },
  });
}

const tenantOf = (row: unknown): string => (Array.isArray(row) ? String(row[0]) : '');

/** Reads cursors over rows of tenants in constant memory, and adds up what was read, whatever the order of the rows. */
import { hash } from 'node:crypto';
import type { LifeQuery } from './walk.js';

/** About so many bytes are read at once; more when a single row has. */
export const PART_BYTES = 2 ** 22;
/** The most rows that are read at once. */
const MOST_ROWS = 2_000;
const LANES = [0, 8, 16, 24] as const;

/** The lines of a cursor, which is closed at the end. */
export async function* linesOf(query: LifeQuery, cursor: string): AsyncGenerator<readonly string[]> {
  const name = `"${cursor.replaceAll('"', '""')}"`;
  for (let most = 100; ;) {
    const rows = await query<{ line: string }>(`FETCH FORWARD ${String(most)} FROM ${name}`);
    if (rows.length === 0) break;
    const lines = rows.map(({ line }) => line);
    yield lines;
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    // So many rows the next time that they fill a part.
    most = Math.max(1, Math.min(MOST_ROWS, Math.floor(PART_BYTES / (bytes / lines.length))));
  }
  await query(`CLOSE ${name}`);
}

/**
 * The number of lines and the sum of their hashes. Two databases may sort texts differently, so the order of the lines does
 * not count.
 */
export class LinesDigest {
  readonly #sums = new BigUint64Array(LANES.length);
  rows = 0;

  add(lines: readonly string[]): void {
    this.rows += lines.length;
    for (const line of lines) {
      const digest = hash('sha256', line, 'buffer');
      for (const [lane, offset] of LANES.entries()) this.#sums[lane]! += digest.readBigUInt64LE(offset);
    }
  }

  toString(): string {
    return [this.rows, ...this.#sums].join(' ');
  }
}

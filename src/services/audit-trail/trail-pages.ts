/** Reads a trail page by page: the next page is read while this one is worked on, so memory stays constant. */
import type { Seal } from 'tenantry-verify';
import {
  hashesFrom,
  leavesFrom,
  sealsAfter,
  type HashRow,
  type LeafRow,
  type TrailQuery,
} from './trail-rows.js';

/** How many entries and seals are read at once. */
const PAGE = 2_000;
/** How many hashes are read at once. */
const HASHES = 20_000;

/**
 * The leaves of a trail from a position on, in order.
 *
 * @param hashed of those below this position only the hashes are read
 */
export async function* leavesOf(
  query: TrailQuery,
  tenantId: string,
  { from = 0, hashed = 0 }: { readonly from?: number; readonly hashed?: number },
): AsyncGenerator<readonly (LeafRow | HashRow)[]> {
  if (hashed > from) {
    yield* pages(from, (next) => query<HashRow>(hashesFrom(tenantId, next, hashed, HASHES)));
  }
  yield* pages(Math.max(from, hashed), (next) => query<LeafRow>(leavesFrom(tenantId, next, PAGE)));
}

async function* pages<Row extends { readonly position: number }>(
  start: number,
  read: (from: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  for (let reading = read(start); ;) {
    const rows = await reading;
    const last = rows.at(-1);
    // A page of large entries has fewer rows, so only an empty one is the end.
    if (!last) return;
    reading = read(last.position + 1);
    // Nobody waits for it when the reader stops before.
    reading.catch(() => undefined);
    yield rows;
  }
}

/** The seals of a trail after a number and up to its end, in order. */
export async function* sealsOf(
  query: TrailQuery,
  tenantId: string,
  { after = 0, end }: { readonly after?: number; readonly end: number },
): AsyncGenerator<Seal> {
  for (let last = after; last < end;) {
    const seals = await query<Seal>(sealsAfter(tenantId, last, PAGE));
    for (const seal of seals) if (seal.number <= end) yield seal;
    if (seals.length < PAGE) return;
    last = seals.at(-1)!.number;
  }
}

/** Rows that are taken one by one, without a promise for each. */
export class Rows<Row extends { readonly position: number }> {
  readonly #pages: AsyncIterator<readonly Row[]>;
  #page: readonly Row[] = [];
  #next = 0;

  constructor(pages: AsyncIterable<readonly Row[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  /** Calls `take` for each row up to a position, until it answers false. @throws the errors of reading the rows */
  async upTo(end: number, take: (row: Row) => unknown): Promise<void> {
    while (await this.#fill()) {
      for (; this.#next < this.#page.length; this.#next++) {
        const row = this.#page[this.#next]!;
        if (row.position >= end || take(row) === false) return;
      }
    }
  }

  /** The row after those that were taken; undefined when there is none. @throws the errors of reading the rows */
  async peek(): Promise<Row | undefined> {
    return (await this.#fill()) ? this.#page[this.#next] : undefined;
  }

  async #fill(): Promise<boolean> {
    if (this.#next < this.#page.length) return true;
    const next = await this.#pages.next();
    if (next.done) return false;
    this.#page = next.value;
    this.#next = 0;
    return true;
  }
}

import type { RowChange } from './row-change.js';

/** A change in its place among those of one entity in one tenant. */
export interface LoggedChange {
  readonly change: RowChange;
  /** Counts the changes of the log: how far a reader is behind is the difference of two. */
  readonly position: number;
  /** Undefined for the latest one. */
  readonly next: LoggedChange | undefined;
  /** The same row was updated again since: whoever is told of that is told all that this update has to tell. */
  readonly isSuperseded: boolean;
}

interface Entry extends LoggedChange {
  next: LoggedChange | undefined;
  isSuperseded: boolean;
}

/** Rows of which the latest update is remembered. */
const MOST_ROWS = 1_000;

/**
 * The changes of one entity in one tenant, in order. They form a chain of which the log holds the end only: a change is kept
 * for as long as a reader has not passed it, once for all readers.
 */
export class ChangeLog {
  #last: Entry | undefined;
  /** Weak, for an entry keeps every entry behind it. */
  readonly #updates = new Map<string, WeakRef<Entry>>();

  add(change: RowChange): LoggedChange {
    const position = (this.#last?.position ?? 0) + 1;
    const entry: Entry = { change, position, next: undefined, isSuperseded: false };
    if (this.#last) this.#last.next = entry;
    this.#last = entry;
    if (change.kind === 'UPDATED') this.#remember(entry);
    return entry;
  }

  #remember(entry: Entry): void {
    const { id, keys } = entry.change;
    // An update that is announced under other keys may be for other readers.
    const row = [id, ...Object.values(keys)].join(' ');
    const earlier = this.#updates.get(row)?.deref();
    if (earlier) earlier.isSuperseded = true;
    if (this.#updates.size >= MOST_ROWS) this.#updates.clear();
    this.#updates.set(row, new WeakRef(entry));
  }
}

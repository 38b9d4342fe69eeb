import type { RowChange } from './row-change.js';

/** A change in the log of one entity in one tenant. */
export interface LoggedChange {
  readonly change: RowChange;
  /** The number of the change in the log: the difference of two positions is how far a reader is behind. */
  readonly position: number;
  /** The next change; undefined for the latest one. */
  readonly next: LoggedChange | undefined;
  /** The same row was updated again later, so the event of this update can be skipped. */
  readonly isSuperseded: boolean;
}

interface Entry extends LoggedChange {
  next: LoggedChange | undefined;
  isSuperseded: boolean;
}

/** The most rows whose latest update is remembered. */
const MOST_ROWS = 1_000;

/**
 * The changes of one entity in one tenant, in order. They form a linked list of which the log holds only the end: a
 * change stays in memory until all readers have passed it, once for all readers.
 */
export class ChangeLog {
  #last: Entry | undefined;
  /** Weak references, because an entry references all later entries. */
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
    // An update with other keys may be for other readers.
    const row = [id, ...Object.values(keys)].join(' ');
    const earlier = this.#updates.get(row)?.deref();
    if (earlier) earlier.isSuperseded = true;
    if (this.#updates.size >= MOST_ROWS) this.#updates.clear();
    this.#updates.set(row, new WeakRef(entry));
  }
}

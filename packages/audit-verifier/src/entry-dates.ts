/** Finds entries that were written later than they claim. */
import type { TrailEntry } from './entry.js';
import type { Seal } from './seal.js';

/** How much older than the seal before an entry may claim to be: more than clocks are ever set back unnoticed. */
const TOLERANCE_MS = 60_000;

/** How much older than the entries before its block an entry may be: more than a transaction is ever open. */
export const LONGEST_TRANSACTION_MS = 24 * 3_600_000;

/** What is compared. */
export type Dated = Pick<TrailEntry, 'id' | 'tx' | 'createdAt'>;

/** What precedes a block. */
export interface Before {
  /** The seal before; undefined when there is none. */
  readonly seal: Pick<Seal, 'horizon' | 'sealedAt'> | undefined;
  /** The latest time of an entry before, in milliseconds since 1970; `-Infinity` when none is known. */
  readonly newest: number;
  /** Whether an entry before has the number of its transaction. */
  readonly isNumbered: boolean;
}

/** Entries of before the sealing have no number, and are sealed first. */
export const lacksNumber = ({ tx }: Pick<Dated, 'tx'>, { isNumbered }: Pick<Before, 'isNumbered'>): boolean =>
  tx === null && isNumbered;

/** Whether an entry claims to be older than its transaction can be. Not to be asked where a clock was set back. */
export function isBackdated({ tx, createdAt }: Dated, { seal, newest }: Omit<Before, 'isNumbered'>): boolean {
  const time = Date.parse(createdAt);
  if (time < newest - LONGEST_TRANSACTION_MS) return true;
  if (tx === null || !seal) return false;
  const beganAfterwards = BigInt(tx) >= BigInt(seal.horizon);
  return beganAfterwards && time < Date.parse(seal.sealedAt) - TOLERANCE_MS;
}

/** An entry that was put into the trail later, and how that is seen. */
export interface LateEntry {
  readonly entryId: string;
  readonly explanation: string;
}

/** The dates of a whole trail: entries and seals are given in order. */
export class EntryDates {
  #seal: Seal | undefined;
  #newest = -Infinity;
  #newestOfBlock = -Infinity;
  #isNumbered = false;
  /** The latest time of any seal so far. */
  #latest = -Infinity;
  /** The first entry of the block that is late, if no clock was set back. */
  #backdated: string | null = null;
  #unnumbered: string | null = null;

  add(entry: Dated): void {
    if (lacksNumber(entry, { isNumbered: this.#isNumbered })) this.#unnumbered ??= entry.id;
    if (isBackdated(entry, { seal: this.#seal, newest: this.#newest })) this.#backdated ??= entry.id;
    if (entry.tx !== null) this.#isNumbered = true;
    this.#newestOfBlock = Math.max(this.#newestOfBlock, Date.parse(entry.createdAt));
  }

  /** What is wrong in the block that a seal ends. */
  lateIn(seal: Seal): LateEntry | undefined {
    if (this.#unnumbered !== null) {
      return {
        entryId: this.#unnumbered,
        explanation: 'The entry has no number of a transaction, though an entry before it has one.',
      };
    }
    // Where the clock was set back, which is visible, dates tell nothing.
    if (this.#backdated === null || Date.parse(seal.sealedAt) < this.#latest) return undefined;
    return {
      entryId: this.#backdated,
      explanation:
        'The entry is dated before the seal before it, though its transaction began after that seal, or long before other entries.',
    };
  }

  /** The next entries are those of the next block. */
  follow(seal: Seal): void {
    const sealedAt = Date.parse(seal.sealedAt);
    this.#seal = seal;
    this.#latest = Math.max(this.#latest, sealedAt);
    // A clock that was ahead for a moment must not make all later entries look old.
    this.#newest = Math.max(this.#newest, Math.min(this.#newestOfBlock, sealedAt));
    this.#newestOfBlock = -Infinity;
    this.#backdated = null;
    this.#unnumbered = null;
  }
}

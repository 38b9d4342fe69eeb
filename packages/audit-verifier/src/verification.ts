/** What is verified, and what a verification finds. */
import type { Cut } from './cut.js';
import type { TrailEntry } from './entry.js';
import type { Seal, TrustedKeys } from './seal.js';

/** How a trail differs from what was sealed. */
export type Defect =
  /** The entry is not the one that was sealed. */
  | 'changed'
  /** A sealed entry is missing. */
  | 'removed'
  /** An entry is there that was not sealed when it should have been. */
  | 'inserted'
  /** The entries of a block are not those, or not in the order, that were sealed. */
  | 'rearranged'
  /** The trail ends before the given head. */
  | 'cut'
  /** Values are missing from the entry, and no entry says that they were deleted. */
  | 'unrecorded'
  /** A seal was not made with a trusted key, or is not the one that another seal or the given head names. */
  | 'resealed';

export interface BrokenEntry {
  readonly defect: Defect;
  /** The first entry that is known to be wrong; null when it is a seal, or when nothing is left of the entry. */
  readonly entryId: string | null;
  readonly explanation: string;
}

export interface Verification {
  readonly tenant: string | null;
  readonly intact: boolean;
  /** The number of sealed entries. */
  readonly entries: number;
  /** How many of them were dropped before the cut: only their hashes were read, or the tree that they are in. */
  readonly dropped: number;
  /** How many of the others lack values that were deleted. */
  readonly redacted: number;
  readonly seals: number;
  /** The last seal that was read. */
  readonly head: Seal | null;
  readonly broken: BrokenEntry | null;
}

/** A sealed entry as it is stored. */
export interface SealedEntry extends TrailEntry {
  readonly position: number;
  /** The stored hash, in hexadecimal. It is not trusted; it only tells which entry of a block is wrong. */
  readonly leaf?: string;
}

export interface TrailOptions {
  /** Undefined: no signature is verified. */
  readonly keys?: TrustedKeys | undefined;
  /** A seal that was kept elsewhere. Without it, nobody can see that the trail was cut. */
  readonly head?: Seal | undefined;
}

/** The place from which a trail is verified when the entries before it are not there. */
export interface Start {
  readonly cut: Cut;
  /** The seal that the cut names. */
  readonly seal: Seal;
  /** The complete subtrees of the tree of this seal, from the left, in hexadecimal. */
  readonly frontier: readonly string[];
}

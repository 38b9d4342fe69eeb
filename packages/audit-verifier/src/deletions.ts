/**
 * Compares the values that entries lack with the entries that say so. Deleting a value needs no key, so without its entry
 * a deletion is a manipulation. Memory grows with the number of deletions only.
 */
import { unlessMalformed } from './bytes.js';
import { objectOf } from './parse.js';
import type { SealedEntry } from './verification.js';

/** The action of the entry that records a deletion. Its `new` has `"deleted": {"<id of an entry>": [<index>, …]}`. */
export const REDACTED = 'audit_entry.redacted';

/** By the id of an entry, the places of values. */
type Places = Map<string, Set<number>>;

export class Deletions {
  readonly #unrecorded: Places = new Map();
  readonly #recorded: Places = new Map();

  /** The first entry that lacks a value without an entry that says so; undefined when there is none. */
  get firstUnrecorded(): string | undefined {
    return this.#unrecorded.keys().next().value;
  }

  /** To be called for every sealed entry. The entry that records a deletion may come before or behind the other one. */
  add(entry: Pick<SealedEntry, 'id' | 'action' | 'new' | 'redacted'>): void {
    for (const { index } of entry.redacted ?? []) {
      if (!take(this.#recorded, entry.id, index)) put(this.#unrecorded, entry.id, index);
    }
    if (entry.action !== REDACTED) return;
    for (const [id, indexes] of Object.entries(deletedBy(entry.new))) {
      for (const index of Array.isArray(indexes) ? (indexes as readonly unknown[]) : []) {
        if (typeof index === 'number' && !take(this.#unrecorded, id, index)) put(this.#recorded, id, index);
      }
    }
  }
}

function deletedBy(printed: string | null): object {
  const row = printed === null ? undefined : unlessMalformed(() => objectOf(printed, 'it'));
  const deleted = row?.['deleted'];
  return typeof deleted === 'object' && deleted !== null ? deleted : {};
}

function put(places: Places, id: string, index: number): void {
  const known = places.get(id);
  if (known) known.add(index);
  else places.set(id, new Set([index]));
}

/** @returns whether it was there */
function take(places: Places, id: string, index: number): boolean {
  const known = places.get(id);
  if (!known?.delete(index)) return false;
  if (known.size === 0) places.delete(id);
  return true;
}

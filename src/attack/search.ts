/** Finds any of many values in a text, in all their encodings, reading the text once. */
import { encodingsOf } from './encodings.js';
import { MARK, SHORTEST_SEARCHED, type Loot, type LootValue } from './loot.js';

export interface Found {
  readonly loot: LootValue;
  /** As it stands there, in lower case. */
  readonly form: string;
}

export class Search {
  /** Patterns by how they begin. */
  private readonly patterns = new Map<string, { readonly form: string; readonly loot: LootValue }[]>();
  private readonly known = new Set<string>();

  /** How many values are searched for. */
  get size(): number {
    return this.known.size;
  }

  add(loot: LootValue): void {
    for (const value of [loot.value, ...(loot.value.match(MARK) ?? [])]) {
      if (this.known.has(value)) continue;
      this.known.add(value);
      for (const form of encodingsOf(value)) {
        if (form.length < SHORTEST_SEARCHED) continue;
        const start = form.slice(0, SHORTEST_SEARCHED);
        const others = this.patterns.get(start);
        if (others) others.push({ form, loot });
        else this.patterns.set(start, [{ form, loot }]);
      }
    }
  }

  /** Each value once. */
  find(text: string): Found[] {
    const found = new Map<string, Found>();
    const lower = text.toLowerCase();
    for (let at = 0; at + SHORTEST_SEARCHED <= lower.length; at++) {
      const candidates = this.patterns.get(lower.slice(at, at + SHORTEST_SEARCHED));
      for (const { form, loot } of candidates ?? []) {
        if (!found.has(loot.value) && lower.startsWith(form, at)) found.set(loot.value, { loot, form });
      }
    }
    return [...found.values()];
  }
}

/**
 * The values of the victim to search for, and how many cannot be told from others: they are too short, or the attacker
 * has them as well.
 *
 * @param own what the attacker has: what both have tells nothing, unless it is an id or a secret, which the attacker
 *   then has by a leak
 * @param isCommon values that are known to belong to both
 */
export function planSearch(
  victim: Loot,
  own: Loot,
  isCommon: (value: string) => boolean,
): { readonly searched: readonly LootValue[]; readonly leftOut: number } {
  const all = [...victim];
  const searched = all.filter((loot) => !isCommon(loot.value) && isDistinctive(loot, own));
  return { searched, leftOut: all.length - searched.length };
}

function isDistinctive({ kind, value }: LootValue, own: Loot): boolean {
  if (value.length < SHORTEST_SEARCHED) return false;
  if (kind === 'id' || kind === 'secret' || kind === 'cursor') return true;
  // To the second, two tenants may well have done the same.
  if (kind === 'date' && !/\.\d*[1-9]/.test(value)) return false;
  return !own.has(value);
}

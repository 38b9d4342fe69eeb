/** Finds any of many values in a text, in all their encodings, in one pass. */
import { encodingsOf } from './encodings.js';
import { DAY, MARK, SHORTEST_SEARCHED, type Loot, type LootValue } from './loot.js';

export interface Found {
  readonly loot: LootValue;
  /** The pattern, in lower case. */
  readonly form: string;
}

export class Search {
  /** The patterns by their beginning. */
  private readonly patterns = new Map<string, { readonly form: string; readonly loot: LootValue }[]>();
  private readonly known = new Set<string>();

  /** The number of values. */
  get size(): number {
    return this.known.size;
  }

  has(value: string): boolean {
    return this.known.has(value);
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
 * Selects the values that are specific to the victim. Others are too short, or may be in any answer: they are neither
 * searched for nor tried.
 *
 * @param own the attacker's values: a value of both is not specific, unless it is an id, a secret or planted, which the
 * attacker then has through a leak
 * @param vocabulary the words of the schema: a text of a few of them may be anywhere
 */
export const distinctive =
  (own: Loot, vocabulary: ReadonlySet<string>) =>
  ({ kind, value, at, planted }: LootValue): boolean => {
    if (value.length < SHORTEST_SEARCHED) return false;
    if (
      kind === 'secret' &&
      isInJson(at) &&
      own.has(value) &&
      own.at(at).some((each) => each.value === value)
    )
      return false;
    if (kind === 'id' || kind === 'secret' || kind === 'cursor' || value.search(MARK) !== -1) return true;
    if (own.has(value)) return false;
    // Two tenants may have data of the same second.
    if (kind === 'date') return /\.\d*[1-9]/.test(value) || (DAY.test(value) && planted === true);
    const words = wordsOf(value);
    return words.length > 3 || !words.every((word) => vocabulary.has(word));
  };

/**
 * Nothing but its name makes a value in JSON a secret: when both tenants have it in the same place, such as the name of the
 * key that signs for all of them, it is the server's.
 */
const isInJson = (at: string): boolean => /^[^.]+\.[^.]+\./.test(at);

/**
 * Whether only the victim can have brought a value where it is found. Others are tried as well, but what comes of them
 * proves nothing.
 *
 * @param own the attacker's values: it has times of the same second where both tenants' rows were made at once
 * @param isAmbiguous whether an earlier run may have written the value into the attacker's tenant
 */
export const certain =
  (own: Loot, isAmbiguous: (value: LootValue) => boolean) =>
  (loot: LootValue): boolean =>
    !isAmbiguous(loot) && !(loot.kind === 'date' && !DAY.test(loot.value) && own.hasTimeNear(loot.value));

/** The words of a name; `conversation.updatedAt` has three. */
export const wordsOf = (text: string): string[] =>
  text
    .split(/[^\p{L}\d]+|(?<=\p{Ll})(?=\p{Lu})/u)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());

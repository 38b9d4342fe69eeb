/**
 * What is known of a tenant: the values that stand in its rows and its answers, and where. Of the victim, they are what
 * the attacker tries and what is searched for in its answers; of the attacker, what the comparisons are made with.
 */

export type ValueKind = 'id' | 'cursor' | 'email' | 'secret' | 'text' | 'date' | 'number';

export interface LootValue {
  readonly value: string;
  readonly kind: ValueKind;
  /** `Conversation.id` of the schema, `conversations.body` of the database. */
  readonly at: string;
  /** Made for the attack: it stands nowhere else, and what it belongs to may be deleted. */
  readonly planted?: boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;
const DATE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/;
/** A day without a time. */
export const DAY = /^\d{4}-\d\d-\d\d$/;
/** Shorter values, and numbers of fewer digits, are found in any answer by chance. */
export const SHORTEST_SEARCHED = 6;

/** The marks of {@link newMark}, wherever they stand. */
export const MARK = /canary[a-z]{16}/g;

/** A word that stands nowhere else: lower-case letters alone, so that it gets through any input that takes a name. */
export function newMark(): string {
  const letters = crypto.getRandomValues(new Uint8Array(16));
  return `canary${Array.from(letters, (byte) => String.fromCharCode(97 + (byte % 26))).join('')}`;
}

/** Scalars of numbers that JSON has as texts, so that they are exact. */
export const EXACT_NUMBERS = /^(Big(Int|Decimal|Number)|Decimal|Long)$/;

function kindOf(name: string, value: string | number, scalar: string): ValueKind {
  if (typeof value === 'number' || EXACT_NUMBERS.test(scalar)) return 'number';
  if (/cursor$/i.test(name)) return 'cursor';
  if (EMAIL.test(value)) return 'email';
  if (scalar === 'ID' || UUID.test(value)) return 'id';
  if (DATE.test(value) || DAY.test(value)) return 'date';
  return /secret|token|hash|password|prefix|key$/i.test(name) ? 'secret' : 'text';
}

/**
 * A value as it is compared: times in the form of JSON, whatever form they stand in.
 *
 * @param scalar what the schema calls its type, where there is one: `ID`, `BigInt`
 */
export function lootValue(at: string, value: string | number, scalar = ''): LootValue {
  const kind = kindOf(at.split('.').at(-1)!, value, scalar);
  const time = kind === 'date' && !DAY.test(String(value)) ? Date.parse(String(value)) : Number.NaN;
  return { at, kind, value: Number.isFinite(time) ? new Date(time).toISOString() : String(value) };
}

/** The values of one tenant, each once for each place it was found in. */
export class Loot {
  private readonly byValue = new Map<string, LootValue[]>();

  constructor(values: Iterable<LootValue> = []) {
    for (const value of values) this.add(value);
  }

  add(found: LootValue): void {
    if (found.value === '') return;
    const known = this.byValue.get(found.value);
    if (!known) this.byValue.set(found.value, [found]);
    else if (!known.some(({ at }) => at === found.at)) known.push(found);
  }

  has(value: string): boolean {
    return this.byValue.has(value);
  }

  *[Symbol.iterator](): Iterator<LootValue> {
    for (const places of this.byValue.values()) yield* places;
  }

  /** Of each place one value, of these kinds and useful; planted ones if there are any. */
  samples(kinds: readonly ValueKind[], isUseful: (value: LootValue) => boolean): LootValue[] {
    const best = new Map<string, LootValue>();
    for (const found of this) {
      if (!kinds.includes(found.kind) || !isUseful(found)) continue;
      const known = best.get(found.at);
      // A text that was planted later may have replaced the earlier one; an id stays.
      const isBetter = found.planted && (!known?.planted || found.kind !== 'id');
      if (!known || isBetter) best.set(found.at, found);
    }
    const once = new Map([...best.values()].map((found) => [found.value, found]));
    return [...once.values()];
  }

  at(place: string): LootValue[] {
    return [...this].filter(({ at }) => at === place);
  }
}

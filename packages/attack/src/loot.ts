/**
 * The known values of a tenant and their places in rows and answers. The attacker tries the victim's values, and its
 * answers are searched for them. The attacker's values are used for comparison.
 */
import { Limits } from './limits.js';

export type ValueKind = 'id' | 'cursor' | 'email' | 'secret' | 'text' | 'date' | 'number';

export interface LootValue {
  readonly value: string;
  readonly kind: ValueKind;
  /** `Conversation.id` of the schema, `conversations.body` of the database. */
  readonly at: string;
  /** Made for the attack: the value is unique, and its row may be deleted. */
  readonly planted?: boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;
const DATE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/;
/** A day without a time. */
export const DAY = /^\d{4}-\d\d-\d\d$/;
/** Shorter values, and numbers of fewer digits, occur in answers by chance. */
export const SHORTEST_SEARCHED = 6;

/** The marks of {@link newMark} in a text. */
export const MARK = /canary[a-z]{16}/g;

/** A unique word, only of lower-case letters, so that every input for names accepts it. */
export function newMark(): string {
  const letters = crypto.getRandomValues(new Uint8Array(16));
  const mark = `canary${Array.from(letters, (byte) => String.fromCharCode(97 + (byte % 26))).join('')}`;
  MADE.add(mark);
  return mark;
}

/** The marks of this run. */
const MADE = new Set<string>();

/** Begins a run: all marks until now are those of earlier ones. */
export const forgetMarks = (): void => MADE.clear();

/** Whether a text has a mark that an earlier run has made. */
export const hasEarlierMark = (text: string): boolean =>
  (text.match(MARK) ?? []).some((mark) => !MADE.has(mark));

/** Number scalars that are strings in JSON, so that they are exact. */
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
 * A value in the form for comparison: times in the form of JSON.
 *
 * @param scalar what the schema calls its type, where there is one: `ID`, `BigInt`
 */
export function lootValue(at: string, value: string | number, scalar = ''): LootValue {
  const kind = kindOf(at.split('.').at(-1)!, value, scalar);
  const time = kind === 'date' && !DAY.test(String(value)) ? Date.parse(String(value)) : Number.NaN;
  // `289.00` would be searched, and `289` is too short: zeros behind the point identify nothing.
  const text = kind === 'number' ? String(value).replace(/\.0+$|(?<=\.\d*[1-9])0+$/, '') : String(value);
  return { at, kind, value: Number.isFinite(time) ? new Date(time).toISOString() : text };
}

/** The values of one tenant, once per place. */
export class Loot {
  private readonly byValue = new Map<string, LootValue[]>();
  /** The seconds of its times. */
  private readonly seconds = new Set<string>();
  /** Of new values for its mutations. */
  readonly limits = new Limits();

  constructor(values: Iterable<LootValue> = []) {
    for (const value of values) this.add(value);
  }

  add(found: LootValue): void {
    if (found.value === '') return;
    if (found.kind === 'date') this.seconds.add(secondOf(found.value));
    const known = this.byValue.get(found.value);
    if (!known) this.byValue.set(found.value, [found]);
    else if (!known.some(({ at }) => at === found.at)) known.push(found);
  }

  /** Counts this second among those of its times. */
  addSecond(time: Date): void {
    this.seconds.add(secondOf(time.toISOString()));
  }

  /** Whether it has a time of the same second. */
  hasTimeNear(time: string): boolean {
    return this.seconds.has(secondOf(time));
  }

  has(value: string): boolean {
    return this.byValue.has(value);
  }

  *[Symbol.iterator](): Iterator<LootValue> {
    for (const places of this.byValue.values()) yield* places;
  }

  /** One useful value of these kinds per place, preferably a planted one. */
  samples(kinds: readonly ValueKind[], isUseful: (value: LootValue) => boolean): LootValue[] {
    const best = new Map<string, LootValue>();
    for (const found of this) {
      if (!kinds.includes(found.kind) || !isUseful(found)) continue;
      const known = best.get(found.at);
      // A text planted later may have replaced an earlier one; ids do not change.
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

/** Of a time in the form of JSON. */
const secondOf = (time: string): string => time.slice(0, '2026-01-01T00:00:00'.length);

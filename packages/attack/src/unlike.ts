/**
 * Makes, for an existing value, one of the same form that does not exist and has the same place in any order, for the
 * comparison of answers.
 */
import { DAY, type LootValue, type ValueKind } from './loot.js';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const DATE = /^\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:?\d\d)?$/;

const MOST_TRIES = 50;

/**
 * A value of the same length; undefined when the value cannot be parsed, for example an encrypted cursor.
 *
 * @param isTaken whether a value exists
 * @param attempt from 1 on; each gives a different value
 */
export function unlike(
  { kind, value }: Pick<LootValue, 'kind' | 'value'>,
  isTaken: (value: string) => boolean,
  attempt = 1,
): string | undefined {
  for (let n = attempt; n < attempt + MOST_TRIES; n++) {
    const other = candidate(kind, value, n);
    if (other === undefined || !isTaken(other)) return other;
  }
  return undefined;
}

function candidate(kind: ValueKind, value: string, n: number): string | undefined {
  if (kind === 'cursor') return unlikeCursor(value);
  // The next one, the previous one, the second next one: a row of the attacker may be on one side.
  const step = n % 2 === 1 ? (n + 1) / 2 : -n / 2;
  if (kind === 'number') return unlikeNumber(value, step);
  return kind === 'date' ? unlikeDate(value, step) : unlikeText(value);
}

/** The scheme of a URL, without which it would be refused for its form. */
const SCHEME = /^[a-z][a-z\d+.-]*:\/\//i;

/**
 * Ids keep their beginning, which in UUIDs of version 7 is the time; anything else changes each letter and digit, apart
 * from the scheme of a URL.
 */
function unlikeText(value: string): string {
  const parts = value.split(UUID);
  if (parts.length === 1) {
    const [scheme = ''] = SCHEME.exec(value) ?? [];
    return scheme + value.slice(scheme.length).replace(/[a-z]|[A-Z]|\d/g, anotherCharacter);
  }
  return value.replace(UUID, (uuid) => uuid.slice(0, -8) + uuid.slice(-8).replace(/./g, anotherHexDigit));
}

/** A number with as many digits, exact for any number of digits. */
function unlikeNumber(value: string, step: number): string {
  const [, whole = '', rest = ''] = /^(-?\d+)(\.\d+)?$/.exec(value) ?? [];
  return whole === '' ? String(Number(value) + step) : `${String(BigInt(whole) + BigInt(step))}${rest}`;
}

const DAY_MS = 86_400_000;

function unlikeDate(value: string, step: number): string | undefined {
  if (DAY.test(value)) return new Date(Date.parse(value) + step * DAY_MS).toISOString().slice(0, 10);
  const time = Date.parse(value);
  return DATE.test(value) && Number.isFinite(time) ? new Date(time + step).toISOString() : undefined;
}

/** For a base64 cursor with readable ids: the same with other ids, which is the next place in its order. */
function unlikeCursor(value: string): string | undefined {
  const text = Buffer.from(value, 'base64url').toString();
  const isText = !/[^\x20-\x7e]/.test(text) && text.length > 0;
  if (!isText) return undefined;
  const other = /[0-9a-f-]{36}/i.test(text) ? unlikeText(text) : text.replace(/\d(?!.*\d)/, anotherCharacter);
  if (other === text) return undefined;
  const encoded = Buffer.from(other);
  return value.endsWith('=') || /[+/]/.test(value)
    ? encoded.toString('base64')
    : encoded.toString('base64url');
}

function anotherCharacter(character: string): string {
  if (/\d/.test(character)) return another(character, '0123456789');
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  return another(character, /[a-z]/.test(character) ? letters : letters.toUpperCase());
}

const anotherHexDigit = (digit: string): string => another(digit.toLowerCase(), '0123456789abcdef');

function another(character: string, alphabet: string): string {
  const others = alphabet.replace(character, '');
  return others[crypto.getRandomValues(new Uint8Array(1))[0]! % others.length]!;
}

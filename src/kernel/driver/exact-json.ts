/**
 * Reads JSON of the database without a loss of digits. PostgreSQL's numbers have any size, and `JSON.parse` rounds them
 * to 64 bits of floating point: `9007199254740993` becomes `9007199254740992`.
 */
import { Decimal } from '@prisma/client/runtime/client';

/**
 * A JSON text without a match has no number that JavaScript changes: those have 16 digits or more, or an exponent of
 * three.
 */
const SUSPICIOUS = /[\d.]{16}|\de[+-]?\d{3}/i;
const NUMBER = /-?\d[\d.eE+-]*/g;

/**
 * The value of a JSON text. A number that JavaScript would write with another value is a string of its digits.
 *
 * @throws SyntaxError when the text is not JSON
 */
export const parseExactJson = (json: string): unknown => JSON.parse(withExactNumbers(json)) as unknown;

/** The same JSON text with strings in place of the numbers that JavaScript would change. */
export function withExactNumbers(json: string): string {
  if (!SUSPICIOUS.test(json)) return json;
  const parts: string[] = [];
  for (let at = 0; at < json.length;) {
    const quote = json.indexOf('"', at);
    const start = quote < 0 ? json.length : quote;
    parts.push(json.slice(at, start).replace(NUMBER, exact));
    at = start === json.length ? start : endOfString(json, start);
    parts.push(json.slice(start, at));
  }
  return parts.join('');
}

/** What JavaScript itself has written stays a number, because it writes a number that it reads as the same one. */
function exact(number: string): string {
  const read = Number(number);
  return Number.isFinite(read) && new Decimal(number).equals(read) ? number : `"${number}"`;
}

/** The position after the string that begins at `start`. A regular expression would exhaust the stack on a long one. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
  return json.length;
}

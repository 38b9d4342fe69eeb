/**
 * Cuts a JSON object, as PostgreSQL prints the type jsonb, into its members, without interpreting any of them: what is
 * hashed are the bytes that PostgreSQL printed. Such a text has `": "` after a key, `", "` between members, and no
 * other space outside of strings.
 */
import { FormatError } from './bytes.js';

/** A member as it is printed. */
export interface Member {
  /** With its quotation marks and escapes. */
  readonly key: string;
  readonly value: string;
}

/** The members of an object, in printed order. @throws FormatError when the text is not such an object */
export function membersOf(printed: string): Member[] {
  const members: Member[] = [];
  if (printed === '{}') return members;
  let at = 1;
  for (;;) {
    const keyEnd = endOfString(printed, at);
    if (!printed.startsWith(': ', keyEnd)) throw malformed();
    const valueEnd = endOfValue(printed, keyEnd + 2);
    members.push({ key: printed.slice(at, keyEnd), value: printed.slice(keyEnd + 2, valueEnd) });
    if (valueEnd === printed.length - 1 && printed.endsWith('}')) break;
    if (!printed.startsWith(', ', valueEnd)) throw malformed();
    at = valueEnd + 2;
  }
  if (!printed.startsWith('{')) throw malformed();
  return members;
}

const malformed = () => new FormatError('a value is not an object as PostgreSQL prints it');

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The position after the string that begins at `start`. */
function endOfString(printed: string, start: number): number {
  if (printed.charCodeAt(start) !== QUOTE) throw malformed();
  for (let at = printed.indexOf('"', start + 1); at !== -1; at = printed.indexOf('"', at + 1)) {
    let escapes = 0;
    while (printed.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
  throw malformed();
}

/** The position after the value that begins at `start`. */
function endOfValue(printed: string, start: number): number {
  const first = printed.charCodeAt(start);
  if (first === QUOTE) return endOfString(printed, start);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(printed, start);
  let at = start;
  while (at < printed.length && printed.charCodeAt(at) !== COMMA && printed.charCodeAt(at) !== CLOSE_BRACE)
    at++;
  if (at === start) throw malformed();
  return at;
}

function endOfNested(printed: string, start: number): number {
  let depth = 0;
  for (let at = start; at < printed.length; at++) {
    const unit = printed.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(printed, at) - 1;
    else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) depth++;
    else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth--;
    if (depth === 0) return at + 1;
  }
  throw malformed();
}

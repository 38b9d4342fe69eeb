/** What becomes of a column's text, for the types whose values Prisma would represent in the same way. */
import { Decimal } from '@prisma/client/runtime/client';

export type Parse = (text: string) => unknown;

/** A column of a type that is not read here: Prisma has to run the statement. */
export class UnsupportedColumnError extends Error {
  override readonly name = 'UnsupportedColumnError';

  constructor(readonly statement: string) {
    super('a column has a type that only Prisma reads');
  }
}

/** Of text, which stays what it is. */
export const asIs: Parse = (text) => text;
const json: Parse = (text) => JSON.parse(text) as unknown;

/**
 * A time in UTC, as a session has it unless it is told otherwise, is read digit by digit, in a fraction of the time that
 * `new Date(text)` takes; anything else is left to that.
 */
const timestamptz: Parse = (text) => {
  const end = text.length - 3;
  if (end < 19 || text.charCodeAt(4) !== MINUS || text.slice(end) !== '+00')
    return timeOf(text, withWholeOffset(text));
  return utc(text, end);
};

/** The time that a text of PostgreSQL's means, given the same text as JavaScript wants it. */
function timeOf(text: string, iso: string): Date {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? farTime(text) : time;
}

const FAR_TIME =
  /^(\d{4,})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(\.\d+)?)?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/;
/** The last moment that JavaScript knows. */
const LAST_MS = 8.64e15;

/**
 * A time that JavaScript cannot read in the form that PostgreSQL writes: of the year 10000 or later, of before our era, or
 * infinite. What is beyond JavaScript's calendar becomes the first or the last moment in it, so that one such row does not
 * spoil the list it stands in.
 */
export function farTime(text: string): Date {
  if (text === 'infinity') return new Date(LAST_MS);
  if (text === '-infinity') return new Date(-LAST_MS);
  const parts = FAR_TIME.exec(text);
  if (!parts) return new Date(Number.NaN);
  const part = (index: number) => Number(parts[index] ?? 0);
  const isBeforeOurEra = parts[12] !== undefined;
  const date = new Date(0);
  date.setUTCFullYear(isBeforeOurEra ? 1 - part(1) : part(1), part(2) - 1, part(3));
  date.setUTCHours(part(4), part(5), part(6), Math.floor(part(7) * 1_000));
  const offset = (part(9) * 3_600 + part(10) * 60 + part(11)) * (parts[8] === '-' ? -1_000 : 1_000);
  const time = date.getTime() - offset;
  if (Number.isNaN(time) || Math.abs(time) > LAST_MS) return new Date(isBeforeOurEra ? -LAST_MS : LAST_MS);
  return new Date(time);
}

/** `2026-11-21 03:10:25.123` up to `end`. */
function utc(text: string, end: number): Date {
  const two = (at: number) => (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
  const tenth = end > 20 ? text.charCodeAt(20) - ZERO : 0;
  const hundredth = end > 21 ? text.charCodeAt(21) - ZERO : 0;
  const thousandth = end > 22 ? text.charCodeAt(22) - ZERO : 0;
  const year = two(0) * 100 + two(2);
  const date = new Date(
    Date.UTC(year, two(5) - 1, two(8), two(11), two(14), two(17), tenth * 100 + hundredth * 10 + thousandth),
  );
  // Date.UTC takes the first hundred years for those of the last century but one.
  if (year < 100) date.setUTCFullYear(year);
  return date;
}

const ZERO = 48;
const MINUS = 45;

/** JavaScript wants `T`, and the minutes of an offset. */
const withWholeOffset = (text: string): string => text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00');

// By the object ids of PostgreSQL's built-in types, which never change (pg_type.dat).
const PARSERS: ReadonlyMap<number, Parse> = new Map([
  [16, (text) => text === 't'], // bool
  [20, BigInt], // int8
  [21, Number], // int2
  [23, Number], // int4
  [25, asIs], // text
  [114, json], // json
  [701, Number], // float8
  [1042, asIs], // char(n)
  [1043, asIs], // varchar
  [1082, (text) => timeOf(text, `${text}T00:00:00Z`)], // date, which Prisma takes as midnight in UTC
  [1114, (text) => timeOf(text, `${text.replace(' ', 'T')}Z`)], // timestamp, which Prisma takes as UTC
  [1184, timestamptz],
  [1700, (text) => new Decimal(text)], // numeric
  [2950, asIs], // uuid
  [3802, json], // jsonb
]);

/** What reads the texts of a type, by its object id; undefined for a type that only Prisma reads. */
export const parserOf = (typeId: number): Parse | undefined => PARSERS.get(typeId);

/** Parses the text of columns to the same values as Prisma with adapter.ts, for the types listed here. */
import { Decimal } from '@prisma/client/runtime/client';
import { parseExactJson } from './exact-json.js';

export type Parse = (text: string) => unknown;

/** A column has a type that is not parsed here, so Prisma must run the statement. */
export class UnsupportedColumnError extends Error {
  override readonly name = 'UnsupportedColumnError';

  constructor(readonly statement: string) {
    super('a column has a type that only Prisma reads');
  }
}

/** Returns the text unchanged. */
export const asIs: Parse = (text) => text;

/**
 * Parses a time in UTC, the default of a session, digit by digit. `new Date(text)`, which takes several times as long,
 * parses the others.
 */
const timestamptz: Parse = (text) => {
  const end = text.length - 3;
  if (end < 19 || text.charCodeAt(4) !== MINUS || text.slice(end) !== '+00')
    return timeOf(text, withWholeOffset(text));
  return utc(text, end);
};

/** The time of a text of PostgreSQL. `iso` is the same time in JavaScript's form. */
function timeOf(text: string, iso: string): Date {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? farTime(text) : time;
}

const FAR_TIME =
  /^(\d{4,})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(\.\d+)?)?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/;
/** JavaScript's latest time. */
const LAST_MS = 8.64e15;

/**
 * Parses the times that JavaScript cannot: from the year 10000, before the year 1, and infinite ones. A time outside
 * JavaScript's range becomes its earliest or latest time, so that one such row does not make its whole list fail.
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

/** The time of `2026-11-21 03:10:25.123` up to `end`. */
function utc(text: string, end: number): Date {
  const two = (at: number) => (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO;
  const tenth = end > 20 ? text.charCodeAt(20) - ZERO : 0;
  const hundredth = end > 21 ? text.charCodeAt(21) - ZERO : 0;
  const thousandth = end > 22 ? text.charCodeAt(22) - ZERO : 0;
  const year = two(0) * 100 + two(2);
  const date = new Date(
    Date.UTC(year, two(5) - 1, two(8), two(11), two(14), two(17), tenth * 100 + hundredth * 10 + thousandth),
  );
  // Date.UTC takes the years 0 to 99 as 1900 to 1999.
  if (year < 100) date.setUTCFullYear(year);
  return date;
}

const ZERO = 48;
const MINUS = 45;

/** JavaScript requires `T`, and minutes in an offset. */
const withWholeOffset = (text: string): string => text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00');

// The keys are the object ids of PostgreSQL's built-in types, which never change (pg_type.dat).
const PARSERS: ReadonlyMap<number, Parse> = new Map([
  [16, (text) => text === 't'], // bool
  [20, BigInt], // int8
  [21, Number], // int2
  [23, Number], // int4
  [25, asIs], // text
  [114, parseExactJson], // json
  [701, Number], // float8
  [1042, asIs], // char(n)
  [1043, asIs], // varchar
  [1082, (text) => timeOf(text, `${text}T00:00:00Z`)], // date, which Prisma takes as midnight in UTC
  [1114, (text) => timeOf(text, `${text.replace(' ', 'T')}Z`)], // timestamp, which Prisma takes as UTC
  [1184, timestamptz],
  [1700, (text) => new Decimal(text)], // numeric
  [2950, asIs], // uuid
  [3802, parseExactJson], // jsonb
]);

/** The parser of a type with this object id; undefined for a type that only Prisma parses. */
export const parserOf = (typeId: number): Parse | undefined => PARSERS.get(typeId);

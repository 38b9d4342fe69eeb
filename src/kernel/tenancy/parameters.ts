/** Values as the parameters of plain statements: what Prisma would send for them. */
import { Decimal } from '@prisma/client/runtime/client';
import type { Column } from './data-model.js';

/** How a value of a Prisma type travels; undefined for a value that Prisma is to look at. */
export const PARAMETERS: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  String: (value) => (typeof value === 'string' ? value : undefined),
  Boolean: (value) => (typeof value === 'boolean' ? String(value) : undefined),
  Int: (value) =>
    Number.isInteger(value) && Math.abs(value as number) < 2 ** 31 ? String(value) : undefined,
  BigInt: (value) =>
    (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) || Number.isSafeInteger(value)
      ? String(value)
      : undefined,
  Decimal: (value) => (Decimal.isDecimal(value) && value.isFinite() ? value.toFixed() : undefined),
  DateTime: (value) => {
    if (typeof value === 'string' ? !ISO_TIME.test(value) : !(value instanceof Date)) return undefined;
    const time = new Date(value as string | Date);
    if (Number.isNaN(time.getTime()) || time.getTime() < FIRST_TIME) return undefined;
    const text = time.toISOString();
    // A day that does not exist (February 30) is another day to JavaScript.
    const isAsGiven = typeof value !== 'string' || text.startsWith(value.slice(0, 19));
    return isAsGiven && ISO_TIME.test(text) ? text : undefined;
  },
};

/** PostgreSQL has no year 0. */
const FIRST_TIME = Date.parse('0001-01-01T00:00:00Z');

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

export const BY_DATABASE = Symbol('by the database');

/** What a new row gets in a column; undefined for what only Prisma can say. */
export function valueOf(
  { type, byDefault, isNullable }: Column,
  given: unknown,
  now: string,
): string | null | undefined | typeof BY_DATABASE {
  // Of JSON there are several nulls, and of a type that is not sent here, Prisma knows. So it does where none may be.
  if (given === null) return isNullable && PARAMETERS[type] ? null : undefined;
  if (given !== undefined) return PARAMETERS[type]?.(given);
  if (byDefault === 'time') return now;
  return byDefault === 'database' ? BY_DATABASE : undefined;
}

/** A value of an array type, as PostgreSQL reads it. */
export const arrayLiteral = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;

/** Converts values to the parameters of plain statements, as Prisma would. */
import { Decimal } from '@prisma/client/runtime/client';
import type { Column } from './data-model.js';

/** The text of a value, by Prisma type; undefined for a value that only Prisma handles. */
const PARAMETERS: Readonly<Record<string, (value: unknown) => string | undefined>> = {
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
    // JavaScript turns a day that does not exist (February 30) into another day.
    const isAsGiven = typeof value !== 'string' || text.startsWith(value.slice(0, 19));
    return isAsGiven && ISO_TIME.test(text) ? text : undefined;
  },
};

/** The text of a value of a column; undefined for a type or a value that only Prisma handles. */
export const parameterOf = ({
  type,
  values,
}: Pick<Column, 'type' | 'values'>): ((value: unknown) => string | undefined) | undefined =>
  values ? (value) => (typeof value === 'string' && values.has(value) ? value : undefined) : PARAMETERS[type];

/** PostgreSQL has no year 0. */
const FIRST_TIME = Date.parse('0001-01-01T00:00:00Z');

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

export const BY_DATABASE = Symbol('by the database');

/** The value of a column in a new row; undefined when only Prisma can determine it. */
export function valueOf(
  column: Column,
  given: unknown,
  now: string,
): string | null | undefined | typeof BY_DATABASE {
  const { byDefault, isNullable } = column;
  const parameter = parameterOf(column);
  // Prisma handles null in JSON columns, which have several nulls, in types that are not sent here, and in columns that
  // allow no null.
  if (given === null) return isNullable && parameter ? null : undefined;
  if (given !== undefined) return parameter?.(given);
  if (byDefault === 'time') return now;
  return byDefault === 'database' ? BY_DATABASE : undefined;
}

/** The text of a PostgreSQL array. */
export const arrayLiteral = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;

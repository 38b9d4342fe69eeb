/**
 * What a list may be ordered by: a column whose values a cursor can hold exactly, so that no page misses a row or shows one
 * twice. Which columns these are is decided by their type, when the server starts.
 */
import { MODELS } from '../../generated/data-model/index.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { FieldInfo, ModelInfo } from '../vocabulary/data-model.js';
import { isTimeInRange } from './date-time.js';
import { isStorable } from './input.js';

/** The models that a list can be of. */
export type ModelName = keyof typeof MODELS;

/** A column of a model. Only {@link sortBy} makes one. */
export interface SortKey {
  readonly field: string;
  /** The value of a row, as a cursor holds it. */
  readonly toText: (value: unknown) => string;
  /** What a Prisma condition compares with; undefined for a text that no row's value has. */
  readonly fromText: (text: string) => string | number | bigint | undefined;
  /** The text of a cursor as a value of the column's type, for SQL that is written by hand. */
  readonly asSql: (text: string) => Prisma.Sql;
}

/**
 * A column to order a list by. The id follows it in the order, so that the order is total.
 *
 * @throws Error when a cursor cannot hold its values exactly: the column may be null, is a list, or is of a type that is not
 *   supported. Called while a module is loaded, it stops the start.
 */
export function sortBy<Model extends ModelName>(
  model: Model,
  field: keyof (typeof MODELS)[Model]['fields'] & string,
): SortKey {
  const { fields }: ModelInfo = MODELS[model];
  const info = fields[field];
  const kind = info ? kindOf(info) : 'there is no such field';
  if (typeof kind === 'string') throw new Error(`A list cannot be ordered by ${model}.${field}: ${kind}.`);
  return { field, ...kind };
}

type Kind = Omit<SortKey, 'field'>;

/** How a column of that type is ordered by, or why it is not. */
export function kindOf({
  type,
  native = [],
  isEnum,
  isList,
  isNullable,
  relation,
}: FieldInfo): Kind | string {
  if (relation) return 'it is a relation, not a column';
  if (isList) return 'it is a list';
  if (isNullable) return 'it may be null, and null has no place in an order';
  if (isEnum) return 'Prisma does not compare enums; filter by it instead';
  const [nativeType, parameter] = native;
  switch (type) {
    case 'DateTime':
      return timeKind(nativeType ?? 'Timestamp', Number(parameter ?? (nativeType ? 6 : 3)));
    case 'String':
      return textKind(nativeType ?? 'Text', Number(parameter));
    case 'Int':
      return numberKind(Number, 32, (text) => Prisma.sql`${text}::integer`);
    case 'BigInt':
      return numberKind(BigInt, 64, (text) => Prisma.sql`${text}::bigint`);
    case 'Decimal':
      return DECIMAL;
    default:
      return `columns of type ${type} are not supported`;
  }
}

/** JavaScript has milliseconds: a finer column has rows that a cursor cannot tell apart. */
function timeKind(native: string, precision: number): Kind | string {
  const casts: Readonly<Record<string, (text: string) => Prisma.Sql>> = {
    Timestamptz: (text) => Prisma.sql`${text}::timestamptz`,
    Timestamp: (text) => Prisma.sql`${text}::timestamp`,
    Date: (text) => Prisma.sql`${text}::date`,
  };
  const asSql = casts[native];
  if (!asSql) return `columns of type @db.${native} are not supported`;
  if (native !== 'Date' && precision > 3) return `it has fractions of milliseconds; make it @db.${native}(3)`;
  return {
    toText: (value) => (value as Date).toISOString(),
    fromText: (text) => {
      if (!ISO_TIME.test(text)) return undefined;
      const time = new Date(text);
      return !Number.isNaN(time.getTime()) && isTimeInRange(time) && time.toISOString() === text
        ? text
        : undefined;
    },
    asSql,
  };
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Of a text without a limit, neither a cursor nor an index can hold every value. */
const LONGEST_TEXT = 255;

function textKind(native: string, length: number): Kind | string {
  if (native === 'Uuid') {
    return {
      toText: String,
      fromText: (text) => (UUID.test(text) ? text : undefined),
      asSql: (text) => Prisma.sql`${text}::uuid`,
    };
  }
  if (native !== 'VarChar') {
    return native === 'Text'
      ? `its length has no limit, and a cursor has one; make it @db.VarChar(${String(LONGEST_TEXT)}) or shorter`
      : `columns of type @db.${native} are not supported`;
  }
  if (!(length <= LONGEST_TEXT)) {
    return `a cursor holds ${String(LONGEST_TEXT)} characters; make it @db.VarChar(${String(LONGEST_TEXT)}) or shorter`;
  }
  return {
    toText: String,
    fromText: (text) => (text.length <= 2 * LONGEST_TEXT && isStorable(text) ? text : undefined),
    asSql: (text) => Prisma.sql`${text}::text`,
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function numberKind<Value extends number | bigint>(
  parse: (text: string) => Value,
  bits: number,
  asSql: Kind['asSql'],
): Kind {
  const isInteger = (text: string) =>
    INTEGER.test(text) && BigInt.asIntN(bits, BigInt(text)) === BigInt(text);
  return { toText: String, fromText: (text) => (isInteger(text) ? parse(text) : undefined), asSql };
}

const INTEGER = /^-?\d{1,19}$/;

/** Digits before and after the point; what a column of money or weights has. */
const DECIMAL_TEXT = /^-?\d{1,100}(\.\d{1,100})?$/;

const DECIMAL: Kind = {
  // Without an exponent, which `toString` would write for small numbers.
  toText: (value) => (value as Prisma.Decimal).toFixed(),
  fromText: (text) => (DECIMAL_TEXT.test(text) ? text : undefined),
  asSql: (text) => Prisma.sql`${text}::numeric`,
};

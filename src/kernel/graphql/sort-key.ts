/**
 * The columns that lists can be ordered by. A cursor must contain the column's exact value, so that no page skips or
 * repeats a row. The column's type decides, when the server starts.
 */
import { MODELS } from '../../generated/data-model/index.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { FieldInfo, ModelInfo } from '../vocabulary/data-model.js';
import { isTimeInRange } from './date-time.js';
import { isStorable } from './input.js';

/** The models of lists. */
export type ModelName = keyof typeof MODELS;

/** A column for ordering. Only {@link sortBy} and {@link sortByInteger} create one. */
export interface SortKey {
  readonly field: string;
  /** The text of a row's value in a cursor. */
  readonly toText: (value: unknown) => string;
  /** The value for a Prisma condition; undefined for a text that no row's value has. */
  readonly fromText: (text: string) => string | number | bigint | undefined;
  /** The text of a cursor as a value of the column's type, for hand-written SQL. */
  readonly asSql: (text: string) => Prisma.Sql;
}

/**
 * A column to order a list by. The id follows it in the order, so that the order is total.
 *
 * @throws Error when a cursor cannot contain its values exactly: the column is nullable, is a list, or has an
 * unsupported type. When a module is loaded, this stops the start.
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

/** A column of type bigint that is unique and no column of a model, for lists that are read by hand-written SQL. */
export const sortByInteger = (field: string): SortKey => ({ field, ...BIG_INTEGER });

/** A column of type text that is never null and never long, for lists that are read by hand-written SQL. */
export const sortByText = (field: string): SortKey => ({ field, ...TEXT });

type Kind = Omit<SortKey, 'field'>;

/** How lists are ordered by a column of this type, or the reason why they cannot be. */
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
      return BIG_INTEGER;
    case 'Decimal':
      return DECIMAL;
    default:
      return `columns of type ${type} are not supported`;
  }
}

/** JavaScript has milliseconds, so a cursor cannot distinguish the rows of a more precise column. */
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

/** The most characters of a text column. Longer texts may fit neither in a cursor nor in an index. */
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
  return TEXT;
}

const TEXT: Kind = {
  toText: String,
  fromText: (text) => (text.length <= 2 * LONGEST_TEXT && isStorable(text) ? text : undefined),
  asSql: (text) => Prisma.sql`${text}::text`,
};

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

const BIG_INTEGER = numberKind(BigInt, 64, (text) => Prisma.sql`${text}::bigint`);

/** The digits before and after the point, enough for money and weights. */
const DECIMAL_TEXT = /^-?\d{1,100}(\.\d{1,100})?$/;

const DECIMAL: Kind = {
  // Without the exponent that `toString` would write for small numbers.
  toText: (value) => (value as Prisma.Decimal).toFixed(),
  fromText: (text) => (DECIMAL_TEXT.test(text) ? text : undefined),
  asSql: (text) => Prisma.sql`${text}::numeric`,
};

/** Values that the column of a model can store, for inputs of its mutations. */
import { newMark } from 'tenantry-attack';
import type { FieldInfo, ModelInfo } from '../../src/kernel/vocabulary/data-model.js';

/**
 * A value for an input field with the name of a column, where a value of its GraphQL type may not fit: short texts, numbers
 * with few digits, and columns of unique keys, of which no two values are the same. Undefined where any value fits.
 */
export function columnSample({ fields, keys }: ModelInfo, name: string, isEnum: boolean): unknown {
  const info = fields[name];
  if (!info || info.relation || isEnum !== (info.isEnum === true)) return undefined;
  const isKeyed = info.isUnique === true || keys.some((key) => key.fields.includes(name));
  return (isKeyed && !info.isList ? distinct(info) : undefined) ?? fitting(name, info);
}

function fitting(name: string, { type, native: [native, first, second] = [] }: FieldInfo): unknown {
  if (type === 'Decimal' && first !== undefined) return decimalOf(15, Number(first), Number(second));
  const isShort = native === 'VarChar' || native === 'Char';
  if (type !== 'String' || !isShort || (native === 'VarChar' && first === undefined)) return undefined;
  return shortText(name, Number(first ?? 1));
}

const AT = '@example.com';

/** A mark without its beginning, which is still distinct. For an address, as far as one fits. */
export function shortText(name: string, length: number): string {
  const isAddress = /e-?mail/i.test(name) && length > AT.length;
  return isAddress ? newMark().slice(-(length - AT.length)) + AT : newMark().slice(-length);
}

let made = 0;

/** A value that no earlier call has returned, as far as the type has enough values. */
function distinct({ type, isEnum, values, native: [native, first, second] = [] }: FieldInfo): unknown {
  const n = ++made;
  if (isEnum) return values?.[n % values.length];
  switch (type) {
    case 'Int':
      return native === 'SmallInt' ? n % 32_768 : n;
    case 'Float':
      return n;
    case 'BigInt':
      return String(n);
    case 'Decimal':
      return decimalOf(n, Number(first ?? 12), Number(second ?? 2));
    case 'DateTime': {
      const time = new Date(Date.UTC(2124, 0, native === 'Date' ? n : 1, 0, 0, native === 'Date' ? 0 : n));
      return native === 'Date' ? time.toISOString().slice(0, 10) : time.toISOString();
    }
    default:
      return undefined;
  }
}

/** The last digits of `n`, as many as `numeric(precision, scale)` has, with the point before the last `scale`. */
function decimalOf(n: number, precision: number, scale: number): string {
  const digits = String(n % 10 ** Math.min(precision, 9)).padStart(scale + 1, '0');
  return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

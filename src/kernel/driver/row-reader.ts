/** Reads the rows of an answer without Prisma. */
import { asIs, parserOf, type Parse } from './column-parsers.js';

export type Row = Record<string, unknown>;

/** Reads a row; undefined when a column has a type that only Prisma reads. */
export type ReadRow = ((values: readonly (string | null)[]) => Row) | undefined;

/** Reads the rows of a statement that returns none. */
export const noRow = (): Row => ({});

/**
 * Makes the function that reads the rows of an answer. It uses an object literal with the columns' names, so all rows
 * have the same shape, which is much faster than adding computed keys.
 */
export function rowReader(
  fields: readonly { readonly name: string; readonly dataTypeID: number }[],
): ReadRow {
  const parsers: Parse[] = [];
  for (const { dataTypeID } of fields) {
    const parse = parserOf(dataTypeID);
    if (!parse) return undefined;
    parsers.push(parse);
  }
  const properties = fields.map(({ name }, index) => {
    const value = `values[${String(index)}]`;
    const parsed =
      parsers[index] === asIs ? value : `${value} === null ? null : parsers[${String(index)}](${value})`;
    // In brackets, because then `__proto__` is an ordinary name.
    return `[${JSON.stringify(name)}]: ${parsed}`;
  });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- nothing of it but quoted names comes from outside
  const make = new Function('parsers', `return (values) => ({ ${properties.join(', ')} })`);
  return (make as (parsers: readonly Parse[]) => ReadRow)(parsers);
}

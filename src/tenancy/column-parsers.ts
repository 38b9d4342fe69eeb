/** What becomes of a column's text, for the types whose values Prisma would represent in the same way. */

export type Parse = (text: string) => unknown;

/** A column of a type that is not read here: Prisma has to run the statement. */
export class UnsupportedColumnError extends Error {
  override readonly name = 'UnsupportedColumnError';

  constructor(readonly statement: string) {
    super('a column has a type that only Prisma reads');
  }
}

const asIs: Parse = (text) => text;
const json: Parse = (text) => JSON.parse(text) as unknown;

/** `2026-11-21 03:10:25.123+00`: with the whole offset, and a T, it is the form that JavaScript reads fastest. */
const timestamptz: Parse = (text) => {
  const hoursOnly = text.at(-3) === '+' || text.at(-3) === '-';
  return new Date(text.replace(' ', 'T') + (hoursOnly ? ':00' : ''));
};

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
  [1114, (text) => new Date(`${text.replace(' ', 'T')}Z`)], // timestamp, which Prisma takes as UTC
  [1184, timestamptz],
  [2950, asIs], // uuid
  [3802, json], // jsonb
]);

export const parserOf = (typeId: number): Parse | undefined => PARSERS.get(typeId);

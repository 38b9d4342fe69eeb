/** Helpers for generated SQL: identifiers, Prisma's names, and statements that wait for locks. */
import { createHash } from 'node:crypto';
import pg from 'pg';

/** A name as SQL writes an identifier. */
export const quoted = (name: string): string => pg.escapeIdentifier(name);
/** A text as SQL writes a value. */
export const literal = (text: string): string => pg.escapeLiteral(text);
/** A table of the schema public, where Prisma's models live. */
export const inPublic = (table: string): string => `public.${quoted(table)}`;
/** Names of columns as a list of SQL, without parentheses. */
export const columnList = (columns: readonly string[]): string => columns.map(quoted).join(', ');

/** The longest name in PostgreSQL, in bytes. */
const LONGEST_NAME = 63;
const STRING_TAG = '$tenantize$';

const HASH_LENGTH = 8;

/**
 * A name that PostgreSQL does not cut: a longer one ends in a hash of the whole, so that two names that differ only
 * beyond the limit stay different.
 */
export function fitted(stem: string, suffix = ''): string {
  const whole = Buffer.from(stem + suffix);
  if (whole.length <= LONGEST_NAME) return stem + suffix;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, HASH_LENGTH);
  const room = LONGEST_NAME - HASH_LENGTH - 1 - Buffer.byteLength(suffix);
  // A character that is cut in the middle becomes a replacement character at the end.
  const cut = Buffer.from(stem)
    .subarray(0, room)
    .toString()
    .replace(/\uFFFD$/, '');
  return `${cut}_${hash}${suffix}`;
}

/**
 * Prisma's name for a key of these columns, for which the model needs no `map`. Prisma cuts a long name, so that two keys
 * can get the same one; such a key has a name of ours.
 */
export const prismaName = (table: string, columns: readonly string[], suffix: 'key' | 'fkey'): string =>
  fitted([table, ...columns].join('_'), `_${suffix}`);

/** Whether Prisma gives a key this name by itself. */
export const isPrismaName = (
  name: string,
  table: string,
  columns: readonly string[],
  suffix: string,
): boolean => name === `${[table, ...columns].join('_')}_${suffix}`;

/** The name of a temporary object of a table, or of one of its keys, during a conversion. */
export const temporaryName = (of: string): string => fitted(`tenantize_${of}`);

/** Names as one list that can be read back: those with other characters than a-z, 0-9 and _ are quoted. */
export const nameList = (names: readonly string[]): string =>
  names.map((name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : quoted(name))).join(' ');

/** The names of a `nameList`. */
export const namesIn = (list: string): string[] =>
  [...list.matchAll(/"((?:[^"]|"")+)"|(\S+)/g)].map(
    ([, inQuotes, plain = '']) => inQuotes?.replaceAll('""', '"') ?? plain,
  );

/** Names as the words of a shell's command. */
export const shellWords = (names: readonly string[]): string =>
  names
    .map((name) => (/^[A-Za-z0-9_.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`))
    .join(' ');

/**
 * Runs statements that need strong locks on these tables, all or none of them, with `tenantry.patiently`, which never
 * blocks others for long.
 */
export function patiently(tables: readonly string[], statements: readonly string[]): string {
  const targets = [...new Set(tables)].sort().map((table) => literal(inPublic(table)));
  return (
    `CALL tenantry.patiently(ARRAY[${targets.join(', ')}]::regclass[], ${STRING_TAG}\n` +
    `${statements.map((statement) => `  ${statement};`).join('\n')}\n${STRING_TAG});`
  );
}

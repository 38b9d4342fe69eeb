/** Helpers for generated SQL: identifiers, Prisma's names, and statements that wait for locks. */
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

/** Prisma's name for a key of these columns, truncated in the same way, so that the model needs no `map`. */
export function prismaName(
  table: string,
  columns: readonly string[],
  suffix: 'key' | 'fkey' | 'pkey',
): string {
  const stem = [table, ...columns].join('_');
  return `${stem.slice(0, LONGEST_NAME - suffix.length - 1)}_${suffix}`;
}

/** The name of a temporary object of a table, or of one of its keys, during a conversion. */
export const temporaryName = (of: string): string => `tenantize_${of}`.slice(0, LONGEST_NAME);

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

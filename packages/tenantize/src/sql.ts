/** How the generated SQL is spelled: identifiers, names as Prisma gives them, and statements that wait for locks. */
import pg from 'pg';

/** A name as SQL writes an identifier. */
export const quoted = (name: string): string => pg.escapeIdentifier(name);
/** A text as SQL writes a value. */
export const literal = (text: string): string => pg.escapeLiteral(text);
/** A table of the schema public, where Prisma's models live. */
export const inPublic = (table: string): string => `public.${quoted(table)}`;
/** Names of columns as a list of SQL, without parentheses. */
export const columnList = (columns: readonly string[]): string => columns.map(quoted).join(', ');

/** What PostgreSQL lets a name be, in bytes. */
const LONGEST_NAME = 63;
const STRING_TAG = '$tenantize$';

/** The name that Prisma gives to a key of these columns, cut in the same way; no `map` is needed in the model. */
export function prismaName(
  table: string,
  columns: readonly string[],
  suffix: 'key' | 'fkey' | 'pkey',
): string {
  const stem = [table, ...columns].join('_');
  return `${stem.slice(0, LONGEST_NAME - suffix.length - 1)}_${suffix}`;
}

/** A name of our own for what belongs to a table, or to one of its keys, while the tables are under way. */
export const temporaryName = (of: string): string => `tenantize_${of}`.slice(0, LONGEST_NAME);

/**
 * Runs statements, all or none of them, that need strong locks on these tables: as `tenantry.patiently` does, which
 * never lets others wait behind it for long.
 */
export function patiently(tables: readonly string[], statements: readonly string[]): string {
  const targets = [...new Set(tables)].sort().map((table) => literal(inPublic(table)));
  return (
    `CALL tenantry.patiently(ARRAY[${targets.join(', ')}]::regclass[], ${STRING_TAG}\n` +
    `${statements.map((statement) => `  ${statement};`).join('\n')}\n${STRING_TAG});`
  );
}

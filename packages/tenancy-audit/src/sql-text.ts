/** Writes SQL for people. */
import pg from 'pg';

/** Quotes a name only if necessary. Reserved words are quoted too. */
export function quoteName(name: string): string {
  const plain = /^[a-z_][a-z0-9_$]*$/.test(name) && !RESERVED.has(name);
  return plain ? name : pg.escapeIdentifier(name);
}

/** The reserved words of PostgreSQL that are likely names. */
const RESERVED = new Set(
  (
    'all analyse analyze and any array as asc asymmetric authorization between binary both case cast check collate ' +
    'column concurrently constraint create cross current_date current_role current_time current_timestamp current_user ' +
    'default deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ' +
    'ilike in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp ' +
    'natural not notnull null offset on only or order outer overlaps placing primary references returning right select ' +
    'session_user similar some symmetric system_user table tablesample then to trailing true union unique user using ' +
    'variadic verbose when where window with'
  ).split(' '),
);

/** An SQL string literal. */
export function quoteText(text: string): string {
  return pg.escapeLiteral(text);
}

/** `a, b, c and 4 more`. */
export function list(names: readonly string[], most = 5): string {
  if (names.length <= most) return names.join(', ');
  return `${names.slice(0, most).join(', ')} and ${String(names.length - most)} more`;
}

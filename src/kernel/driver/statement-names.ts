/** The names under which connections keep statements prepared. */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** The most statements that a connection keeps prepared. */
export const MOST_PREPARED = 500;
/** The most characters of a named statement. Its text is kept here and by each connection. */
const LONGEST_NAMED = 10_000;
/** The most characters of the texts whose names are remembered. */
const CHARACTERS_KEPT = 2 * 1024 * 1024;

/**
 * Names the statements that Prisma keeps prepared. Most statements are few and recur, but lists of varying length make
 * many long ones. Statements beyond the first hundreds and very long ones get no name, because Prisma never forgets one.
 *
 * @param prefix distinguishes the users of a connection, because each records separately what is prepared
 */
export function nameStatements(prefix: string): (sql: string) => string {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= MOST_PREPARED || sql.length > LONGEST_NAMED) return '';
    const name = nameOf(prefix, sql);
    names.set(sql, name);
    return name;
  };
}

/**
 * Names the statements of batches, whose connections forget the oldest ones. A statement always has the same name; a very
 * long one has none.
 */
export function nameAllStatements(prefix: string): (sql: string) => string {
  const names = new LRUCache<string, string>({
    maxSize: CHARACTERS_KEPT,
    sizeCalculation: (_name, sql) => sql.length + 100,
  });
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (sql.length > LONGEST_NAMED) return '';
    const name = nameOf(prefix, sql);
    names.set(sql, name);
    return name;
  };
}

/** Removes the oldest statements beyond the most that a connection keeps. @returns their names, to close them */
export function forgetOldest(prepared: Map<string, unknown>): readonly string[] {
  const surplus = prepared.size - MOST_PREPARED;
  if (surplus <= 0) return NONE;
  const oldest = [...prepared.keys()].slice(0, surplus);
  for (const name of oldest) prepared.delete(name);
  return oldest;
}

const NONE: readonly string[] = [];

const nameOf = (prefix: string, sql: string): string =>
  `${prefix}_${createHash('sha256').update(sql).digest('base64url').slice(0, 22)}`;

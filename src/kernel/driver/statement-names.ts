/** The names under which connections keep statements prepared. */
import { createHash } from 'node:crypto';

const NAMES_KEPT = 500;
/** The most characters of a named statement. Its text is kept here and by each connection. */
const LONGEST_NAMED = 10_000;

/**
 * Names the statements that connections keep prepared. Most statements are few and recur, but lists of varying length
 * make many long ones. Statements beyond the first hundreds and very long ones get no name.
 *
 * @param prefix distinguishes the users of a connection, because each records separately what is prepared
 */
export function nameStatements(prefix: string): (sql: string) => string {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= NAMES_KEPT || sql.length > LONGEST_NAMED) return '';
    const name = `${prefix}_${createHash('sha256').update(sql).digest('base64url').slice(0, 22)}`;
    names.set(sql, name);
    return name;
  };
}

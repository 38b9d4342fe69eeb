/** The bodies of functions that are a single query or expression. */
import type { DatabaseFunction } from './catalog.js';
import { everyObject, isObject, parseStatements, type Node, type SelectStmt } from './sql-parse.js';

const parsedSelects = new Map<string, SelectStmt | undefined>();

/** The SELECT of a body with a single statement. */
export function onlySelect(body: string): SelectStmt | undefined {
  if (parsedSelects.has(body)) return parsedSelects.get(body);
  const statements = parseStatements(body);
  const [only] = statements?.length === 1 ? statements : [];
  let select: SelectStmt | undefined;
  if (only && 'SelectStmt' in only) select = only.SelectStmt;
  if (only && 'CreateFunctionStmt' in only) select = standardBody(only.CreateFunctionStmt.sql_body);
  parsedSelects.set(body, select);
  return select;
}

/** `RETURN expression`, or `BEGIN ATOMIC SELECT …; END`. */
function standardBody(body: Node | undefined): SelectStmt | undefined {
  const selects: SelectStmt[] = [];
  everyObject(body, (object) => {
    if (isObject(object['ReturnStmt'])) {
      selects.push({ targetList: [{ ResTarget: { val: object['ReturnStmt']['returnval'] as Node } }] });
      return false;
    }
    if (isObject(object['SelectStmt'])) {
      selects.push(object['SelectStmt']);
      return false;
    }
    return undefined;
  });
  return selects.length === 1 ? selects[0] : undefined;
}

/** The expression of a PL/pgSQL function that only returns it. */
export function onlyReturn(target: DatabaseFunction): SelectStmt | undefined {
  const match = /^\s*begin\s+return\s+([^;]+);\s*end\s*;?\s*$/i.exec(target.body ?? '');
  return match ? onlySelect(`SELECT ${match[1]!}`) : undefined;
}

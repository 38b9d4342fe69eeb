/**
 * PostgreSQL's own parser (libpg_query, compiled to WebAssembly), and functions to visit its trees. Text that it cannot
 * parse gives undefined, never an exception, so that an audit continues.
 */
import { loadModule, parsePlPgSQLSync, parseSync, type Node, type SelectStmt } from 'libpg-query';

export type { Node, SelectStmt };

/** Must be completed before anything else here is called. */
export const loadParser = loadModule;

const expressions = new Map<string, Node | undefined>();

/**
 * Parses a single expression of a policy. The same text occurs in the policies of many tables, so it is parsed once.
 */
export function parseExpression(text: string): Node | undefined {
  if (!expressions.has(text)) expressions.set(text, parseAnew(text));
  return expressions.get(text);
}

function parseAnew(text: string): Node | undefined {
  const [statement] = parseStatements(`SELECT ${text}`) ?? [];
  if (!statement || !('SelectStmt' in statement)) return undefined;
  const [target] = statement.SelectStmt.targetList ?? [];
  return target && 'ResTarget' in target ? target.ResTarget.val : undefined;
}

/** The statements of an SQL text. */
export function parseStatements(text: string): readonly Node[] | undefined {
  try {
    return (parseSync(text).stmts ?? []).flatMap(({ stmt }) => stmt ?? []);
  } catch {
    return undefined;
  }
}

/** A PL/pgSQL function, from its CREATE FUNCTION, as libpg_query's nested objects. */
export function parseProcedure(definition: string): unknown {
  try {
    return parsePlPgSQLSync(definition);
  } catch {
    return undefined;
  }
}

/** All SQL inside a procedure, in the order of its text: statements, conditions, values. */
export function queriesIn(procedure: unknown): readonly string[] {
  const queries: string[] = [];
  everyObject(procedure, (object) => {
    if (typeof object['query'] === 'string') queries.push(object['query']);
  });
  return queries;
}

/** Visits every object in a tree, outermost first. `visit` returns false to skip the objects inside. */
export function everyObject(
  tree: unknown,
  visit: (object: Readonly<Record<string, unknown>>) => unknown,
): void {
  if (Array.isArray(tree)) {
    for (const item of tree) everyObject(item, visit);
  } else if (isObject(tree)) {
    if (visit(tree) === false) return;
    for (const value of Object.values(tree)) everyObject(value, visit);
  }
}

/** Whether a value has properties to look at: neither null nor a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parts of a dotted name; `*` for a star. */
export function nameParts(nodes: readonly Node[] | undefined): readonly string[] {
  return (nodes ?? []).map((node) => ('String' in node ? (node.String.sval ?? '') : '*'));
}

const texts = new WeakMap<object, string>();

/**
 * A text that is equal for equal expressions, regardless of their position. The evaluation of an expression asks for it
 * at every level and for every table, so it is kept for what is inside the node, which never changes.
 */
export function canonical(node: Node): string {
  const [inside] = Object.values(node) as readonly unknown[];
  if (!isObject(inside)) return withoutLocations(node);
  let text = texts.get(inside);
  if (text === undefined) {
    text = withoutLocations(node);
    texts.set(inside, text);
  }
  return text;
}

function withoutLocations(node: Node): string {
  return JSON.stringify(node, (key, value: unknown) => (key === 'location' ? undefined : value));
}

/** Whether a function compares the context of its caller with something, or asks for a right of the caller. */
import type { Catalog, DatabaseFunction } from './catalog.js';
import { functionsNamed, settingsIn } from './context.js';
import {
  type Surroundings,
  WHO,
  holds,
  holdsGiven,
  isContextual,
  isParameter,
  ownFunctions,
  readsContext,
} from './filter-strength.js';
import { type Node, canonical, everyObject, isObject, nameParts } from './sql-parse.js';

/** `v_user := auth.uid()`: variables that hold the context. */
export function contextVariables(catalog: Catalog, { body }: DatabaseFunction): ReadonlySet<string> {
  const assigned = (body ?? '').matchAll(
    /\b(?!(?:begin|declare|then|else|loop)\b)(\w+)(?:\s+[\w.%]+)?\s*(?::=|\bdefault\b)\s*([^;]+);/gi,
  );
  const selected = (body ?? '').matchAll(/\bselect\s+([^;]*?)\s+into\s+(?:strict\s+)?(\w+)/gi);
  const pairs = [
    ...[...assigned].map(([, name, value]) => [name!, value!] as const),
    ...[...selected].map(([, value, name]) => [name!, value!] as const),
  ];
  const isContext = (value: string): boolean =>
    settingsIn(value).length > 0 ||
    WHO.test(value) ||
    [...value.matchAll(/(?:(\w+)\s*\.\s*)?(\w+)\s*\(/g)].some(([, schema, name]) =>
      functionsNamed(catalog, name!, schema).some((each) => isContextual(catalog, each)),
    );
  return new Set(pairs.filter(([, value]) => isContext(value)).map(([name]) => name));
}

/**
 * Whether the context is compared with something, or handed on together with something. That somebody is signed in
 * (`auth.uid() IS NOT NULL`) says nothing about the tenant, nor does writing down who it was.
 */
export function hasCheck(tree: unknown, around: Surroundings, variables: ReadonlySet<string>): boolean {
  const inContext = holdsContext(around, variables);
  let found = false;
  everyObject(tree, (object) => {
    // Values that are written are no comparisons.
    if ('ResTarget' in object && isAssignment(object['ResTarget'])) return false;
    // A change of the caller's own rows alone says nothing of a parameter.
    for (const kind of ['UpdateStmt', 'DeleteStmt']) {
      const statement = object[kind];
      if (isObject(statement) && !holds(statement['whereClause'], (each) => isParameter(each, around)))
        return false;
    }
    const node = object as unknown as Node;
    if ('A_Expr' in node) {
      const sides = [node.A_Expr.lexpr, node.A_Expr.rexpr].filter((side) => side !== undefined);
      const isLogin = sides.some((side) => /"sval":"(authenticated|anon)?"/.test(canonical(side)));
      found ||= !isLogin && sides.length === 2 && sides.some(inContext);
    }
    // p_org IN (SELECT my_orgs())
    if ('SubLink' in node) found ||= node.SubLink.testexpr !== undefined && inContext(node.SubLink.subselect);
    if ('FuncCall' in node) {
      const args = node.FuncCall.args ?? [];
      const given = args.some((arg) => holdsGiven(arg, around));
      // is_member(p_org), which asks who calls; may_edit(auth.uid(), p_org).
      const own = readsContext(node, around) ? ownFunctions(node, around) : [];
      found ||=
        own.length > 0 &&
        (given || own.some(({ returns, name }) => returns === 'boolean' && !SIGNED_IN.test(name)));
      found ||= given && args.length > 1 && args.some(inContext);
      found ||= asksForRight(node, around, inContext);
    }
    return undefined;
  });
  return found;
}

/** Whether a part of a statement reads the context, or a variable that holds it. */
export function holdsContext(
  around: Surroundings,
  variables: ReadonlySet<string>,
): (part: unknown) => boolean {
  return (part) =>
    holds(part, (node) => {
      if ('FuncCall' in node) return readsContext(node, around);
      if ('SQLValueFunction' in node) return WHO.test(canonical(node));
      return 'ColumnRef' in node && variables.has(nameParts(node.ColumnRef.fields)[0] ?? '');
    });
}

/** `is_admin()`, `has_role(auth.uid(), 'admin')`: a question about the caller that names no row. */
export function asksForRight(
  node: Extract<Node, { FuncCall: unknown }>,
  around: Surroundings,
  inContext: (part: unknown) => boolean,
): boolean {
  const args = node.FuncCall.args ?? [];
  if (args.some((arg) => holdsGiven(arg, around) && !inContext(arg))) return false;
  return ownFunctions(node, around).some(
    (own) =>
      own.returns === 'boolean' &&
      !SIGNED_IN.test(own.name) &&
      (args.some(inContext) || isContextual(around.catalog, own)),
  );
}

/** A target of UPDATE or INSERT: it names a column. */
function isAssignment(target: unknown): boolean {
  return isObject(target) && target['name'] !== undefined && target['val'] !== undefined;
}

/** `is_logged_in()` asks for nothing else. */
const SIGNED_IN = /logged|signed|authenticated/i;

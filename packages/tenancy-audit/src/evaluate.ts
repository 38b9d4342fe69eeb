/**
 * Evaluates an expression of a policy without a row, as far as possible: a partial evaluation with SQL's three-valued
 * logic, in one of three situations: a context is bound; none is, and the setting is NULL; none is, and the setting is
 * '', its value after a transaction-local setting has ended.
 *
 * Bodies of functions are evaluated too: SQL functions with one query, and PL/pgSQL functions whose ways all give one value. For others it
 * determines whether they read the context, and whether they raise an error without one.
 */
import type { DatabaseFunction } from './catalog.js';
import { functionsBehind, functionsNamed, settingsIn } from './context.js';
import {
  VOLATILE,
  WHO,
  children,
  column,
  hasRole,
  innerJoinConditions,
  isPlatforms,
  membersOf,
  opaque,
  setting,
  valueFunction,
} from './evaluate-leaves.js';
import { onlyReturn, onlySelect } from './function-bodies.js';
import { resultsOfProcedure } from './procedure-value.js';
import { type Node, type SelectStmt, everyObject, nameParts } from './sql-parse.js';
import {
  ERROR,
  FALSE,
  NULL,
  type Place,
  TRUE,
  type Value,
  and,
  asUnknown,
  booleanTest,
  cast,
  constant,
  equal,
  isFalse,
  isSame,
  isTrue,
  known,
  matchOf,
  merged,
  not,
  notDistinct,
  nullness,
  or,
  symbolOf,
  unknown,
} from './values.js';

const DEEPEST = 6;

/** The value of an expression where it stands. What is not understood is unknown; a missing expression is NULL. */
export function evaluate(node: Node | undefined, place: Place): Value {
  if (!node) return NULL;
  if ('A_Const' in node) return constant(node.A_Const);
  if ('ColumnRef' in node) return column(nameParts(node.ColumnRef.fields), place);
  if ('ParamRef' in node)
    return place.parameters.get(`$${String(node.ParamRef.number ?? 0)}`) ?? unknown([], node);
  if ('TypeCast' in node) return cast(evaluate(node.TypeCast.arg, place), node);
  if ('BoolExpr' in node) return boolean(node, place);
  if ('A_Expr' in node) return operator(node, place);
  if ('NullTest' in node) {
    const value = evaluate(node.NullTest.arg, place);
    const isNull = nullness(value, place);
    if (value.kind === 'error') return ERROR;
    if (isNull === undefined) return unknown([value], node);
    return known(isNull === (node.NullTest.nulltesttype === 'IS_NULL'));
  }
  if ('BooleanTest' in node) return booleanTest(evaluate(node.BooleanTest.arg, place), node);
  if ('CoalesceExpr' in node) return coalesce(node.CoalesceExpr.args ?? [], node, place);
  if ('CaseExpr' in node) return caseOf(node, place);
  if ('FuncCall' in node) return call(node, place);
  if ('SubLink' in node) return subLink(node, place);
  if ('CollateClause' in node) return evaluate(node.CollateClause.arg, place);
  if ('NamedArgExpr' in node) return evaluate(node.NamedArgExpr.arg, place);
  if ('SQLValueFunction' in node) return valueFunction(node, place);
  return unknown(
    children(node).map((child) => evaluate(child, place)),
    node,
  );
}

/** What is compared in a part that another part makes irrelevant does not count. */
function boolean(node: Extract<Node, { BoolExpr: unknown }>, place: Place): Value {
  const found: (readonly [string, string])[] = [];
  const compared = (column: string, value: string): void => void found.push([column, value]);
  const values = (node.BoolExpr.args ?? []).map((each) => evaluate(each, { ...place, compared }));
  const operation = {
    NOT_EXPR: () => not(values[0] ?? NULL),
    OR_EXPR: () => or(values, node),
    AND_EXPR: () => and(values, node),
  };
  const value = operation[node.BoolExpr.boolop ?? 'AND_EXPR']();
  if (value.kind === 'unknown') for (const each of found) place.compared?.(...each);
  return value;
}

function operator(node: Extract<Node, { A_Expr: unknown }>, place: Place): Value {
  const { kind, name, lexpr, rexpr } = node.A_Expr;
  const left = lexpr && evaluate(lexpr, place);
  const list = rexpr && 'List' in rexpr ? (rexpr.List.items ?? []) : undefined;
  if (list) {
    const items = list.map((item) => (left ? equal(left, evaluate(item, place), node, place) : NULL));
    const isNot = nameParts(name)[0] === '<>';
    const found = kind === 'AEXPR_IN' ? or(items, node) : unknown(items, node);
    return isNot ? not(found) : found;
  }
  const members = kind === 'AEXPR_OP_ANY' || kind === 'AEXPR_OP_ALL' ? membersOf(rexpr) : undefined;
  if (members && left && symbolOf(name) === (kind === 'AEXPR_OP_ANY' ? '=' : '<>')) {
    const found = or(
      members.map((item) => equal(left, evaluate(item, place), node, place)),
      node,
    );
    return kind === 'AEXPR_OP_ANY' ? found : not(found);
  }
  const right = evaluate(rexpr, place);
  const sides = left ? [left, right] : [right];
  const symbol = symbolOf(name);
  if (kind === 'AEXPR_DISTINCT' || kind === 'AEXPR_NOT_DISTINCT') {
    const same = notDistinct(left ?? NULL, right, node, place);
    return kind === 'AEXPR_DISTINCT' ? not(same) : same;
  }
  if (kind === 'AEXPR_NULLIF') {
    if (left?.kind === 'known' && right.kind === 'known') return left.value === right.value ? NULL : left;
    return left?.kind === 'unknown' && left.context ? left : unknown(sides, node);
  }
  if (sides.some((side) => side.kind === 'error')) return ERROR;
  if (sides.some((side) => side.kind === 'null')) return NULL;
  if (kind === 'AEXPR_OP' && left) {
    if (symbol === '=') return equal(left, right, node, place);
    if (symbol === '<>') return not(equal(left, right, node, place));
    if (symbol === '||' && left.kind === 'known' && right.kind === 'known') {
      return known(String(left.value) + String(right.value));
    }
  }
  if (kind === 'AEXPR_OP' || kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') {
    // Every text matches LIKE '%'.
    if (/^~~\*?$/.test(symbol) && right.kind === 'known' && /^%+$/.test(String(right.value))) return TRUE;
    const matches = matchOf(symbol, left, right);
    if (matches !== undefined) return known(matches);
  }
  return unknown(sides, node);
}

function coalesce(args: readonly Node[], node: Node, place: Place): Value {
  const seen: Value[] = [];
  for (const arg of args) {
    const value = evaluate(arg, place);
    if (value.kind === 'error') return ERROR;
    if (value.kind === 'null') continue;
    if (seen.length === 0 && nullness(value, place) === false) return value;
    seen.push(value);
    if (nullness(value, place) === false) break;
  }
  if (seen.length === 0) return NULL;
  return seen.length === 1 ? seen[0]! : unknown(seen, node);
}

function caseOf(node: Extract<Node, { CaseExpr: unknown }>, place: Place): Value {
  const { arg, args, defresult } = node.CaseExpr;
  const subject = arg && evaluate(arg, place);
  const conditions: Value[] = [];
  const results: Value[] = [];
  for (const each of args ?? []) {
    if (!('CaseWhen' in each)) continue;
    const tested = evaluate(each.CaseWhen.expr, place);
    const condition = subject ? equal(subject, tested, node, place) : tested;
    if (condition.kind === 'error') return ERROR;
    if (isFalse(condition) || condition.kind === 'null') continue;
    const result = evaluate(each.CaseWhen.result, place);
    results.push(result);
    if (isTrue(condition)) return conditions.length === 0 ? result : merged(conditions, results, node);
    conditions.push(condition);
  }
  const otherwise = evaluate(defresult, place);
  return conditions.length === 0 ? otherwise : merged(conditions, [...results, otherwise], node);
}

function call(node: Extract<Node, { FuncCall: unknown }>, place: Place): Value {
  const parts = nameParts(node.FuncCall.funcname);
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2) : undefined;
  const args = (node.FuncCall.args ?? []).map((arg) => evaluate(arg, place));
  if (name === 'current_setting' && (schema === undefined || schema === 'pg_catalog'))
    return setting(args, node, place);
  if (name === 'pg_has_role' && (schema === undefined || schema === 'pg_catalog')) {
    const member = hasRole(args, place);
    if (member !== undefined) return member;
  }
  const candidates = schema === 'pg_catalog' ? [] : functionsNamed(place.catalog, name, schema);
  const target =
    candidates.find(({ argumentTypes }) => argumentTypes.length === args.length) ?? candidates[0];
  if (target) return ownFunction(target, args, node, place);
  // A platform's function that the audit's role cannot see, such as auth.uid().
  if (schema !== undefined && schema !== 'pg_catalog') return opaque(args, true, node, place, false);
  if (args.some(({ kind }) => kind === 'error')) return ERROR;
  // Most functions of PostgreSQL are strict.
  const takesNull =
    /^(concat|concat_ws|format|num_nulls|num_nonnulls|jsonb?_build_|array_|unnest|row|to_jsonb?|string_agg|count|bool_)/;
  if (args.some(({ kind }) => kind === 'null') && !takesNull.test(name)) return NULL;
  return { ...asUnknown(unknown(args, node)), ...(VOLATILE.test(name) ? { text: undefined } : {}) };
}

function ownFunction(target: DatabaseFunction, args: readonly Value[], node: Node, place: Place): Value {
  if (place.depth < DEEPEST) {
    const inlined = inline(target, args, place);
    if (inlined) return inlined;
  }
  if (!isPlatforms(target)) place.assumed?.(target);
  const behind = functionsBehind(place.catalog, target);
  const bodies = behind.map(({ body }) => body ?? '');
  const context =
    bodies.some((body) => settingsIn(body).length > 0 || WHO.test(body)) || target.schema === 'auth';
  const raises = bodies.some((body) => /\braise\s+(exception\b|sqlstate\b|'|using\b)/i.test(body));
  return opaque(args, context, node, place, raises);
}

function inline(target: DatabaseFunction, args: readonly Value[], place: Place): Value | undefined {
  if (target.returnsSet || target.body === undefined) return undefined;
  const parameters = new Map<string, Value>();
  args.forEach((value, at) => {
    parameters.set(`$${String(at + 1)}`, value);
    const name = target.argumentNames[at];
    if (name !== undefined && name !== '') parameters.set(name, value);
  });
  const inside: Place = {
    ...place,
    caller: target.securityDefiner ? { user: target.owner, session: place.caller?.session } : place.caller,
    parameters,
    table: undefined,
    inner: false,
    depth: place.depth + 1,
  };
  const statement = target.language === 'sql' ? onlySelect(target.body) : onlyReturn(target);
  if (statement) return scalar(statement, inside);
  return target.language === 'plpgsql' ? followed(target, inside) : undefined;
}

/**
 * A function whose ways all give one value, or an error: what decides between them does not matter. Where errors choose
 * for whom a constant is returned, they are the answer, and it is not followed.
 */
function followed(target: DatabaseFunction, place: Place): Value | undefined {
  const inside: Place = { ...place, assumed: () => undefined };
  const results = resultsOfProcedure(target, inside.parameters, (expression, parameters) =>
    evaluate(expression, { ...inside, parameters }),
  );
  if (!results) return undefined;
  const values = results.filter(({ kind }) => kind !== 'error');
  const [first, ...others] = values;
  if (!first) return ERROR;
  if (!others.every((each) => isSame(first, each))) return undefined;
  return values.length < results.length && first.kind === 'known' ? undefined : first;
}

/** The value of a scalar sub-select. */
function scalar(select: SelectStmt, place: Place): Value {
  const [target] = select.targetList ?? [];
  if (select.larg || !target || !('ResTarget' in target)) return dependencies(select, place);
  const value = evaluate(target.ResTarget.val, place);
  if ((select.fromClause?.length ?? 0) === 0) return value;
  const condition = conditionOf(select, place);
  if (condition && (isFalse(condition) || condition.kind === 'null')) return NULL;
  if (condition?.kind === 'error') return ERROR;
  return unknown([value, condition ?? TRUE, dependencies(select, place)], { SelectStmt: select });
}

function conditionOf(select: SelectStmt, place: Place): Value | undefined {
  const conditions = [
    ...(select.whereClause ? [select.whereClause] : []),
    ...innerJoinConditions(select.fromClause ?? []),
  ];
  if (conditions.length === 0) return undefined;
  return and(
    conditions.map((condition) => evaluate(condition, place)),
    { SelectStmt: select },
  );
}

function subLink(node: Extract<Node, { SubLink: unknown }>, place: Place): Value {
  const { subLinkType, testexpr, subselect } = node.SubLink;
  if (!subselect || !('SelectStmt' in subselect)) return unknown([], node);
  const select = subselect.SelectStmt;
  const hasRows = (select.fromClause?.length ?? 0) > 0 || select.larg !== undefined;
  // PostgreSQL's text qualifies columns in sub-selects, so an unqualified name is a function's parameter.
  const inside: Place = { ...place, inner: place.inner || hasRows };
  if (subLinkType === 'EXPR_SUBLINK') return scalar(select, inside);
  const condition = select.larg ? undefined : conditionOf(select, inside);
  const isEmpty = condition !== undefined && (isFalse(condition) || condition.kind === 'null');
  if (condition?.kind === 'error') return ERROR;
  if (subLinkType === 'EXISTS_SUBLINK') {
    if (isEmpty) return FALSE;
    if (!hasRows) return TRUE;
    return condition
      ? unknown([condition, dependencies(select, inside)], node)
      : dependencies(select, inside);
  }
  if (isEmpty && subLinkType === 'ANY_SUBLINK') return FALSE;
  const tested = testexpr ? [evaluate(testexpr, place)] : [];
  if (tested.some(({ kind }) => kind === 'null')) return NULL;
  return unknown([...tested, condition ?? TRUE, dependencies(select, inside)], node);
}

/** All dependences of a query. An error or a NULL inside does not determine the result. */
function dependencies(select: SelectStmt, place: Place): Value {
  const found: Value[] = [];
  everyObject(select, (object) => {
    const node = object as unknown as Node;
    if ('ColumnRef' in node || 'FuncCall' in node || 'SQLValueFunction' in node) {
      found.push(evaluate(node, { ...place, situation: 'bound', inner: true }));
      return false;
    }
    return undefined;
  });
  return unknown(
    found.filter(({ kind }) => kind === 'unknown'),
    { SelectStmt: select },
  );
}

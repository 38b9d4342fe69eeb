/**
 * Evaluates an expression of a policy without a row, as far as possible: a partial evaluation with SQL's three-valued
 * logic, in one of three situations: a context is bound; none is, and the setting is NULL; none is, and the setting is
 * '', its value after a transaction-local setting has ended.
 *
 * Bodies of functions are evaluated too: SQL functions and PL/pgSQL functions with only a RETURN. For others it
 * determines whether they read the context, and whether they raise an error without one.
 */
import type { Catalog, DatabaseFunction } from './catalog.js';
import { functionsBehind, functionsNamed, settingsIn } from './context.js';
import { findRole, inheritedRoles, memberRoles } from './privileges.js';
import {
  canonical,
  isObject,
  everyObject,
  nameParts,
  parseStatements,
  type Node,
  type SelectStmt,
} from './sql-parse.js';

export type Situation = 'bound' | 'unset' | 'empty';

/** NULL, an error, a known value, or an unknown value with its dependence on the row and the context. */
export type Value = { readonly kind: 'null' } | { readonly kind: 'error' } | Known | Unknown;

export interface Known {
  readonly kind: 'known';
  readonly value: string | boolean;
  /** It is the name of the caller's role, so a comparison with it depends on the caller. */
  readonly ofCaller?: boolean;
}

/** Who runs the statement that the expression belongs to. */
export interface Caller {
  /** `current_user`. */
  readonly user: string;
  /** `session_user`; undefined when several logins can become the role. */
  readonly session: string | undefined;
}

export interface Unknown {
  readonly kind: 'unknown';
  /** The columns of the policy's own table that it depends on. */
  readonly columns: ReadonlySet<string>;
  /** Whether it depends on the caller: a setting, a token, the role. */
  readonly context: boolean;
  /** A text that is equal for equal values; undefined when the value may differ between evaluations. */
  readonly text: string | undefined;
}

/** The environment of an expression. */
export interface Place {
  readonly catalog: Catalog;
  readonly situation: Situation;
  /** Undefined when the expression is not judged for one role. */
  readonly caller: Caller | undefined;
  /** Called for a function whose result was assumed from what it reads, because its body cannot be evaluated. */
  readonly assumed?: (target: DatabaseFunction) => void;
  /** Called when a column of the policy's table is compared by `=` with a value that is known. */
  readonly compared?: (column: string, value: string) => void;
  /** The policy's table: its columns, and those that are never NULL. */
  readonly table: OwnTable | undefined;
  /** The values of names that are not columns: the parameters of a function. */
  readonly parameters: ReadonlyMap<string, Value>;
  /** Inside a sub-select, an unqualified column does not belong to the policy's table. */
  readonly inner: boolean;
  /** The depth of nested functions. */
  readonly depth: number;
}

export interface OwnTable {
  readonly name: string;
  readonly columns: ReadonlySet<string>;
  readonly notNull: ReadonlySet<string>;
  /** Those that are NULL in the row for which the expression is evaluated. */
  readonly nulls?: ReadonlySet<string>;
}

const NULL: Value = { kind: 'null' };
const ERROR: Value = { kind: 'error' };
export const TRUE: Value = { kind: 'known', value: true };
export const FALSE: Value = { kind: 'known', value: false };
const NO_COLUMNS: ReadonlySet<string> = new Set();
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

/** current_user, session_user, current_date: they depend on the caller or the time. */
function valueFunction(node: Extract<Node, { SQLValueFunction: unknown }>, { caller }: Place): Value {
  const operation = node.SQLValueFunction.op ?? '';
  const who = /USER|ROLE/.test(operation);
  const name = operation === 'SVFOP_SESSION_USER' ? caller?.session : caller?.user;
  if (who && name !== undefined) return { kind: 'known', value: name, ofCaller: true };
  return { kind: 'unknown', columns: NO_COLUMNS, context: who, text: canonical(node) };
}

/** Whether a value is NULL; undefined when that is not known. */
function nullness(value: Value, place: Place): boolean | undefined {
  if (value.kind === 'null') return true;
  if (value.kind === 'known') return false;
  if (value.kind === 'error') return undefined;
  // There is a caller, so there is a context.
  if (value.context && value.columns.size === 0 && place.situation === 'bound') return false;
  const [only, ...more] = value.columns;
  const isColumn = only !== undefined && more.length === 0 && value.text === columnText(only);
  return isColumn && place.table?.notNull.has(only) === true ? false : undefined;
}

function constant(value: Extract<Node, { A_Const: unknown }>['A_Const']): Value {
  if (value.isnull === true) return NULL;
  if (value.boolval) return known(value.boolval.boolval === true);
  if (value.ival) return known(String(value.ival.ival ?? 0));
  if (value.fval) return known(value.fval.fval ?? '0');
  return known(value.sval?.sval ?? value.bsval?.bsval ?? '');
}

function column(parts: readonly string[], place: Place): Value {
  const name = parts.at(-1) ?? '';
  const qualifier = parts.at(-2);
  if (qualifier === undefined || !place.inner) {
    const parameter = place.parameters.get(name);
    if (parameter && place.table?.columns.has(name) !== true) return parameter;
  }
  const own =
    place.table !== undefined &&
    (qualifier === undefined
      ? !place.inner && place.table.columns.has(name)
      : qualifier === place.table.name);
  if (own && place.table.nulls?.has(name) === true) return NULL;
  const text = own ? columnText(name) : `other ${parts.join('.')}`;
  return { kind: 'unknown', columns: own ? new Set([name]) : NO_COLUMNS, context: false, text };
}

function columnText(name: string): string {
  return `own ${name}`;
}

/** '' is not a uuid, number or json: casting it raises an error. */
function cast(value: Value, node: Extract<Node, { TypeCast: unknown }>): Value {
  const type = nameParts(node.TypeCast.typeName?.names).at(-1) ?? '';
  if (value.kind !== 'known') return value;
  if (type === 'bool' && typeof value.value === 'string') {
    if (/^(t|true|y|yes|on|1)$/i.test(value.value)) return TRUE;
    return /^(f|false|n|no|off|0)$/i.test(value.value) ? FALSE : ERROR;
  }
  const isArray = (node.TypeCast.typeName?.arrayBounds?.length ?? 0) > 0;
  const takesAll = /^(text|varchar|bpchar|char|name|citext|regclass|bytea)$/.test(type) && !isArray;
  return value.value === '' && !takesAll ? ERROR : value;
}

function known(value: string | boolean): Value {
  return { kind: 'known', value };
}

/** An unknown value with the dependences of these. */
function unknown(values: readonly Value[], node: Node): Value {
  if (values.some(({ kind }) => kind === 'error')) return ERROR;
  const parts = values.filter((value) => value.kind === 'unknown');
  return {
    kind: 'unknown',
    columns: union(parts),
    context: parts.some(({ context }) => context) || values.some(isOfCaller),
    text: parts.some(({ text }) => text === undefined) ? undefined : canonical(node),
  };
}

function union(parts: readonly Unknown[]): ReadonlySet<string> {
  const [first, ...rest] = parts;
  if (!first) return NO_COLUMNS;
  return rest.length === 0 ? first.columns : new Set(parts.flatMap(({ columns }) => [...columns]));
}

const isOfCaller = (value: Value): boolean => value.kind === 'known' && value.ofCaller === true;
const isTrue = (value: Value): boolean =>
  value.kind === 'known' && (value.value === true || value.value === 't');
const isFalse = (value: Value): boolean =>
  value.kind === 'known' && (value.value === false || value.value === 'f');

function not(value: Value): Value {
  if (isTrue(value)) return FALSE;
  if (isFalse(value)) return TRUE;
  return value.kind === 'unknown' ? { ...value, text: value.text && `not ${value.text}` } : value;
}

function or(values: readonly Value[], node: Node): Value {
  if (values.some(isTrue)) return TRUE;
  const rest = values.filter((value) => !isFalse(value));
  return settle(rest, node, FALSE);
}

function and(values: readonly Value[], node: Node): Value {
  if (values.some(isFalse)) return FALSE;
  const rest = values.filter((value) => !isTrue(value));
  return settle(rest, node, TRUE);
}

function settle(rest: readonly Value[], node: Node, neutral: Value): Value {
  if (rest.length === 0) return neutral;
  if (rest.some(({ kind }) => kind === 'error')) return ERROR;
  if (rest.every(({ kind }) => kind === 'null')) return NULL;
  return rest.length === 1 ? rest[0]! : unknown(rest, node);
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

function symbolOf(name: readonly Node[] | undefined): string {
  return nameParts(name).at(-1) ?? '';
}

/** The elements of `ARRAY['a', 'b']`, as which PostgreSQL writes `IN ('a', 'b')`, or of `'{a,b}'::text[]`. */
function membersOf(node: Node | undefined): readonly Node[] | undefined {
  if (!node) return undefined;
  if ('TypeCast' in node) return membersOf(node.TypeCast.arg);
  if ('A_ArrayExpr' in node) return node.A_ArrayExpr.elements ?? [];
  const text = 'A_Const' in node ? node.A_Const.sval?.sval : undefined;
  const items = text === undefined ? undefined : /^\{([^"{}]*)\}$/.exec(text)?.[1];
  return items?.split(',').map((sval): Node => ({ A_Const: { sval: { sval } } }));
}

/** The result of LIKE between two known texts. */
function matchOf(symbol: string, left: Value | undefined, right: Value): boolean | undefined {
  const operator = /^(!?)~~(\*?)$/.exec(symbol);
  if (!operator || left?.kind !== 'known' || right.kind !== 'known') return undefined;
  const source = String(right.value).replace(/\\?[\s\S]/g, (part) => {
    if (part === '%') return '.*';
    return part === '_' ? '.' : part.slice(-1).replace(/[.*+?^${}()|[\]\\]/, '\\$&');
  });
  const matches = new RegExp(`^${source}$`, operator[2] === '*' ? 'is' : 's').test(String(left.value));
  return operator[1] === '!' ? !matches : matches;
}

function equal(left: Value, right: Value, node: Node, place: Place): Value {
  if (left.kind === 'error' || right.kind === 'error') return ERROR;
  if (left.kind === 'null' || right.kind === 'null') return NULL;
  if (left.kind === 'known' && right.kind === 'known')
    return known(String(left.value) === String(right.value));
  if (left.kind === 'unknown' && right.kind === 'unknown') {
    // A column equals itself: an unqualified name in a sub-select becomes `m.org_id = m.org_id`.
    return left.text !== undefined && left.text === right.text ? TRUE : unknown([left, right], node);
  }
  const [value, other] = left.kind === 'known' ? [left, right] : [right, left];
  if (value.kind === 'known' && other.kind === 'unknown') {
    const [only, ...more] = other.columns;
    if (only !== undefined && more.length === 0 && other.text === columnText(only)) {
      place.compared?.(only, String(value.value));
    }
    const caller = place.situation === 'bound' && other.context && other.columns.size === 0;
    // The caller has a context, and is logged in.
    if (caller && value.value === '') return FALSE;
    if (caller && value.value === 'authenticated' && place.caller?.user !== 'anon') return TRUE;
  }
  return unknown([left, right], node);
}

function notDistinct(left: Value, right: Value, node: Node, place: Place): Value {
  if (left.kind === 'error' || right.kind === 'error') return ERROR;
  const [leftNull, rightNull] = [nullness(left, place), nullness(right, place)];
  if (leftNull === true && rightNull === true) return TRUE;
  if ((leftNull === true && rightNull === false) || (leftNull === false && rightNull === true)) return FALSE;
  if (leftNull === true || rightNull === true) return unknown([left, right], node);
  return equal(left, right, node, place);
}

function booleanTest(value: Value, node: Extract<Node, { BooleanTest: unknown }>): Value {
  if (value.kind === 'error' || value.kind === 'unknown') return value;
  const test = node.BooleanTest.booltesttype ?? 'IS_TRUE';
  const matches = {
    IS_TRUE: isTrue(value),
    IS_NOT_TRUE: !isTrue(value),
    IS_FALSE: isFalse(value),
    IS_NOT_FALSE: !isFalse(value),
    IS_UNKNOWN: value.kind === 'null',
    IS_NOT_UNKNOWN: value.kind !== 'null',
  }[test];
  return known(matches);
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
  const open: Value[] = [];
  for (const each of args ?? []) {
    if (!('CaseWhen' in each)) continue;
    const tested = evaluate(each.CaseWhen.expr, place);
    const condition = subject ? equal(subject, tested, node, place) : tested;
    if (condition.kind === 'error') return ERROR;
    if (isFalse(condition) || condition.kind === 'null') continue;
    const result = evaluate(each.CaseWhen.result, place);
    if (isTrue(condition)) return open.length === 0 ? result : merged([...open, result], node);
    open.push(condition, result);
  }
  const otherwise = evaluate(defresult, place);
  return open.length === 0 ? otherwise : merged([...open, otherwise], node);
}

/** One of several results with unknown conditions. */
function merged(values: readonly Value[], node: Node): Value {
  return unknown(
    values.filter(({ kind }) => kind !== 'error'),
    node,
  );
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

const VOLATILE = /^(random|gen_random_uuid|uuidv[47]|clock_timestamp|nextval|timeofday)$/;

function asUnknown(value: Value): Unknown {
  return value.kind === 'unknown'
    ? value
    : { kind: 'unknown', columns: NO_COLUMNS, context: false, text: undefined };
}

/** pg_has_role([user,] role, privilege); undefined when an argument is not known. */
function hasRole(args: readonly Value[], { catalog, caller }: Place): Value | undefined {
  const texts = args.map((each) => (each.kind === 'known' ? String(each.value) : undefined));
  const [user, role, privilege] = args.length === 2 ? [caller?.user, ...texts] : texts;
  if (user === undefined || role === undefined || privilege === undefined) return undefined;
  const found = findRole(catalog, user);
  if (!found || !findRole(catalog, role)) return ERROR;
  const roles = /^usage/i.test(privilege) ? inheritedRoles(catalog, user) : memberRoles(catalog, user);
  return known(found.superuser || roles.has(role));
}

/** current_setting(name, missing_ok). */
function setting([named, missingOk]: readonly Value[], node: Node, place: Place): Value {
  const role = place.caller && findRole(place.catalog, place.caller.user);
  if (role && named?.kind === 'known' && named.value === 'is_superuser')
    return known(role.superuser ? 'on' : 'off');
  if (place.situation === 'bound') {
    return { kind: 'unknown', columns: NO_COLUMNS, context: true, text: canonical(node) };
  }
  if (place.situation === 'empty') return known('');
  return missingOk && isTrue(missingOk) ? NULL : ERROR;
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

/** Functions of extensions, and of Supabase. */
function isPlatforms({ extension, schema }: DatabaseFunction): boolean {
  return extension !== undefined || /^(auth|storage|extensions)$/.test(schema);
}

const WHO = /\b(current_user|session_user|current_role|auth\.(uid|jwt|role)|pg_has_role)\b/i;

/** A function of which only two facts are known: whether it reads the context, and whether it may raise an error. */
function opaque(args: readonly Value[], context: boolean, node: Node, place: Place, raises: boolean): Value {
  const value = asUnknown(unknown(args, node));
  if (args.some(({ kind }) => kind === 'error')) return ERROR;
  if (!context) return value;
  if (place.situation === 'bound') return { ...value, context: true };
  if (raises) return ERROR;
  return value.columns.size > 0 ? { ...value, context: true } : NULL;
}

function inline(target: DatabaseFunction, args: readonly Value[], place: Place): Value | undefined {
  if (target.returnsSet || target.body === undefined) return undefined;
  const statement = target.language === 'sql' ? onlySelect(target.body) : onlyReturn(target);
  if (!statement) return undefined;
  const parameters = new Map<string, Value>();
  args.forEach((value, at) => {
    parameters.set(`$${String(at + 1)}`, value);
    const name = target.argumentNames[at];
    if (name !== undefined && name !== '') parameters.set(name, value);
  });
  return scalar(statement, {
    ...place,
    caller: target.securityDefiner ? { user: target.owner, session: place.caller?.session } : place.caller,
    parameters,
    table: undefined,
    inner: false,
    depth: place.depth + 1,
  });
}

const parsedSelects = new Map<string, SelectStmt | undefined>();

/** The SELECT of a body with a single statement. */
function onlySelect(body: string): SelectStmt | undefined {
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
function onlyReturn(target: DatabaseFunction): SelectStmt | undefined {
  const match = /^\s*begin\s+return\s+([^;]+);\s*end\s*;?\s*$/i.exec(target.body ?? '');
  return match ? onlySelect(`SELECT ${match[1]!}`) : undefined;
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

function innerJoinConditions(from: readonly Node[]): readonly Node[] {
  return from.flatMap((node) => {
    if (!('JoinExpr' in node)) return [];
    const { jointype, quals, larg, rarg } = node.JoinExpr;
    const own = jointype === 'JOIN_INNER' && quals ? [quals] : [];
    return [...own, ...innerJoinConditions([...(larg ? [larg] : []), ...(rarg ? [rarg] : [])])];
  });
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

function children(node: Node): readonly Node[] {
  const found: Node[] = [];
  const [inside] = Object.values(node) as readonly unknown[];
  if (!isObject(inside)) return found;
  for (const value of Object.values(inside)) {
    for (const each of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
      if (isNode(each)) found.push(each);
    }
  }
  return found;
}

/** Nodes are objects of one key that begins with a capital: `{ FuncCall: { … } }`. */
function isNode(value: unknown): value is Node {
  if (!isObject(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && /^[A-Z]/.test(keys[0]!);
}

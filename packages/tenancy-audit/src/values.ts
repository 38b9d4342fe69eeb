/**
 * Values of a partial evaluation: NULL, an error, a known value, or an unknown one with what it depends on; and SQL's
 * operations on them, with its three-valued logic.
 */
import type { Catalog, DatabaseFunction } from './catalog.js';
import { canonical, nameParts, type Node } from './sql-parse.js';

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

export const NULL: Value = { kind: 'null' };
export const ERROR: Value = { kind: 'error' };
export const TRUE: Value = { kind: 'known', value: true };
export const FALSE: Value = { kind: 'known', value: false };
export const NO_COLUMNS: ReadonlySet<string> = new Set();

/** A value that is known. */
export function known(value: string | boolean): Value {
  return { kind: 'known', value };
}

/** An unknown value with the dependences of these. */
export function unknown(values: readonly Value[], node: Node): Value {
  if (values.some(({ kind }) => kind === 'error')) return ERROR;
  const parts = values.filter((value) => value.kind === 'unknown');
  return {
    kind: 'unknown',
    columns: union(parts),
    context: parts.some(({ context }) => context) || values.some(isOfCaller),
    text: parts.some(({ text }) => text === undefined) ? undefined : canonical(node),
  };
}

/** The columns on which these values depend. */
export function union(parts: readonly Unknown[]): ReadonlySet<string> {
  const [first, ...rest] = parts;
  if (!first) return NO_COLUMNS;
  return rest.length === 0 ? first.columns : new Set(parts.flatMap(({ columns }) => [...columns]));
}

/** Whether it is known because the caller is. */
export const isOfCaller = (value: Value): boolean => value.kind === 'known' && value.ofCaller === true;
/** Whether it is TRUE. */
export const isTrue = (value: Value): boolean =>
  value.kind === 'known' && (value.value === true || value.value === 't');
/** Whether it is FALSE. */
export const isFalse = (value: Value): boolean =>
  value.kind === 'known' && (value.value === false || value.value === 'f');

/** NOT. */
export function not(value: Value): Value {
  if (isTrue(value)) return FALSE;
  if (isFalse(value)) return TRUE;
  return value.kind === 'unknown' ? { ...value, text: value.text && `not ${value.text}` } : value;
}

/** OR. */
export function or(values: readonly Value[], node: Node): Value {
  if (values.some(isTrue)) return TRUE;
  const rest = values.filter((value) => !isFalse(value));
  return settle(rest, node, FALSE);
}

/** AND. */
export function and(values: readonly Value[], node: Node): Value {
  if (values.some(isFalse)) return FALSE;
  const rest = values.filter((value) => !isTrue(value));
  return settle(rest, node, TRUE);
}

/** AND or OR of what does not decide by itself. */
export function settle(rest: readonly Value[], node: Node, neutral: Value): Value {
  if (rest.length === 0) return neutral;
  if (rest.some(({ kind }) => kind === 'error')) return ERROR;
  if (rest.every(({ kind }) => kind === 'null')) return NULL;
  return rest.length === 1 ? rest[0]! : unknown(rest, node);
}

/** One of several results, by conditions that are unknown. */
export function merged(conditions: readonly Value[], results: readonly Value[], node: Node): Value {
  const possible = results.filter(({ kind }) => kind !== 'error');
  const [first, ...others] = possible;
  // What decides between equal results does not matter.
  if (
    first &&
    first.kind !== 'unknown' &&
    possible.length === results.length &&
    others.every((each) => isSame(first, each))
  )
    return first;
  return unknown(
    [...conditions, ...possible].filter(({ kind }) => kind !== 'error'),
    node,
  );
}

/** Whether two values are equal in every evaluation. */
export function isSame(one: Value, other: Value): boolean {
  if (one.kind === 'known' && other.kind === 'known') return one.value === other.value;
  if (one.kind === 'unknown' && other.kind === 'unknown') {
    return one.text !== undefined && one.text === other.text;
  }
  return one.kind === other.kind;
}

/** The value, or one of which nothing is known. */
export function asUnknown(value: Value): Unknown {
  return value.kind === 'unknown'
    ? value
    : { kind: 'unknown', columns: NO_COLUMNS, context: false, text: undefined };
}

/** The text of an unknown value that is a column of the policy’s table. */
export function columnText(name: string): string {
  return `own ${name}`;
}

/** Whether a value is NULL; undefined when that is not known. */
export function nullness(value: Value, place: Place): boolean | undefined {
  if (value.kind === 'null') return true;
  if (value.kind === 'known') return false;
  if (value.kind === 'error') return undefined;
  // There is a caller, so there is a context.
  if (value.context && value.columns.size === 0 && place.situation === 'bound') return false;
  const [only, ...more] = value.columns;
  const isColumn = only !== undefined && more.length === 0 && value.text === columnText(only);
  return isColumn && place.table?.notNull.has(only) === true ? false : undefined;
}

/** `=`. */
export function equal(left: Value, right: Value, node: Node, place: Place): Value {
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

/** IS NOT DISTINCT FROM. */
export function notDistinct(left: Value, right: Value, node: Node, place: Place): Value {
  if (left.kind === 'error' || right.kind === 'error') return ERROR;
  const [leftNull, rightNull] = [nullness(left, place), nullness(right, place)];
  if (leftNull === true && rightNull === true) return TRUE;
  if ((leftNull === true && rightNull === false) || (leftNull === false && rightNull === true)) return FALSE;
  if (leftNull === true || rightNull === true) return unknown([left, right], node);
  return equal(left, right, node, place);
}

/** The value of a literal. */
export function constant(value: Extract<Node, { A_Const: unknown }>['A_Const']): Value {
  if (value.isnull === true) return NULL;
  if (value.boolval) return known(value.boolval.boolval === true);
  if (value.ival) return known(String(value.ival.ival ?? 0));
  if (value.fval) return known(value.fval.fval ?? '0');
  return known(value.sval?.sval ?? value.bsval?.bsval ?? '');
}

/** '' is not a uuid, number or json: casting it raises an error. */
export function cast(value: Value, node: Extract<Node, { TypeCast: unknown }>): Value {
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

/** IS TRUE, IS NOT FALSE, and their kin. */
export function booleanTest(value: Value, node: Extract<Node, { BooleanTest: unknown }>): Value {
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

/** The operator without its schema. */
export function symbolOf(name: readonly Node[] | undefined): string {
  return nameParts(name).at(-1) ?? '';
}

/** The result of LIKE between two known texts. */
export function matchOf(symbol: string, left: Value | undefined, right: Value): boolean | undefined {
  const operator = /^(!?)~~(\*?)$/.exec(symbol);
  if (!operator || left?.kind !== 'known' || right.kind !== 'known') return undefined;
  const source = String(right.value).replace(/\\?[\s\S]/g, (part) => {
    if (part === '%') return '.*';
    return part === '_' ? '.' : part.slice(-1).replace(/[.*+?^${}()|[\]\\]/, '\\$&');
  });
  const matches = new RegExp(`^${source}$`, operator[2] === '*' ? 'is' : 's').test(String(left.value));
  return operator[1] === '!' ? !matches : matches;
}

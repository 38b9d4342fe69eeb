/** Grades an expression by how far it narrows the rows. */
import type { Catalog, DatabaseFunction } from './catalog.js';
import { functionsNamed } from './context.js';
import { evaluate } from './evaluate.js';
import type { AuditSettings } from './rule.js';
import { type Node, canonical, everyObject, isObject, nameParts } from './sql-parse.js';
import { isRegistry, relationsIn, tenantColumnOf } from './tenancy.js';
import { type Place, isTrue } from './values.js';

/**
 * How an expression filters rows, from not at all to completely.
 *
 * - open: true for every row and every caller.
 * - caller: depends only on the caller, and permits every caller.
 * - switch: depends only on a setting, and permits every row for some value, which any statement can set.
 * - weak: depends on the row, but only on whether a column is NULL or differs from a value.
 * - row: depends only on the row's values, such as `is_public`.
 * - privileged: depends only on the caller, and permits few: administrators.
 * - linked: compares the row with the caller. Only this grade separates tenants.
 * - closed: never true.
 */
export type Grade = (typeof GRADES)[number];

const GRADES = ['open', 'caller', 'switch', 'weak', 'row', 'privileged', 'linked', 'closed'] as const;

/** Whether rows with this grade stay with their tenant, or were published on purpose. */
export function separates(grade: Grade): boolean {
  return GRADES.indexOf(grade) >= GRADES.indexOf('privileged');
}

/** Whether `a` narrows the rows less than `b` does. */
export function isWeaker(a: Grade, b: Grade): boolean {
  return GRADES.indexOf(a) < GRADES.indexOf(b);
}

/** The grade of an expression, from the grades of its parts. */
export function gradeNode(node: Node, place: Place, catalog: Catalog, settings: AuditSettings): Grade {
  if ('BoolExpr' in node && node.BoolExpr.boolop !== 'NOT_EXPR') {
    const grades = (node.BoolExpr.args ?? []).map((each) => gradeNode(each, place, catalog, settings));
    const isOr = node.BoolExpr.boolop === 'OR_EXPR';
    return grades.reduce((a, b) => (isWeaker(a, b) === isOr ? a : b));
  }
  const value = evaluate(node, place);
  if (isTrue(value)) return 'open';
  if (value.kind !== 'unknown') return 'closed';
  if (value.columns.size === 0) {
    if (isSwitch(node)) return 'switch';
    return value.context && isPrivileged(node, place, catalog, settings) ? 'privileged' : 'caller';
  }
  if (isNegative(node)) return 'weak';
  if (value.context || lookUpsIn(node, place, catalog).length > 0) return 'linked';
  return isNullTest(node) ? 'weak' : 'row';
}

/** `current_setting('app.bypass') = 'on'`. Claims of a token that a gateway has verified are different. */
function isSwitch(node: Node): boolean {
  const text = canonical(node);
  const names = [
    ...text.matchAll(
      /"current_setting"\}\}\],"args":\[\{(?:"TypeCast":\{"arg":\{)?"A_Const":\{"sval":\{"sval":"([^"]+)"/g,
    ),
  ];
  return (
    names.length > 0 &&
    names.every(([, name]) => name!.includes('.') && !/^(request|jwt|auth)\./.test(name!)) &&
    !text.includes('"SubLink"')
  );
}

/** `<>`, `IS DISTINCT FROM`, `NOT (…)`: permits almost all rows. */
function isNegative(node: Node): boolean {
  if ('A_Expr' in node) {
    return node.A_Expr.kind === 'AEXPR_DISTINCT' || nameParts(node.A_Expr.name).at(-1) === '<>';
  }
  return false;
}

/**
 * The functions of the project that get columns and look into tables, perhaps for the row as it was before: what they
 * compare cannot be told from the row's values.
 */
export function lookUpsIn(node: Node, { table }: Place, catalog: Catalog): readonly DatabaseFunction[] {
  if (!('FuncCall' in node)) return [];
  const columns = new Set<string>();
  everyObject(node.FuncCall.args, ({ ColumnRef: reference }) => {
    if (isObject(reference)) columns.add(nameParts(reference['fields'] as readonly Node[]).at(-1) ?? '');
  });
  if ([...columns].filter((column) => table?.columns.has(column)).length < 2) return [];
  const [name, schema] = [...nameParts(node.FuncCall.funcname)].reverse();
  return functionsNamed(catalog, name ?? '', schema).filter(
    ({ language, body }) => language !== 'sql' && /\bfrom\s+[\w".]+/i.test(body ?? ''),
  );
}

function isNullTest(node: Node): boolean {
  return 'NullTest' in node;
}

const MAKES_PRIVILEGED =
  /admin|super|staff|operator|support|service|internal|system|bypass|root|god|role|permission/i;

/**
 * Whether a condition on the caller permits only few: it compares with a literal ('service_role'), or mentions
 * administrators. A look-up in a tenant table does not count: an admin of one tenant has no rights in others.
 */
function isPrivileged(node: Node, place: Place, catalog: Catalog, settings: AuditSettings): boolean {
  const read = relationsIn(catalog, node);
  if (read.length > 0 && asksForPlatformRight(node)) return true;
  if (read.some((each) => !isRegistry(each, settings) && tenantColumnOf(each, settings) !== undefined))
    return false;
  // A boolean function that could not be evaluated was written to distinguish callers.
  if ('FuncCall' in node)
    return !/logged|signed|authenticated/i.test(nameParts(node.FuncCall.funcname).join('.'));
  if (MAKES_PRIVILEGED.test(withoutContextNames(canonical(node)))) return true;
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_OP' && nameParts(node.A_Expr.name)[0] === '=') {
    return [node.A_Expr.lexpr, node.A_Expr.rexpr].some((side) => evaluate(side, place).kind === 'known');
  }
  return false;
}

const OF_THE_PLATFORM = /super_?admin|(platform|system|global)|_(saas|root)$|^(root|god|service_role)$/i;

/** The look-up wants only roles whose names are those of the provider's own people: `super_admin`, `owner_saas`. */
function asksForPlatformRight(node: Node): boolean {
  const texts: string[] = [];
  everyObject(node, ({ A_Const: constant }) => {
    const text = isObject(constant) && isObject(constant['sval']) ? constant['sval']['sval'] : undefined;
    if (typeof text === 'string') texts.push(text);
  });
  return texts.length > 0 && texts.every((text) => OF_THE_PLATFORM.test(text));
}

/** `auth.role()` and `current_user` describe the caller, not a privilege. */
function withoutContextNames(text: string): string {
  return text.replace(/"SVFOP_CURRENT_ROLE"|\{"sval":"role"\}/g, '');
}

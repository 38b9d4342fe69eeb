/**
 * What the policies of a table let a role see and write: graded expression by expression, then put together as PostgreSQL
 * does: any permissive policy may let a row through, every restrictive one has to.
 */
import { PUBLIC, type Catalog, type Policy, type PolicyCommand, type Relation } from './catalog.js';
import { evaluate, type OwnTable, type Place, type Situation, type Value } from './evaluate.js';
import { appliesTo, escapeFrom, escapeOf } from './privileges.js';
import type { AuditSettings } from './rule.js';
import { canonical, everyObject, isObject, parseExpression, nameParts, type Node } from './sql-parse.js';
import { isRegistry, relationsIn, tenantColumnOf } from './tenancy.js';

/**
 * How an expression narrows the rows, from not at all to entirely.
 *
 * - open: true for every row, whoever asks.
 * - caller: looks at who asks, never at the row, and lets every caller through.
 * - switch: looks at a setting, never at the row, and opens every row when it has some value: any statement can set it.
 * - weak: looks at the row, but only whether a column is NULL or differs from something.
 * - row: looks at the row's own values alone, as `is_public` does.
 * - privileged: looks at who asks, never at the row, and lets few through: administrators.
 * - linked: compares the row with who asks. The only one that separates tenants.
 * - closed: never true.
 */
export type Grade = (typeof GRADES)[number];
const GRADES = ['open', 'caller', 'switch', 'weak', 'row', 'privileged', 'linked', 'closed'] as const;

/** Whether rows graded so stay with their tenant, or were opened on purpose. */
export function separates(grade: Grade): boolean {
  return GRADES.indexOf(grade) >= GRADES.indexOf('privileged');
}

/** Whether `a` narrows the rows less than `b` does. */
export function isWeaker(a: Grade, b: Grade): boolean {
  return GRADES.indexOf(a) < GRADES.indexOf(b);
}

const gradesByCatalog = new WeakMap<Catalog, Map<string, Grade>>();

/** @returns the grade of an expression of this table's policies; `linked` for what cannot be parsed: doubt accuses nobody */
export function gradeOf(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
): Grade {
  const grades = gradesByCatalog.get(catalog) ?? new Map<string, Grade>();
  gradesByCatalog.set(catalog, grades);
  const key = `${String(table.oid)} ${expression}`;
  let grade = grades.get(key);
  if (grade === undefined) {
    const node = parseExpression(expression);
    grade = node ? gradeNode(node, placeOf(catalog, settings, table, 'bound'), catalog, settings) : 'linked';
    grades.set(key, grade);
  }
  return grade;
}

/** In which situation without a context an expression is true for every row; undefined when in none. */
export function opensWithoutContext(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
): Situation | undefined {
  const node = parseExpression(expression);
  if (!node) return undefined;
  return (['unset', 'empty'] as const).find((situation) =>
    isTrue(evaluate(node, placeOf(catalog, settings, table, situation))),
  );
}

/** The policies that decide on a command of a role. */
export function policiesFor(
  catalog: Catalog,
  table: Relation,
  role: string,
  command: Exclude<PolicyCommand, 'ALL'>,
): { readonly permissive: readonly Policy[]; readonly restrictive: readonly Policy[] } {
  const applied = table.policies.filter(
    (policy) => (policy.command === 'ALL' || policy.command === command) && appliesTo(catalog, policy, role),
  );
  return {
    permissive: applied.filter(({ permissive }) => permissive),
    restrictive: applied.filter(({ permissive }) => !permissive),
  };
}

/** The expression that decides on the rows a command sees (`using`) or writes (`check`, which defaults to USING). */
export function expressionOf(policy: Policy, part: 'using' | 'check'): string | undefined {
  return part === 'using' ? policy.using : (policy.check ?? policy.using);
}

/** Why a role sees the rows of every tenant in a table: in words, or undefined when it does not. */
export function seesAcross(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  role: string,
): { readonly reason: string; readonly byPolicy: boolean } | undefined {
  const escape = escapeFrom(catalog, role, table);
  if (escape !== undefined) return { reason: escape, byPolicy: false };
  const { permissive, restrictive } = policiesFor(catalog, table, role, 'SELECT');
  const grade = (policy: Policy): Grade =>
    policy.using === undefined ? 'closed' : gradeOf(catalog, settings, table, policy.using);
  if (restrictive.some((policy) => grade(policy) === 'linked')) return undefined;
  const open = permissive.find((policy) => isWeaker(grade(policy), 'row'));
  return (
    open && {
      reason: `the policy ${open.name} shows ${role} every row of ${table.qualified}`,
      byPolicy: true,
    }
  );
}

/** The column names that a policy's expression mentions in a test for NULL. */
export function nullTestsIn(expression: string | undefined): ReadonlySet<string> {
  const node = expression === undefined ? undefined : parseExpression(expression);
  const columns = new Set<string>();
  everyObject(node, (object) => {
    const test = object['NullTest'];
    if (isObject(test) && isObject(test['arg']) && isObject(test['arg']['ColumnRef'])) {
      const name = nameParts(test['arg']['ColumnRef']['fields'] as readonly Node[]).at(-1);
      if (name !== undefined) columns.add(name);
    }
  });
  return columns;
}

function placeOf(catalog: Catalog, settings: AuditSettings, table: Relation, situation: Situation): Place {
  const tenant = tenantColumnOf(table, settings)?.name;
  const own: OwnTable = {
    name: table.name,
    columns: new Set(table.columns.map(({ name }) => name)),
    // A row of a tenant has one, whether or not the column says so.
    notNull: new Set(
      table.columns.filter((each) => each.notNull || each.name === tenant).map(({ name }) => name),
    ),
  };
  return { catalog, situation, table: own, parameters: new Map(), inner: false, depth: 0 };
}

function isTrue(value: Value): boolean {
  return value.kind === 'known' && (value.value === true || value.value === 't');
}

function gradeNode(node: Node, place: Place, catalog: Catalog, settings: AuditSettings): Grade {
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
  if (value.context) return 'linked';
  return isNullTest(node) ? 'weak' : 'row';
}

/** `current_setting('app.bypass') = 'on'`. What a gateway has verified, a token's claims, is another thing. */
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

/** `<>`, `IS DISTINCT FROM`, `NOT (…)`: lets through all but a few. */
function isNegative(node: Node): boolean {
  if ('A_Expr' in node) {
    return node.A_Expr.kind === 'AEXPR_DISTINCT' || nameParts(node.A_Expr.name).at(-1) === '<>';
  }
  return false;
}

function isNullTest(node: Node): boolean {
  return 'NullTest' in node;
}

const MAKES_PRIVILEGED =
  /admin|super|staff|operator|support|service|internal|system|bypass|root|god|role|permission/i;

/**
 * Whether a condition on the caller alone is meant for few: it compares with a literal ('service_role'), or speaks of
 * administrators. A look-up in a tenant table is not: being an admin of one tenant says nothing about the others.
 */
function isPrivileged(node: Node, place: Place, catalog: Catalog, settings: AuditSettings): boolean {
  const read = relationsIn(catalog, node);
  if (read.some((each) => !isRegistry(each, settings) && tenantColumnOf(each, settings) !== undefined))
    return false;
  // A function that says yes or no to the caller, and was not seen through, was written to tell callers apart.
  if ('FuncCall' in node)
    return !/logged|signed|authenticated/i.test(nameParts(node.FuncCall.funcname).join('.'));
  if (MAKES_PRIVILEGED.test(withoutContextNames(canonical(node)))) return true;
  if ('A_Expr' in node && node.A_Expr.kind === 'AEXPR_OP' && nameParts(node.A_Expr.name)[0] === '=') {
    return [node.A_Expr.lexpr, node.A_Expr.rexpr].some((side) => evaluate(side, place).kind === 'known');
  }
  return false;
}

/** `auth.role()` and `current_user` are about the caller, not about privilege. */
function withoutContextNames(text: string): string {
  return text.replace(/"SVFOP_CURRENT_ROLE"|\{"sval":"role"\}/g, '');
}

/** The columns of its own table that an expression depends on. */
export function columnsOf(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
): ReadonlySet<string> {
  const node = parseExpression(expression);
  const value = node && evaluate(node, placeOf(catalog, settings, table, 'bound'));
  return value?.kind === 'unknown' ? value.columns : new Set();
}

/**
 * The roles that a table's policies are judged for: the application's, or where none is known everybody whom a policy
 * names, but the table's owner and roles that are exempt anyway.
 */
export function judgedRoles(catalog: Catalog, settings: AuditSettings, table: Relation): readonly string[] {
  if (settings.appRoles.length > 0) return settings.appRoles;
  const named = new Set([PUBLIC, ...table.policies.flatMap(({ roles }) => roles)]);
  return [...named].filter((role) => role !== table.owner && escapeOf(catalog, role) === undefined);
}

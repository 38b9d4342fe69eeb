/**
 * Determines what the policies of a table allow a role to see and write: each expression is graded, then the grades are
 * combined like in PostgreSQL: one permissive policy must permit a row, and all restrictive ones.
 */
import {
  type Catalog,
  type DatabaseFunction,
  PUBLIC,
  type Policy,
  type PolicyCommand,
  type Relation,
} from './catalog.js';
import { evaluate } from './evaluate.js';
import { type Grade, gradeNode, isWeaker, lookUpsIn } from './grades.js';
import { appliesTo, escapeFrom, escapeOf, findRole, loginsOf, mayUse } from './privileges.js';
import type { AuditSettings } from './rule.js';
import { type Node, everyObject, isObject, nameParts, parseExpression } from './sql-parse.js';
import { tenantColumnOf } from './tenancy.js';
import { type Caller, type OwnTable, type Place, type Situation, type Value, isTrue } from './values.js';

const gradesByCatalog = new WeakMap<Catalog, Map<string, Grade>>();

/** Who a statement of this role runs as; undefined for PUBLIC, which stands for every role. */
export function callerOf(catalog: Catalog, role: string): Caller | undefined {
  const found = findRole(catalog, role);
  if (!found) return undefined;
  const logins = found.login ? [role] : loginsOf(catalog, role);
  return { user: role, session: logins.length === 1 ? logins[0] : undefined };
}

/**
 * @param caller for whom it is graded; undefined for every role
 * @returns the grade of an expression of this table's policies; `linked` when it cannot be parsed, to avoid false
 * positives
 */
export function gradeOf(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
  caller: Caller | undefined,
): Grade {
  const grades = gradesByCatalog.get(catalog) ?? new Map<string, Grade>();
  gradesByCatalog.set(catalog, grades);
  const key = `${String(table.oid)} ${caller?.user ?? ''} ${caller?.session ?? ''} ${expression}`;
  let grade = grades.get(key);
  if (grade === undefined) {
    const node = parseExpression(expression);
    grade = node
      ? gradeNode(node, placeOf(catalog, settings, table, 'bound', caller), catalog, settings)
      : 'linked';
    grades.set(key, grade);
  }
  return grade;
}

/** The situation without a context in which an expression is true for every row; undefined if there is none. */
export function opensWithoutContext(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
  caller: Caller | undefined,
): Situation | undefined {
  const node = parseExpression(expression);
  if (!node) return undefined;
  return (['unset', 'empty'] as const).find((situation) =>
    isTrue(evaluate(node, placeOf(catalog, settings, table, situation, caller))),
  );
}

/**
 * The values that an expression compares the tenant column with only when the context is missing: the tenant as which
 * a query without a context works.
 */
export function defaultTenants(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
  caller: Caller | undefined,
): readonly string[] {
  const node = parseExpression(expression);
  const tenant = tenantColumnOf(table, settings)?.name;
  if (!node || tenant === undefined) return [];
  const comparedIn = (situation: Situation): ReadonlySet<string> => {
    const values = new Set<string>();
    const compared = (column: string, value: string): void => {
      if (column === tenant) values.add(value);
    };
    const value = evaluate(node, { ...placeOf(catalog, settings, table, situation, caller), compared });
    // Where the whole expression is false, NULL or an error, no row is shown.
    return value.kind === 'unknown' ? values : new Set();
  };
  const bound = comparedIn('bound');
  const missing = new Set([...comparedIn('unset'), ...comparedIn('empty')]);
  return [...missing].filter((value) => value !== '' && !bound.has(value));
}

/** Whether an expression is true for a row whose `column` is NULL, with a context. */
export function admitsRowWithout(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  column: string,
  expression: string,
  caller: Caller | undefined,
): boolean {
  const node = parseExpression(expression);
  const place = placeOf(catalog, settings, table, 'bound', caller);
  if (!node || !place.table) return false;
  return isTrue(evaluate(node, { ...place, table: { ...place.table, nulls: new Set([column]) } }));
}

/** The functions whose results the grade of an expression assumes, because they cannot be evaluated. */
export function assumedFunctions(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
): readonly DatabaseFunction[] {
  const node = parseExpression(expression);
  const found = new Set<DatabaseFunction>();
  const assumed = (target: DatabaseFunction): void => void found.add(target);
  const place = placeOf(catalog, settings, table, 'bound', undefined);
  if (node) evaluate(node, { ...place, assumed });
  everyObject(node, (each) => lookUpsIn(each as unknown as Node, place, catalog).forEach(assumed));
  return [...found];
}

/** The policies that apply to a command of a role. */
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

/** The expression for the rows that a command sees (`using`) or writes (`check`, by default USING). */
export function expressionOf(policy: Policy, part: 'using' | 'check'): string | undefined {
  return part === 'using' ? policy.using : (policy.check ?? policy.using);
}

/** Whether a role may change rows of a table: by its privileges, and by a policy that admits the change. */
export function mayWrite(
  catalog: Catalog,
  role: string,
  table: Relation,
  commands: readonly Exclude<PolicyCommand, 'ALL' | 'SELECT'>[] = ['INSERT', 'UPDATE', 'DELETE'],
): boolean {
  return commands.some((command) => {
    if (!mayUse(catalog, role, table, command)) return false;
    if (escapeFrom(catalog, role, table) !== undefined) return true;
    return policiesFor(catalog, table, role, command).permissive.some((policy) => {
      const expression = expressionOf(policy, command === 'INSERT' ? 'check' : 'using');
      return expression !== undefined && expression !== 'false';
    });
  });
}

/** The reason, as text, why a role sees the rows of every tenant in a table; undefined when it does not. */
export function seesAcross(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  role: string,
  caller = callerOf(catalog, role),
): { readonly reason: string; readonly byPolicy: boolean } | undefined {
  const escape = escapeFrom(catalog, role, table);
  if (escape !== undefined) return { reason: escape, byPolicy: false };
  const { permissive, restrictive } = policiesFor(catalog, table, role, 'SELECT');
  const grade = (policy: Policy): Grade =>
    policy.using === undefined ? 'closed' : gradeOf(catalog, settings, table, policy.using, caller);
  if (restrictive.some((policy) => grade(policy) === 'linked')) return undefined;
  const open = permissive.find((policy) => isWeaker(grade(policy), 'row'));
  return (
    open && {
      reason: `the policy ${open.name} shows ${role} every row of ${table.qualified}`,
      byPolicy: true,
    }
  );
}

/** The columns that a policy's expression tests for NULL. */
function nullTestsIn(expression: string | undefined): ReadonlySet<string> {
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

/** A policy that tests for NULL allows rows without a tenant on purpose, for example shared templates. */
export function admitsNull(table: Relation, column: string): boolean {
  return table.policies.some(
    ({ using, check }) => nullTestsIn(using).has(column) || nullTestsIn(check).has(column),
  );
}

function placeOf(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  situation: Situation,
  caller: Caller | undefined,
): Place {
  return {
    catalog,
    situation,
    caller,
    table: ownTable(settings, table),
    parameters: NO_PARAMETERS,
    inner: false,
    depth: 0,
  };
}

const NO_PARAMETERS: ReadonlyMap<string, Value> = new Map();

const ownTables = new WeakMap<AuditSettings, Map<Relation, OwnTable>>();

function ownTable(settings: AuditSettings, table: Relation): OwnTable {
  const known = ownTables.get(settings) ?? new Map<Relation, OwnTable>();
  ownTables.set(settings, known);
  let own = known.get(table);
  if (!own) {
    const tenant = tenantColumnOf(table, settings)?.name;
    own = {
      name: table.name,
      columns: new Set(table.columns.map(({ name }) => name)),
      // A tenant's row has a tenant, even if the column is nullable.
      notNull: new Set(
        table.columns.filter((each) => each.notNull || each.name === tenant).map(({ name }) => name),
      ),
    };
    known.set(table, own);
  }
  return own;
}

/** The columns of its own table that an expression depends on. */
export function columnsOf(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  expression: string,
): ReadonlySet<string> {
  const node = parseExpression(expression);
  const value = node && evaluate(node, placeOf(catalog, settings, table, 'bound', undefined));
  return value?.kind === 'unknown' ? value.columns : new Set();
}

/**
 * The roles for which a table's policies are checked: the application's, or if none is known, all roles in policies
 * except the table's owner and exempt roles.
 */
export function judgedRoles(catalog: Catalog, settings: AuditSettings, table: Relation): readonly string[] {
  if (settings.appRoles.length > 0) return settings.appRoles;
  const named = new Set([PUBLIC, ...table.policies.flatMap(({ roles }) => roles)]);
  return [...named].filter((role) => role !== table.owner && escapeOf(catalog, role) === undefined);
}

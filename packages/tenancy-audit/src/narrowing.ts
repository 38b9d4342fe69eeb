/**
 * Determines how a query that bypasses row-level security filters tenant rows itself, for the rules about views and
 * SECURITY DEFINER functions.
 */
import { asksForRight, contextVariables, hasCheck, holdsContext } from './caller-checks.js';
import type { Catalog, DatabaseFunction, Relation } from './catalog.js';
import {
  type Narrowing,
  type Surroundings,
  hasSecretTest,
  holds,
  isParameter,
  strengthOf,
  stronger,
} from './filter-strength.js';
import { bodyOf } from './routine-body.js';
import type { AuditSettings } from './rule.js';
import { everyObject, isObject, parseStatements } from './sql-parse.js';
import { isAudited, isRegistry, isShared, relationsIn, tenantColumnOf } from './tenancy.js';

/** One SELECT, UPDATE or DELETE, without the sub-selects in it. */
export interface Access {
  readonly table: Relation;
  readonly narrowing: Narrowing;
  /** It may compare a parameter with the context, or let only administrators read every row. */
  readonly perhapsChecked: boolean;
  readonly writes: boolean;
}

/** How a view's query reaches tenant rows. @returns undefined when it cannot be parsed */
export function accessesOfView(
  catalog: Catalog,
  settings: AuditSettings,
  view: Relation,
): readonly Access[] | undefined {
  const around = aroundView(catalog, settings);
  return parseStatements(view.definition ?? '')?.flatMap((statement) => accessesIn(statement, around));
}

/** Whether a view filters by its caller. */
export function asksCaller(catalog: Catalog, settings: AuditSettings, view: Relation): boolean {
  return strengthOf(parseStatements(view.definition ?? ''), aroundView(catalog, settings)) === 'context';
}

/** A view has neither parameters nor variables. */
function aroundView(catalog: Catalog, settings: AuditSettings): Surroundings {
  return {
    catalog,
    settings,
    name: undefined,
    names: new Set(),
    parameters: new Set(),
    withs: new Map(),
    variablesAreSecret: false,
    readsContext: false,
    asksForRight: false,
  };
}

/**
 * How a function's own statements reach tenant rows.
 *
 * @returns undefined when it cannot be parsed
 */
export function accessesOfFunction(
  catalog: Catalog,
  settings: AuditSettings,
  target: DatabaseFunction,
): readonly Access[] | undefined {
  const body = bodyOf(target);
  if (!body) return undefined;
  const parameters = new Set(target.argumentNames.filter((name) => name !== ''));
  const around: Surroundings = {
    catalog,
    settings,
    name: target.name,
    names: new Set([...parameters, ...body.variables]),
    parameters,
    withs: new Map(),
    variablesAreSecret: false,
    readsContext: false,
    asksForRight: false,
  };
  const held = contextVariables(catalog, target);
  const readsContext = body.statements.some((statement) => hasCheck(statement, around, held));
  const asksRight = body.statements.some((statement) =>
    holds(statement, (node) => 'FuncCall' in node && asksForRight(node, around, holdsContext(around, held))),
  );
  // What a look-up by a secret has put into a variable is known only to those who know the secret.
  const variablesAreSecret = body.statements.some((statement) => hasSecretTest(statement, around));
  return body.statements.flatMap((statement) =>
    accessesIn(statement, { ...around, variablesAreSecret, readsContext, asksForRight: asksRight }),
  );
}

/** The relations that a function's own statements name, with the privilege that each needs. */
export function relationsOfFunction(
  catalog: Catalog,
  target: DatabaseFunction,
): readonly { readonly relation: Relation; readonly command: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' }[] {
  const commands = { InsertStmt: 'INSERT', UpdateStmt: 'UPDATE', DeleteStmt: 'DELETE' } as const;
  const statements = bodyOf(target)?.statements ?? [];
  const read = relationsIn(catalog, statements).map((relation) => ({ relation, command: 'SELECT' as const }));
  const written: { relation: Relation; command: 'INSERT' | 'UPDATE' | 'DELETE' }[] = [];
  everyObject(statements, (object) => {
    for (const kind of ['InsertStmt', 'UpdateStmt', 'DeleteStmt'] as const) {
      const statement = object[kind];
      if (!isObject(statement)) continue;
      const [relation] = relationsIn(catalog, { RangeVar: statement['relation'] });
      if (relation) written.push({ relation, command: commands[kind] });
    }
  });
  return [...read, ...written];
}

/** Whether a function runs dynamic SQL, which cannot be checked. */
export function buildsSql(target: DatabaseFunction): boolean {
  return target.language === 'plpgsql' && /\bexecute\s+(?!function\b|procedure\b)/i.test(target.body ?? '');
}

const STATEMENTS = ['SelectStmt', 'UpdateStmt', 'DeleteStmt', 'InsertStmt'] as const;

function accessesIn(tree: unknown, outside: Surroundings): readonly Access[] {
  const found: Access[] = [];
  const around = withQueriesOf(tree, outside);
  everyObject(tree, (object) => {
    // A row that must exist is not shown.
    const link = object['SubLink'];
    if (isObject(link) && link['subLinkType'] === 'EXISTS_SUBLINK') return false;
    for (const kind of STATEMENTS) {
      const statement = object[kind];
      if (!isObject(statement)) continue;
      if (kind === 'InsertStmt') found.push(...insertionOf(statement, around));
      else found.push(...accessesOf(statement, kind !== 'SelectStmt', around));
    }
    // The parts of a UNION have no node type.
    for (const half of [object['larg'], object['rarg']]) {
      if (isObject(half) && 'targetList' in half) found.push(...accessesOf(half, false, around));
    }
    return undefined;
  });
  return found;
}

/** The queries in WITH may refer to each other, each to those before it. */
function withQueriesOf(tree: unknown, around: Surroundings): Surroundings {
  const withs = new Map(around.withs);
  everyObject(tree, ({ CommonTableExpr: query }) => {
    if (!isObject(query) || typeof query['ctename'] !== 'string') return;
    withs.set(query['ctename'], strengthOf(query['ctequery'], { ...around, withs }));
  });
  return { ...around, withs };
}

/** A row of the tenant that the caller names: the tenant column gets a parameter. */
function insertionOf(statement: Readonly<Record<string, unknown>>, around: Surroundings): readonly Access[] {
  const { catalog, settings } = around;
  const [table] = relationsIn(catalog, { RangeVar: statement['relation'] });
  if (!table || !isAudited(table, settings) || isShared(table, settings) || isRegistry(table, settings))
    return [];
  const column = tenantColumnOf(table, settings);
  const at = itemsOf(statement['cols']).findIndex(
    (each) => isObject(each) && isObject(each['ResTarget']) && each['ResTarget']['name'] === column?.name,
  );
  const select = isObject(statement['selectStmt']) ? statement['selectStmt']['SelectStmt'] : undefined;
  if (!column || at < 0 || !isObject(select)) return [];
  const values = itemsOf(select['valuesLists']).flatMap((row) =>
    isObject(row) && isObject(row['List']) ? [itemsOf(row['List']['items'])[at]] : [],
  );
  // A constant tenant is not the caller's choice; a variable may hold what the function has just made.
  const isNamed = values.some((value) => holds(value, (node) => isParameter(node, around)));
  const narrowing = values.map((value) => strengthOf(value, around)).reduce(stronger, 'nothing');
  if (narrowing !== 'parameter' || !isNamed) return [];
  const perhapsChecked = around.readsContext || around.variablesAreSecret;
  return [{ table, narrowing: perhapsChecked ? 'context' : narrowing, perhapsChecked, writes: true }];
}

function itemsOf(list: unknown): readonly unknown[] {
  return Array.isArray(list) ? (list as readonly unknown[]) : [];
}

function accessesOf(
  statement: Readonly<Record<string, unknown>>,
  writes: boolean,
  around: Surroundings,
): readonly Access[] {
  const { catalog, settings } = around;
  const from = [
    statement['relation'] && { RangeVar: statement['relation'] },
    statement['fromClause'],
    statement['usingClause'],
  ];
  const tables = relationsIn(catalog, withoutSubselects(from)).filter(
    (each) =>
      isAudited(each, settings) && !isShared(each, settings) && tenantColumnOf(each, settings) !== undefined,
  );
  if (tables.length === 0) return [];
  const narrowing = narrowingOf(statement, around);
  const perhapsChecked =
    (narrowing === 'parameter' && around.readsContext) || (narrowing === 'nothing' && around.asksForRight);
  return tables.map((table) => ({
    table,
    narrowing: perhapsChecked ? 'context' : narrowing,
    perhapsChecked,
    writes,
  }));
}

function narrowingOf(statement: Readonly<Record<string, unknown>>, around: Surroundings): Narrowing {
  const conditions: unknown[] = [];
  if (statement['whereClause'] !== undefined) conditions.push(statement['whereClause']);
  everyObject(withoutSubselects(statement['fromClause']), ({ quals }) => {
    if (quals !== undefined) conditions.push(quals);
  });
  if (conditions.length === 0) return 'nothing';
  // A condition may join rows that a sub-select in FROM or WITH has already filtered.
  const sources = [...conditions, statement['fromClause'], statement['withClause']];
  return sources.map((source) => strengthOf(source, around)).reduce(stronger, 'nothing');
}

/** The same tree without sub-selects. */
function withoutSubselects(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(withoutSubselects);
  if (!isObject(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([key]) => key !== 'SelectStmt')
      .map(([key, value]) => [key, withoutSubselects(value)]),
  );
}

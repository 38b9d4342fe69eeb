/**
 * Determines how a query that bypasses row-level security filters tenant rows itself, for the rules about views and
 * SECURITY DEFINER functions.
 */
import type { Catalog, DatabaseFunction, Relation } from './catalog.js';
import { functionsBehind, functionsNamed, settingsIn } from './context.js';
import type { AuditSettings } from './rule.js';
import {
  canonical,
  everyObject,
  isObject,
  nameParts,
  parseProcedure,
  parseStatements,
  queriesIn,
  type Node,
} from './sql-parse.js';
import { isAudited, isRegistry, isShared, relationsIn, tenantColumnOf } from './tenancy.js';

/** The filter of a query: none; a value from its caller; a secret that its caller must know; the caller's context. */
export type Narrowing = 'nothing' | 'parameter' | 'secret' | 'context';

/** One SELECT, UPDATE or DELETE, without the sub-selects in it. */
export interface Access {
  readonly table: Relation;
  readonly narrowing: Narrowing;
  /** It may compare a parameter with the context, or let only administrators read every row. */
  readonly perhapsChecked: boolean;
  readonly writes: boolean;
}

/** The inputs of the check of a body. */
interface Surroundings {
  readonly catalog: Catalog;
  readonly settings: AuditSettings;
  /** The function, whose parameters may be written `function.parameter`. */
  readonly name: string | undefined;
  /** Names of parameters and variables. */
  readonly names: ReadonlySet<string>;
  /** The filters of the queries in WITH, by name. */
  readonly withs: ReadonlyMap<string, Narrowing>;
  /** Variables hold what a look-up by a secret has found. */
  readonly variablesAreSecret: boolean;
  /** Names of parameters. */
  readonly parameters: ReadonlySet<string>;
  /** The body compares the context with something, or passes something to a function that may do so. */
  readonly readsContext: boolean;
  /** The body asks whether the caller has a right that is not for single rows: administrators may read every row. */
  readonly asksForRight: boolean;
}

const SECRET =
  /(magic\w*|fingerprint|hash|token|secret|digest|nonce|signature|password|key|code|otp)(_?(hash|digest|id|value|encrypted))?$/i;
const WHO =
  /\b(current_user|session_user|current_role|auth\.(uid|jwt|role))\b|"SVFOP_(CURRENT|SESSION)_(USER|ROLE)"/i;

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

interface Body {
  readonly statements: readonly Node[];
  readonly variables: readonly string[];
}

function bodyOf(target: DatabaseFunction): Body | undefined {
  if (target.body === undefined || target.definition === undefined) return undefined;
  if (target.language === 'sql') {
    const statements = parseStatements(target.body);
    return statements && { statements, variables: [] };
  }
  const procedure = parseProcedure(target.definition);
  if (procedure === undefined) return salvaged(target.body);
  const statements = queriesIn(withoutEmptyLoops(procedure)).flatMap(
    (query) => parseStatements(query) ?? parseStatements(`SELECT ${query}`) ?? [],
  );
  const variables: string[] = [];
  everyObject(procedure, ({ refname }) => {
    if (typeof refname === 'string') variables.push(refname);
  });
  return { statements, variables };
}

/** Rows that a loop only counts are shown to nobody: `FOR r IN SELECT … LOOP NULL; END LOOP`. */
function withoutEmptyLoops(tree: unknown): unknown {
  if (Array.isArray(tree)) return (tree as readonly unknown[]).map(withoutEmptyLoops);
  if (!isObject(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .filter(
        ([key, loop]) => key !== 'PLpgSQL_stmt_fors' || !isObject(loop) || queriesIn(loop['body']).length > 0,
      )
      .map(([key, value]) => [key, withoutEmptyLoops(value)]),
  );
}

/** The statements of a body that could not be parsed as a whole; undefined when one of them cannot be parsed either. */
function salvaged(body: string): Body | undefined {
  const code = body.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
  const texts = [...code.matchAll(/\b(?:select|with|update|delete|perform)\b[^;]*/gi)].map(([text]) =>
    text
      .replace(/^perform\b/i, 'SELECT')
      .replace(/\binto\s+(?:strict\s+)?[\w.]+(?:\s*,\s*[\w.]+)*/i, '')
      .replace(/\)?\s*\b(?:loop|then)\b[\s\S]*$/i, ''),
  );
  const parsed = texts.map(parseStatements);
  if (!parsed.every((statements) => statements !== undefined)) return undefined;
  const declared = [...code.matchAll(/(?:\bdeclare\b|;)\s*(\w+)\s+(?:constant\s+)?[\w.%]+\s*(?=;|:=)/gi)];
  return { statements: parsed.flat(), variables: declared.map(([, name]) => name!) };
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

/** `v_user := auth.uid()`: variables that hold the context. */
function contextVariables(catalog: Catalog, { body }: DatabaseFunction): ReadonlySet<string> {
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
function hasCheck(tree: unknown, around: Surroundings, variables: ReadonlySet<string>): boolean {
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

const holdsContext =
  (around: Surroundings, variables: ReadonlySet<string>) =>
  (part: unknown): boolean =>
    holds(part, (node) => {
      if ('FuncCall' in node) return readsContext(node, around);
      if ('SQLValueFunction' in node) return WHO.test(canonical(node));
      return 'ColumnRef' in node && variables.has(nameParts(node.ColumnRef.fields)[0] ?? '');
    });

/** `is_admin()`, `has_role(auth.uid(), 'admin')`: a question about the caller that names no row. */
function asksForRight(
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

/** The functions of the project; current_setting(p_name) decides nothing. */
function ownFunctions(
  node: Extract<Node, { FuncCall: unknown }>,
  { catalog }: Surroundings,
): readonly DatabaseFunction[] {
  const parts = nameParts(node.FuncCall.funcname);
  return functionsNamed(catalog, parts.at(-1) ?? '', parts.length > 1 ? parts.at(-2) : undefined);
}

function isContextual(catalog: Catalog, target: DatabaseFunction): boolean {
  return functionsBehind(catalog, target).some(
    ({ body }) => settingsIn(body).length > 0 || WHO.test(body ?? ''),
  );
}

function holds(tree: unknown, test: (node: Node) => boolean): boolean {
  let found = false;
  everyObject(tree, (object) => {
    found ||= test(object as unknown as Node);
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

function hasSecretTest(tree: unknown, around: Surroundings): boolean {
  return holds(tree, (node) => 'A_Expr' in node && isSecretTest(node, around));
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

const STRENGTHS: readonly Narrowing[] = ['nothing', 'parameter', 'secret', 'context'];

function stronger(a: Narrowing, b: Narrowing): Narrowing {
  return STRENGTHS.indexOf(a) >= STRENGTHS.indexOf(b) ? a : b;
}

function strengthOf(tree: unknown, around: Surroundings): Narrowing {
  let strength: Narrowing = 'nothing';
  everyObject(tree, (object) => {
    const node = object as unknown as Node;
    if ('FuncCall' in node && readsContext(node, around)) strength = 'context';
    if ('SQLValueFunction' in node && WHO.test(canonical(node))) strength = 'context';
    if (isGiven(node, around)) {
      const isSecret = around.variablesAreSecret && !isParameter(node, around);
      strength = stronger(strength, isSecret ? 'secret' : 'parameter');
    }
    if ('ColumnRef' in node) {
      const [first, ...more] = nameParts(node.ColumnRef.fields);
      if (more.length > 0) strength = stronger(strength, around.withs.get(first ?? '') ?? 'nothing');
    }
    if ('RangeVar' in node && node.RangeVar.schemaname === undefined) {
      strength = stronger(strength, around.withs.get(node.RangeVar.relname ?? '') ?? 'nothing');
    }
    if ('A_Expr' in node && isSecretTest(node, around)) strength = stronger(strength, 'secret');
  });
  return strength;
}

function readsContext(node: Extract<Node, { FuncCall: unknown }>, { catalog }: Surroundings): boolean {
  const parts = nameParts(node.FuncCall.funcname);
  const name = parts.at(-1) ?? '';
  if (name === 'current_setting' || parts[0] === 'auth') return true;
  return functionsNamed(catalog, name, parts.length > 1 ? parts.at(-2) : undefined).some((target) =>
    isContextual(catalog, target),
  );
}

/** A parameter or a variable of the function. */
function isGiven(node: Node, { name, names }: Surroundings): boolean {
  if ('ParamRef' in node) return true;
  if (!('ColumnRef' in node)) return false;
  const [first, second] = nameParts(node.ColumnRef.fields);
  return names.has(first ?? '') || (first === name && names.has(second ?? ''));
}

function isParameter(node: Node, { name, parameters }: Surroundings): boolean {
  if (!('ColumnRef' in node)) return 'ParamRef' in node;
  const [first, second] = nameParts(node.ColumnRef.fields);
  return parameters.has(first ?? '') || (first === name && parameters.has(second ?? ''));
}

/** `token_hash = $1`: the caller must know the secret. */
function isSecretTest(node: Extract<Node, { A_Expr: unknown }>, around: Surroundings): boolean {
  if (nameParts(node.A_Expr.name)[0] !== '=') return false;
  const sides = [node.A_Expr.lexpr, node.A_Expr.rexpr];
  const hasSecret = sides.some(
    (side) =>
      side !== undefined &&
      'ColumnRef' in side &&
      !isGiven(side, around) &&
      SECRET.test(nameParts(side.ColumnRef.fields).at(-1) ?? ''),
  );
  return hasSecret && sides.some((side) => holdsGiven(side, around));
}

function holdsGiven(tree: unknown, around: Surroundings): boolean {
  return holds(tree, (node) => isGiven(node, around));
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

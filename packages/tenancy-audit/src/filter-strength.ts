/** How strongly a part of a query filters rows: by nothing, by what its caller gives, by a secret, by who the caller is. */
import type { Catalog, DatabaseFunction } from './catalog.js';
import { functionsBehind, functionsNamed, settingsIn } from './context.js';
import type { AuditSettings } from './rule.js';
import { type Node, canonical, everyObject, nameParts } from './sql-parse.js';

/** The filter of a query: none; a value from its caller; a secret that its caller must know; the caller's context. */
export type Narrowing = 'nothing' | 'parameter' | 'secret' | 'context';

/** The inputs of the check of a body. */
export interface Surroundings {
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

export const WHO =
  /\b(current_user|session_user|current_role|auth\.(uid|jwt|role))\b|"SVFOP_(CURRENT|SESSION)_(USER|ROLE)"/i;

/** The functions of the project; current_setting(p_name) decides nothing. */
export function ownFunctions(
  node: Extract<Node, { FuncCall: unknown }>,
  { catalog }: Surroundings,
): readonly DatabaseFunction[] {
  const parts = nameParts(node.FuncCall.funcname);
  return functionsNamed(catalog, parts.at(-1) ?? '', parts.length > 1 ? parts.at(-2) : undefined);
}

/** Whether a function reads the context, directly or through others. */
export function isContextual(catalog: Catalog, target: DatabaseFunction): boolean {
  return functionsBehind(catalog, target).some(
    ({ body }) => settingsIn(body).length > 0 || WHO.test(body ?? ''),
  );
}

/** Whether a node in a tree passes the test. */
export function holds(tree: unknown, test: (node: Node) => boolean): boolean {
  let found = false;
  everyObject(tree, (object) => {
    found ||= test(object as unknown as Node);
  });
  return found;
}

/** Whether a secret is compared with what the caller gives. */
export function hasSecretTest(tree: unknown, around: Surroundings): boolean {
  return holds(tree, (node) => 'A_Expr' in node && isSecretTest(node, around));
}

const STRENGTHS: readonly Narrowing[] = ['nothing', 'parameter', 'secret', 'context'];

/** The stronger of two filters. */
export function stronger(a: Narrowing, b: Narrowing): Narrowing {
  return STRENGTHS.indexOf(a) >= STRENGTHS.indexOf(b) ? a : b;
}

/** The strongest filter in a part of a query. */
export function strengthOf(tree: unknown, around: Surroundings): Narrowing {
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

/** Whether a call reads the context of the caller. */
export function readsContext(node: Extract<Node, { FuncCall: unknown }>, { catalog }: Surroundings): boolean {
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

/** Whether it is a parameter of the function. */
export function isParameter(node: Node, { name, parameters }: Surroundings): boolean {
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

/** Whether a parameter or a variable is in it. */
export function holdsGiven(tree: unknown, around: Surroundings): boolean {
  return holds(tree, (node) => isGiven(node, around));
}

/** The values of expressions that hold no others, and of what PostgreSQL and a project’s opaque functions tell about the caller. */
import type { DatabaseFunction } from './catalog.js';
import { findRole, inheritedRoles, memberRoles } from './privileges.js';
import { type Node, canonical, isObject } from './sql-parse.js';
import {
  ERROR,
  NO_COLUMNS,
  NULL,
  type Place,
  type Value,
  asUnknown,
  columnText,
  isTrue,
  known,
  unknown,
} from './values.js';

/** current_user, session_user, current_date: they depend on the caller or the time. */
export function valueFunction(node: Extract<Node, { SQLValueFunction: unknown }>, { caller }: Place): Value {
  const operation = node.SQLValueFunction.op ?? '';
  const who = /USER|ROLE/.test(operation);
  const name = operation === 'SVFOP_SESSION_USER' ? caller?.session : caller?.user;
  if (who && name !== undefined) return { kind: 'known', value: name, ofCaller: true };
  return { kind: 'unknown', columns: NO_COLUMNS, context: who, text: canonical(node) };
}

/** The value of a column, or of a parameter of this name. */
export function column(parts: readonly string[], place: Place): Value {
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

/** The elements of `ARRAY['a', 'b']`, as which PostgreSQL writes `IN ('a', 'b')`, or of `'{a,b}'::text[]`. */
export function membersOf(node: Node | undefined): readonly Node[] | undefined {
  if (!node) return undefined;
  if ('TypeCast' in node) return membersOf(node.TypeCast.arg);
  if ('A_ArrayExpr' in node) return node.A_ArrayExpr.elements ?? [];
  const text = 'A_Const' in node ? node.A_Const.sval?.sval : undefined;
  const items = text === undefined ? undefined : /^\{([^"{}]*)\}$/.exec(text)?.[1];
  return items?.split(',').map((sval): Node => ({ A_Const: { sval: { sval } } }));
}

export const VOLATILE = /^(random|gen_random_uuid|uuidv[47]|clock_timestamp|nextval|timeofday)$/;

/** pg_has_role([user,] role, privilege); undefined when an argument is not known. */
export function hasRole(args: readonly Value[], { catalog, caller }: Place): Value | undefined {
  const texts = args.map((each) => (each.kind === 'known' ? String(each.value) : undefined));
  const [user, role, privilege] = args.length === 2 ? [caller?.user, ...texts] : texts;
  if (user === undefined || role === undefined || privilege === undefined) return undefined;
  const found = findRole(catalog, user);
  if (!found || !findRole(catalog, role)) return ERROR;
  const roles = /^usage/i.test(privilege) ? inheritedRoles(catalog, user) : memberRoles(catalog, user);
  return known(found.superuser || roles.has(role));
}

/** current_setting(name, missing_ok). */
export function setting([named, missingOk]: readonly Value[], node: Node, place: Place): Value {
  const role = place.caller && findRole(place.catalog, place.caller.user);
  if (role && named?.kind === 'known' && named.value === 'is_superuser')
    return known(role.superuser ? 'on' : 'off');
  if (place.situation === 'bound') {
    return { kind: 'unknown', columns: NO_COLUMNS, context: true, text: canonical(node) };
  }
  if (place.situation === 'empty') return known('');
  return missingOk && isTrue(missingOk) ? NULL : ERROR;
}

/** Functions of extensions, and of Supabase. */
export function isPlatforms({ extension, schema }: DatabaseFunction): boolean {
  return extension !== undefined || /^(auth|storage|extensions)$/.test(schema);
}

export const WHO = /\b(current_user|session_user|current_role|auth\.(uid|jwt|role)|pg_has_role)\b/i;

/** A function of which only two facts are known: whether it reads the context, and whether it may raise an error. */
export function opaque(
  args: readonly Value[],
  context: boolean,
  node: Node,
  place: Place,
  raises: boolean,
): Value {
  const value = asUnknown(unknown(args, node));
  if (args.some(({ kind }) => kind === 'error')) return ERROR;
  if (!context) return value;
  if (place.situation === 'bound') return { ...value, context: true };
  if (raises) return ERROR;
  return value.columns.size > 0 ? { ...value, context: true } : NULL;
}

/** The conditions of inner joins. */
export function innerJoinConditions(from: readonly Node[]): readonly Node[] {
  return from.flatMap((node) => {
    if (!('JoinExpr' in node)) return [];
    const { jointype, quals, larg, rarg } = node.JoinExpr;
    const own = jointype === 'JOIN_INNER' && quals ? [quals] : [];
    return [...own, ...innerJoinConditions([...(larg ? [larg] : []), ...(rarg ? [rarg] : [])])];
  });
}

/** The nodes directly inside a node. */
export function children(node: Node): readonly Node[] {
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

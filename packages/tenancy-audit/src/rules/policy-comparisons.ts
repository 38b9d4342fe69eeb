/** T22, T23: what policies compare the tenant with. */
import type { Catalog, Policy, Relation } from '../catalog.js';
import { functionsBehind, functionsNamed, settingsIn } from '../context.js';
import type { Finding } from '../finding.js';
import { findRole, loginsOf, mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { type Node, everyObject, isObject, nameParts, parseExpression } from '../sql-parse.js';
import { list } from '../sql-text.js';
import { tenantTables } from '../tenancy.js';

interface TenantPolicy {
  readonly table: Relation;
  /** The name of the tenant column. */
  readonly column: string;
  readonly policy: Policy;
}

/** The policies of tenant tables that apply to the application. */
export function tenantPolicies(catalog: Catalog, settings: AuditSettings): readonly TenantPolicy[] {
  return tenantTables(catalog, settings).flatMap(({ table, column }) =>
    settings.appRoles.some((role) => mayUse(catalog, role, table, 'SELECT', 'INSERT', 'UPDATE', 'DELETE'))
      ? table.policies.map((policy) => ({ table, column: column.name, policy }))
      : [],
  );
}

/** The expressions of a policy, each once. */
export function expressionsOf({ using, check }: Policy): readonly string[] {
  return [...new Set([using, check])].filter((expression) => expression !== undefined);
}

interface Comparison {
  readonly operator: string;
  readonly left: unknown;
  readonly right: unknown;
}

/** Every comparison in an expression, including those in sub-selects. */
function comparisonsIn(expression: string): readonly Comparison[] {
  const found: Comparison[] = [];
  everyObject(parseExpression(expression), ({ A_Expr: comparison }) => {
    if (!isObject(comparison) || !Array.isArray(comparison['name'])) return;
    const operator = nameParts(comparison['name'] as readonly Node[]).at(-1) ?? '';
    found.push({ operator, left: comparison['lexpr'], right: comparison['rexpr'] });
  });
  return found;
}

/** Whether a side of a comparison is the table's own column, perhaps cast to another type. */
function isColumn(side: unknown, table: Relation, column: string): boolean {
  const plain = withoutCasts(side);
  if (!isObject(plain) || !isObject(plain['ColumnRef'])) return false;
  const parts = nameParts(plain['ColumnRef']['fields'] as readonly Node[]);
  return parts.at(-1) === column && (parts.length === 1 || parts.at(-2) === table.name);
}

function withoutCasts(side: unknown): unknown {
  if (!isObject(side)) return side;
  if (isObject(side['TypeCast'])) return withoutCasts(side['TypeCast']['arg']);
  return isObject(side['CollateClause']) ? withoutCasts(side['CollateClause']['arg']) : side;
}

/** The expressions with which the column is compared, by one of these operators. */
function comparedWith(each: TenantPolicy, expression: string, operators: RegExp): readonly unknown[] {
  return comparisonsIn(expression).flatMap(({ operator, left, right }) => {
    if (!operators.test(operator)) return [];
    if (isColumn(left, each.table, each.column)) return [right];
    return isColumn(right, each.table, each.column) ? [left] : [];
  });
}

/** The functions that a part of an expression calls, by name, except `current_setting`, which has no body. */
function callsIn(
  tree: unknown,
): readonly { readonly name: readonly string[]; readonly call: Readonly<Record<string, unknown>> }[] {
  const found: { name: readonly string[]; call: Readonly<Record<string, unknown>> }[] = [];
  everyObject(tree, ({ FuncCall: call }) => {
    if (isObject(call)) found.push({ name: nameParts(call['funcname'] as readonly Node[]), call });
  });
  return found;
}

/** The settings that a part of an expression depends on, directly or through functions. */
export function settingsBehind(catalog: Catalog, tree: unknown): readonly string[] {
  return callsIn(tree).flatMap(({ name, call }) => {
    if (name.at(-1) === 'current_setting') return constantsIn(call['args']).slice(0, 1);
    return functionsNamed(catalog, name.at(-1) ?? '', name.at(-2))
      .flatMap((each) => functionsBehind(catalog, each))
      .flatMap(({ body }) => settingsIn(body));
  });
}

/** The literals in a tree, in lower case. */
function constantsIn(tree: unknown): readonly string[] {
  const found: string[] = [];
  everyObject(tree, ({ A_Const: constant }) => {
    const text = isObject(constant) && isObject(constant['sval']) ? constant['sval']['sval'] : undefined;
    if (typeof text === 'string') found.push(text.toLowerCase());
  });
  return found;
}

export const fragileKey: CatalogRule = {
  id: 'T22',
  title: 'Policy keyed on something other than the bound tenant',
  severity: 'major',
  why:
    'A pool connects as one role, so that all tenants are the same to a policy on the role; a pattern in the setting ' +
    'matches as many tenants as it likes.',
  check(catalog, settings): readonly Finding[] {
    return tenantPolicies(catalog, settings).flatMap((each) => {
      const reasons = expressionsOf(each.policy).flatMap((expression) => [
        ...roleKeys(catalog, each, expression, settings),
        ...patternKeys(catalog, each, expression),
      ]);
      if (reasons.length === 0) return [];
      return [
        {
          rule: fragileKey,
          object: each.policy.qualified,
          evidence: `${[...new Set(reasons)].join('; ')}: ${expressionsOf(each.policy).join(' / ')}`,
          advice: `Compare ${each.column} by = with a setting that is bound for the transaction.`,
        },
      ];
    });
  },
};

/**
 * One database role per tenant is a valid design; then there is not one role for the whole application, or a role that
 * only groups those of the tenants, as which nobody logs in.
 */
function roleKeys(
  catalog: Catalog,
  each: TenantPolicy,
  expression: string,
  { appRoles: [role, ...more] }: AuditSettings,
): string[] {
  if (role === undefined || more.length > 0) return [];
  if (findRole(catalog, role)?.login === false && loginsOf(catalog, role).length === 0) return [];
  const keyed = comparedWith(each, expression, /^=$/).some((side) => {
    let found = false;
    everyObject(side, ({ SQLValueFunction: value }) => {
      if (isObject(value) && /USER|ROLE/.test(String(value['op']))) found = true;
    });
    return found;
  });
  return keyed ? [`it compares ${each.column} with the database role, and the application has one`] : [];
}

function patternKeys(catalog: Catalog, each: TenantPolicy, expression: string): string[] {
  const keyed = comparedWith(each, expression, /^!?~{1,2}\*?$/).some(
    (side) => settingsBehind(catalog, side).length > 0,
  );
  return keyed ? [`it matches ${each.column} with a pattern that comes from the setting`] : [];
}

/** PostgreSQL's own settings with which a policy may compare. */
const SERVER_SETTINGS = /^(?:role|session_authorization|application_name|search_path|is_superuser)$/;

export const disagreeingSettings: CatalogRule = {
  id: 'T23',
  title: 'Tables take the tenant from different settings',
  severity: 'major',
  why: 'Binding one setting leaves the tables of the other unbound, or bound to the tenant of another request.',
  check(catalog, settings): readonly Finding[] {
    const compared = tenantPolicies(catalog, settings).flatMap((each) => {
      const names = expressionsOf(each.policy).flatMap((expression) =>
        comparedWith(each, expression, /^=$/).flatMap((side) => settingsBehind(catalog, side)),
      );
      const own = [...new Set(names)].filter((name) => !SERVER_SETTINGS.test(name)).map(ofToken);
      return own.length === 0 ? [] : [{ each, names: own }];
    });
    const usual = usualSetting(
      compared.map(({ names }) => names),
      settings,
    );
    return compared.flatMap(({ each, names }) => {
      const unqualified = names.find((name) => !name.includes('.'));
      if (unqualified === undefined && (usual === undefined || names.includes(usual))) return [];
      return [
        {
          rule: disagreeingSettings,
          object: each.policy.qualified,
          evidence:
            unqualified === undefined
              ? `it reads ${list(names)}; most policies, and the application, read ${usual ?? 'another'}`
              : `it reads ${unqualified}: a setting of one’s own needs a name of two parts, such as app.${unqualified}`,
          advice: 'Read one setting everywhere, best through one function.',
        },
      ];
    });
  },
};

/** PostgREST sets the claims of one verified token as one setting, formerly one for each claim: they never disagree. */
function ofToken(name: string): string {
  return /^request\.jwt\.claims?(\.|$)/.test(name) ? 'request.jwt.claims' : name;
}

function usualSetting(names: readonly (readonly string[])[], settings: AuditSettings): string | undefined {
  const [given, ...more] = settings.tenantSettings;
  if (given !== undefined && more.length === 0) return ofToken(given);
  const counts = new Map<string, number>();
  for (const name of names.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0];
}

/** T24, T31: how policies read the setting that they compare with. */
import type { Catalog, DatabaseFunction, Policy, Relation } from '../catalog.js';
import { functionsOfPolicy } from '../context.js';
import type { Finding } from '../finding.js';
import type { CatalogRule } from '../rule.js';
import { type Node, everyObject, isObject, nameParts, parseExpression } from '../sql-parse.js';
import { list, quoteName } from '../sql-text.js';
import { expressionsOf, settingsBehind, tenantPolicies } from './policy-comparisons.js';

/** `current_setting('x', true)` followed directly by a cast; within NULLIF or COALESCE a comma follows. */
const BARE_CAST =
  /current_setting\s*\(\s*'[^']+'(?:\s*::\s*text)?\s*,\s*true\s*\)\s*\)*\s*::\s*(?!text\b|character varying\b|varchar\b)[\w.]+/i;

const SETTING_CALL = /current_setting\s*\(\s*'[^']+'(?:\s*::\s*text)?\s*,\s*true\s*\)/gi;

export const castWithoutNullif: CatalogRule = {
  id: 'T24',
  title: 'Setting cast without NULLIF',
  severity: 'major',
  why:
    'After a transaction-local setting has ended it is an empty string, not NULL. The cast of that raises an error: on a ' +
    'pooled connection an unbound query works or fails by who used the connection before.',
  check(catalog, settings): readonly Finding[] {
    const functions = new Map<DatabaseFunction, Finding>();
    const policies: Finding[] = [];
    for (const { table, policy } of tenantPolicies(catalog, settings)) {
      const cast = expressionsOf(policy).find((expression) => BARE_CAST.test(expression));
      if (cast !== undefined) {
        policies.push({
          rule: castWithoutNullif,
          object: policy.qualified,
          evidence: cast,
          fix: alteredPolicy(table, policy, (text) =>
            text.replaceAll(SETTING_CALL, (call) => `NULLIF(${call}, '')`),
          ),
        });
      }
      for (const each of functionsOfPolicy(catalog, policy)) {
        const found = BARE_CAST.exec(each.body ?? '');
        if (!found || each.extension !== undefined) continue;
        functions.set(each, {
          rule: castWithoutNullif,
          object: each.signature,
          evidence: `${found[0]} in its body, which ${policy.qualified} uses`,
          advice: "Cast NULLIF(current_setting(…, true), '') instead.",
        });
      }
    }
    return [...policies, ...functions.values()];
  },
};

function alteredPolicy(
  table: Relation,
  { name, using, check }: Policy,
  change: (text: string) => string,
): string {
  const parts = [
    using === undefined ? '' : ` USING (${change(using)})`,
    check === undefined ? '' : ` WITH CHECK (${change(check)})`,
  ];
  return `ALTER POLICY ${quoteName(name)} ON ${table.qualified}${parts.join('')};`;
}

export const evaluatedPerRow: CatalogRule = {
  id: 'T31',
  title: 'Setting read once for each row',
  severity: 'minor',
  why: 'Within (SELECT …) PostgreSQL evaluates it once for a query; without, once for every row that it looks at.',
  check(catalog, settings): readonly Finding[] {
    // Distributed tables do not support sub-selects in policies.
    if (catalog.functions.some(({ extension }) => extension === 'citus')) return [];
    return tenantPolicies(catalog, settings).flatMap(({ table, policy }) => {
      const calls = policy.using === undefined ? [] : bareContextCalls(catalog, policy.using);
      if (calls.length === 0) return [];
      return [
        {
          rule: evaluatedPerRow,
          object: policy.qualified,
          evidence: `${list([...new Set(calls)])} in ${policy.using ?? ''}`,
          fix: alteredPolicy(table, policy, wrapped(calls)),
        },
      ];
    });
  },
};

/** The names of functions that read a setting outside of sub-selects, and do not depend on the row. */
function bareContextCalls(catalog: Catalog, expression: string): readonly string[] {
  const found: string[] = [];
  everyObject(parseExpression(expression), (object) => {
    if ('SubLink' in object) return false;
    const call = object['FuncCall'];
    if (!isObject(call)) return true;
    const name = nameParts(call['funcname'] as readonly Node[]);
    const readsRow = JSON.stringify(call['args'] ?? []).includes('"ColumnRef"');
    if (!readsRow && settingsBehind(catalog, { FuncCall: call }).length > 0) found.push(name.join('.'));
    return false;
  });
  return found;
}

/** Wraps the calls in sub-selects: `current_setting('…'[, true])`, or functions without arguments. */
function wrapped(names: readonly string[]): (text: string) => string {
  return (text) =>
    [...new Set(names)].reduce((changed, name) => {
      const call = new RegExp(
        `(?<![\\w.])${name.replaceAll('.', '\\.')}\\(\\s*(?:'[^']*'(?:::text)?(?:,\\s*true)?)?\\s*\\)`,
        'g',
      );
      return changed.replaceAll(call, (found) => `(SELECT ${found})`);
    }, text);
}

/** T32, T34: tables without a policy that permits rows, and redundant policies. */
import { PUBLIC, type Catalog, type Policy, type Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import { appliesTo, granteesOf, mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';
import { isAudited, isTable } from '../tenancy.js';

const COMMANDS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;

export const noPermissivePolicy: CatalogRule = {
  id: 'T32',
  title: 'Row-level security without a policy that permits anything',
  severity: 'minor',
  why: 'The application was granted the table, and sees none of its rows: a policy is missing, or the grant is one too many.',
  check(catalog, settings): readonly Finding[] {
    return protectedTables(catalog, settings).flatMap((table) => {
      const barred = settings.appRoles.filter((role) => {
        const granted = COMMANDS.filter((command) => mayUse(catalog, role, table, command));
        return (
          granted.length > 0 &&
          granted.every((command) => permissive(catalog, table, role, command).length === 0)
        );
      });
      // A partition is accessed through its table, whose policies apply.
      if (barred.length === 0 || table.parents.length > 0) return [];
      return [
        {
          rule: noPermissivePolicy,
          object: table.qualified,
          evidence: `${barred.join(', ')} may use it, and none of its ${String(table.policies.length)} policies permits a row`,
          fix: `REVOKE ALL ON ${table.qualified} FROM ${granteesOf(catalog, barred, table, [...COMMANDS]).join(', ')};`,
          advice: 'Or create the policy that was meant: CREATE POLICY … USING (the tenant is the bound one).',
        },
      ];
    });
  },
};

export const redundantPolicy: CatalogRule = {
  id: 'T34',
  title: 'Permissive policy that another one repeats',
  severity: 'minor',
  why: 'Either of the two lets a row through: whoever tightens one changes nothing, and believes to have.',
  // PostgreSQL combines permissive policies with OR; each is checked alone.
  check(catalog, settings): readonly Finding[] {
    return protectedTables(catalog, settings).flatMap((table) => {
      const policies = table.policies.filter(
        (policy) => policy.permissive && (policy.using ?? policy.check) !== undefined,
      );
      return policies.flatMap((policy, index) => {
        const other = policies.find(
          (each, at) => each !== policy && covers(each, policy) && !(covers(policy, each) && at > index),
        );
        if (!other) return [];
        return [
          {
            rule: redundantPolicy,
            object: policy.qualified,
            evidence: `${other.name} says the same for ${policy.command === 'ALL' ? 'every command' : policy.command}: ${policy.using ?? policy.check ?? ''}`,
            fix: `DROP POLICY ${quoteName(policy.name)} ON ${table.qualified};`,
          },
        ];
      });
    });
  },
};

/**
 * Whether one policy permits everything that another does, for the same commands and roles, by the same expressions.
 */
function covers(one: Policy, other: Policy): boolean {
  const sameRoles = one.roles.includes(PUBLIC) || other.roles.every((role) => one.roles.includes(role));
  if (!sameRoles || !(one.command === 'ALL' || one.command === other.command)) return false;
  const check = one.check ?? one.using;
  if (other.command === 'SELECT' || other.command === 'DELETE') return one.using === other.using;
  if (other.command === 'INSERT') return check === other.check;
  return one.using === other.using && check === (other.check ?? other.using);
}

function protectedTables(catalog: Catalog, settings: AuditSettings): readonly Relation[] {
  return catalog.relations.filter(
    (relation) => isTable(relation) && relation.rowSecurity && isAudited(relation, settings),
  );
}

function permissive(
  catalog: Catalog,
  table: Relation,
  role: string,
  command: (typeof COMMANDS)[number],
): readonly Policy[] {
  return table.policies.filter(
    (policy) =>
      policy.permissive &&
      (policy.command === 'ALL' || policy.command === command) &&
      // Without an expression it permits nothing.
      (command === 'INSERT' ? (policy.check ?? policy.using) : policy.using) !== undefined &&
      appliesTo(catalog, policy, role),
  );
}

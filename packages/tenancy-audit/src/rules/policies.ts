/** T04, T05, T06, T12: policies that permit too much. */
import type { Catalog, Policy } from '../catalog.js';
import { functionsOfPolicy, settingsIn } from '../context.js';
import type { Finding } from '../finding.js';
import { isWeaker } from '../grades.js';
import { callerOf, expressionOf, gradeOf, opensWithoutContext, policiesFor } from '../policies.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import { type TenantTable, tenantTables } from '../tenancy.js';
import { usualExpression } from '../usual-policy.js';
import { type Deciding, WORDS, deciding, weakest } from './deciding.js';
import { openBesides } from './open-besides.js';

export const openPolicy: CatalogRule = {
  id: 'T04',
  title: 'Policy that shows every tenant’s rows',
  severity: 'critical',
  why: 'Permissive policies are joined with OR: one that is always true undoes all the others on its table.',
  check(catalog, settings): readonly Finding[] {
    const ofTenants = deciding(catalog, settings, 'using').flatMap((each): readonly Finding[] => {
      const { tenant, policy, commands } = each;
      if (policy.using === undefined) return [];
      const { grade, roles } = weakest(catalog, settings, tenant.table, policy.using, each.roles);
      const changes = commands.filter((command) => command === 'UPDATE' || command === 'DELETE');
      // Rows that are visible to everybody because of their values were published; rows that everybody may change were
      // not.
      const isOpen = isWeaker(grade, 'row') || (grade === 'row' && changes.length > 0);
      if (!isOpen) return [];
      return [
        {
          rule: openPolicy,
          object: policy.qualified,
          evidence: `USING (${policy.using}) ${WORDS[grade] ?? grade}; it decides on ${list(commands)} of ${list(roles)}`,
          ...(grade === 'weak' || grade === 'row'
            ? publishing(policy, tenant)
            : closing(catalog, settings, each)),
        },
      ];
    });
    return [...ofTenants, ...openBesides(catalog, settings, openPolicy)];
  },
};

/** Drops it if other policies still admit the tenant's own rows, else lets it compare the tenant. */
function closing(catalog: Catalog, settings: AuditSettings, each: Deciding): Pick<Finding, 'fix' | 'advice'> {
  const { tenant, policy } = each;
  const name = quoteName(policy.name);
  if (!isNeeded(catalog, settings, each)) {
    return { fix: `DROP POLICY ${name} ON ${tenant.table.qualified};` };
  }
  const expression = usualExpression(catalog, settings, tenant);
  if (expression === undefined) {
    return {
      advice:
        `Let it compare ${tenant.column.name} with the tenant of the transaction. Dropping it alone would leave ` +
        `${list(each.roles)} without a row.`,
    };
  }
  const check = policy.check === undefined ? '' : ` WITH CHECK ${expression}`;
  return { fix: `ALTER POLICY ${name} ON ${tenant.table.qualified} USING ${expression}${check};` };
}

/** Whether a role would have no policy left for one of the commands: other open policies are closed as well. */
function isNeeded(
  catalog: Catalog,
  settings: AuditSettings,
  { tenant: { table }, policy, commands, roles }: Deciding,
): boolean {
  return roles.some((role) =>
    commands.some((command) => {
      const { permissive } = policiesFor(catalog, table, role, command);
      return !permissive.some((other) => {
        const expression = expressionOf(other, command === 'INSERT' ? 'check' : 'using');
        return (
          other !== policy &&
          expression !== undefined &&
          gradeOf(catalog, settings, table, expression, callerOf(catalog, role)) === 'linked'
        );
      });
    }),
  );
}

/** Its rows may be public on purpose. */
function publishing({ name }: Policy, { table, column }: TenantTable): Pick<Finding, 'fix' | 'advice'> {
  return {
    advice:
      `Compare ${column.name} as well. Where these rows are meant for all tenants, say why: ` +
      `COMMENT ON POLICY ${quoteName(name)} ON ${table.qualified} IS '@tenancy shared: …'`,
  };
}

export const opensWithoutTenant: CatalogRule = {
  id: 'T05',
  title: 'Policy that opens when no tenant is set',
  severity: 'critical',
  why: 'A query that forgot to bind its tenant should see nothing; here it sees the rows of all tenants.',
  check(catalog, settings): readonly Finding[] {
    const found = new Map<Policy, Finding>();
    for (const part of ['using', 'check'] as const) {
      for (const { tenant, policy, roles } of deciding(catalog, settings, part)) {
        const expression = policy[part];
        if (expression === undefined || found.has(policy)) continue;
        // T04 or T06 report policies that are open anyway.
        if (isWeaker(weakest(catalog, settings, tenant.table, expression, roles).grade, 'weak')) continue;
        const opened = roles.flatMap((role) => {
          const caller = callerOf(catalog, role);
          const situation = opensWithoutContext(catalog, settings, tenant.table, expression, caller);
          return situation === undefined ? [] : [{ role, situation }];
        });
        const [first] = opened;
        if (!first) continue;
        found.set(policy, {
          rule: opensWithoutTenant,
          object: policy.qualified,
          evidence:
            `${part === 'using' ? 'USING' : 'WITH CHECK'} (${expression}) is true for every row when the setting is ` +
            (first.situation === 'unset'
              ? 'unset (NULL)'
              : "'', as it is after a transaction-local setting has ended") +
            `; it decides for ${list(opened.map(({ role }) => role))}`,
          advice:
            'Take the part that admits a missing setting out, so that the comparison is NULL or raises an error then. ' +
            'Work across tenants belongs to a role of its own.',
        });
      }
    }
    return [...found.values()];
  },
};

const READS_SESSION = /\b(current_user|session_user|current_role|auth\.(uid|jwt|role))\b/i;

export const immutableContext: CatalogRule = {
  id: 'T12',
  title: 'IMMUTABLE function that reads the session, in a policy',
  severity: 'critical',
  why: 'PostgreSQL may replace an IMMUTABLE function by its result when it plans, and use that plan for the next tenant.',
  check(catalog, settings): readonly Finding[] {
    const used = new Map(
      tenantTables(catalog, settings).flatMap(({ table }) =>
        table.policies.flatMap((policy) =>
          functionsOfPolicy(catalog, policy).map((each) => [each, policy] as const),
        ),
      ),
    );
    return [...used].flatMap(([target, policy]) => {
      if (target.volatility !== 'immutable') return [];
      const read = settingsIn(target.body);
      if (read.length === 0 && !READS_SESSION.test(target.body ?? '')) return [];
      return [
        {
          rule: immutableContext,
          object: target.signature,
          evidence: `IMMUTABLE, but it reads ${read.length > 0 ? list(read) : 'who is connected'}; ${policy.qualified} calls it`,
          fix: `ALTER FUNCTION ${target.signature} STABLE;`,
        },
      ];
    });
  },
};

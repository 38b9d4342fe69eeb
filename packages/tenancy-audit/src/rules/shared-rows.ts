/** T44: rows of no tenant, which all tenants see, and which each of them may write. */
import type { Catalog, Policy } from '../catalog.js';
import type { Finding } from '../finding.js';
import { admitsRowWithout, callerOf, expressionOf, judgedRoles, policiesFor } from '../policies.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import { declaration, tenantTables, type TenantTable } from '../tenancy.js';
import { usualExpression } from '../usual-policy.js';

const CHANGES = ['INSERT', 'UPDATE', 'DELETE'] as const;
type Change = (typeof CHANGES)[number];

export const writableSharedRows: CatalogRule = {
  id: 'T44',
  title: 'Rows that all tenants share may be written by each',
  severity: 'critical',
  why: 'What one tenant writes into a row without a tenant, every other tenant reads as if it came from the vendor.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap((tenant) => {
      const { table, column } = tenant;
      if (!table.rowSecurity || column.notNull || tenant.isRegistry) return [];
      return table.policies.flatMap((policy) => {
        if (!policy.permissive || declaration(policy.comment, 'shared') !== undefined) return [];
        const roles = judgedRoles(catalog, settings, table).filter(
          (role) => changesBy(catalog, settings, tenant, policy, role).length > 0,
        );
        if (roles.length === 0) return [];
        const changes = new Set(roles.flatMap((role) => changesBy(catalog, settings, tenant, policy, role)));
        return [
          {
            rule: writableSharedRows,
            object: policy.qualified,
            evidence:
              `it lets ${list(roles)} ${list([...changes])} rows whose ${column.name} is NULL: ` +
              (policy.using ?? policy.check ?? ''),
            ...mended(catalog, settings, tenant, policy),
          },
        ];
      });
    });
  },
};

function changesBy(
  catalog: Catalog,
  settings: AuditSettings,
  { table, column }: TenantTable,
  policy: Policy,
  role: string,
): readonly Change[] {
  const caller = callerOf(catalog, role);
  const admits = (expression: string | undefined): boolean =>
    expression !== undefined && admitsRowWithout(catalog, settings, table, column.name, expression, caller);
  return CHANGES.filter((change) => {
    const { permissive, restrictive } = policiesFor(catalog, table, role, change);
    if (!permissive.includes(policy) || !mayUse(catalog, role, table, change)) return false;
    const part = change === 'INSERT' ? 'check' : 'using';
    if (restrictive.some((each) => !admits(expressionOf(each, part)))) return false;
    return admits(expressionOf(policy, part));
  });
}

/** Two policies: one to read the shared rows, one for the own ones. */
function mended(
  catalog: Catalog,
  settings: AuditSettings,
  tenant: TenantTable,
  policy: Policy,
): Pick<Finding, 'fix' | 'advice'> {
  const { table, column } = tenant;
  const expression = usualExpression(catalog, settings, tenant);
  if (expression === undefined || policy.command !== 'ALL') {
    return {
      advice: `Let a policy FOR SELECT show the rows without ${column.name}, and others compare it with the tenant of the transaction.`,
    };
  }
  const to = policy.roles.includes('PUBLIC') ? '' : ` TO ${policy.roles.map(quoteName).join(', ')}`;
  return {
    fix:
      `CREATE POLICY ${quoteName(`${policy.name}_shared`)} ON ${table.qualified} FOR SELECT${to} USING (${quoteName(column.name)} IS NULL);\n` +
      `ALTER POLICY ${quoteName(policy.name)} ON ${table.qualified} USING ${expression} WITH CHECK ${expression};`,
  };
}

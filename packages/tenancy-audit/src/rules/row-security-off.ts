/** T01: a tenant table without row-level security. */
import type { Catalog, Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import { appliesTo, mayUse, reachableRoles } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';
import { tenantTables, type TenantTable } from '../tenancy.js';
import { usualExpression } from '../usual-policy.js';

export const rowSecurityOff: CatalogRule = {
  id: 'T01',
  title: 'Tenant table without row-level security',
  severity: 'critical',
  why: 'Every query that forgets its tenant filter reads and changes the rows of all tenants.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap((tenant) => {
      const { table, column } = tenant;
      if (table.rowSecurity) return [];
      // A partition or child is accessed through its parent, with the parent's policies; T20 reports direct access.
      if (table.parents.length > 0) return [];
      const readers = settings.appRoles.filter((role) =>
        mayUse(catalog, role, table, 'SELECT', 'INSERT', 'UPDATE', 'DELETE'),
      );
      if (settings.appRoles.length > 0 && readers.length === 0) return [];
      const dormant = table.policies.map(({ name }) => name);
      return [
        {
          rule: rowSecurityOff,
          object: table.qualified,
          evidence:
            `relrowsecurity is off; the column ${column.name} says whose a row is` +
            (readers.length > 0 ? `; ${readers.join(', ')} may use the table` : '') +
            (dormant.length > 0 ? `; its policies are dormant: ${dormant.join(', ')}` : ''),
          ...mended(catalog, settings, tenant, readers),
        },
      ];
    });
  },
};

/** Row-level security without a policy would hide every row from the application, so both come together or not at all. */
function mended(
  catalog: Catalog,
  settings: AuditSettings,
  tenant: TenantTable,
  readers: readonly string[],
): Pick<Finding, 'fix' | 'advice'> {
  const { table } = tenant;
  const enable = `ALTER TABLE ${table.qualified} ENABLE ROW LEVEL SECURITY${isForced(catalog, settings, table) ? ', FORCE ROW LEVEL SECURITY' : ''};`;
  const isAdmitted = readers.every((role) =>
    table.policies.some((policy) => policy.permissive && appliesTo(catalog, policy, role)),
  );
  if (table.policies.length > 0 && isAdmitted) return { fix: enable };
  const expression = usualExpression(catalog, settings, tenant);
  if (expression === undefined) {
    return {
      advice:
        `Create a policy that compares ${tenant.column.name} with the tenant of the transaction, then ${enable} ` +
        'Without a policy nobody but a role exempt from row-level security sees a row.',
    };
  }
  const to = readers.length > 0 ? ` TO ${readers.map(quoteName).join(', ')}` : '';
  return {
    fix: `${enable}\nCREATE POLICY tenant_isolation ON ${table.qualified}${to} USING ${expression};`,
    advice: 'Bind the tenant in every transaction that uses it: without one the application sees no row.',
  };
}

/** Where the other tables are not forced, functions and views of the owner may rely on that. */
function isForced(catalog: Catalog, settings: AuditSettings, table: Relation): boolean {
  const others = tenantTables(catalog, settings).filter((each) => each.table.rowSecurity);
  const forced = others.filter((each) => each.table.rowSecurityForced).length;
  const isOwn = settings.appRoles.some((role) => reachableRoles(catalog, role).has(table.owner));
  return isOwn || forced > others.length / 2;
}

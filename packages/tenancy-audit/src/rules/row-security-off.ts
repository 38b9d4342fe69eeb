/** T01: a tenant table without row-level security. */
import type { Finding } from '../finding.js';
import { mayUse } from '../privileges.js';
import type { CatalogRule } from '../rule.js';
import { tenantTables } from '../tenancy.js';

export const rowSecurityOff: CatalogRule = {
  id: 'T01',
  title: 'Tenant table without row-level security',
  severity: 'critical',
  why: 'Every query that forgets its tenant filter reads and changes the rows of all tenants.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap(({ table, column }) => {
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
          fix: `ALTER TABLE ${table.qualified} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`,
          advice:
            dormant.length > 0
              ? undefined
              : 'Then add a policy: with none, nobody but a role exempt from row-level security sees a row.',
        },
      ];
    });
  },
};

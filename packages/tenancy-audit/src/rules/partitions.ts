/** T20: an unprotected partition or child table of a protected parent. */
import type { Catalog, Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import { mayUse } from '../privileges.js';
import type { CatalogRule } from '../rule.js';
import { findRelation, tenantTables } from '../tenancy.js';

const COMMANDS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];

export const openPartition: CatalogRule = {
  id: 'T20',
  title: 'Partition or child table that bypasses its parent’s policies',
  severity: 'major',
  why: 'The parent’s policies hold for queries on the parent. A query that names the partition itself sees every tenant’s rows.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap(({ table }) => {
      if (table.rowSecurity) return [];
      const parent = protectedAncestor(catalog, table);
      const open = settings.appRoles.flatMap((role) => {
        const used = COMMANDS.filter((command) => mayUse(catalog, role, table, command));
        return used.length > 0 ? [`${role} holds ${used.join(', ')}`] : [];
      });
      if (!parent || open.length === 0) return [];
      return [
        {
          rule: openPartition,
          object: table.qualified,
          evidence: `row-level security is off here and on for its parent ${parent.qualified}; ${open.join('; ')}`,
          // Access through the parent only uses the parent's policies.
          fix: `ALTER TABLE ${table.qualified} ENABLE ROW LEVEL SECURITY;`,
          advice: 'Or revoke the privileges on it: nobody needs them to use the parent.',
        },
      ];
    });
  },
};

function protectedAncestor(catalog: Catalog, table: Relation): Relation | undefined {
  for (const oid of table.parents) {
    const parent = findRelation(catalog, oid);
    if (!parent) continue;
    if (parent.rowSecurity) return parent;
    const above = protectedAncestor(catalog, parent);
    if (above) return above;
  }
  return undefined;
}

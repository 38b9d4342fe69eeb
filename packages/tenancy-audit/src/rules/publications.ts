/** T25: tenants' rows in logical replication. */
import type { Finding } from '../finding.js';
import type { CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';
import { tenantTables } from '../tenancy.js';

/** Supabase Realtime applies the policies for each subscriber. */
const ASKS_POLICIES = new Set(['supabase_realtime']);

export const unfilteredPublication: CatalogRule = {
  id: 'T25',
  title: 'Published tenant table without a row filter',
  severity: 'major',
  why: 'Logical replication does not ask row-level security: whoever subscribes receives the changes of every tenant.',
  check(catalog, settings): readonly Finding[] {
    const tenants = new Map(tenantTables(catalog, settings).map((each) => [each.table.oid, each]));
    return catalog.publications.flatMap(({ publication, relation, rowFilter }) => {
      const tenant = tenants.get(relation);
      if (!tenant || rowFilter !== undefined || ASKS_POLICIES.has(publication)) return [];
      return [
        {
          rule: unfilteredPublication,
          object: tenant.table.qualified,
          evidence: `the publication ${publication} has it without a WHERE`,
          advice:
            `If its subscribers may have every tenant’s rows, accept this; else ALTER PUBLICATION ${quoteName(publication)} ` +
            `SET TABLE ${tenant.table.qualified} WHERE (${quoteName(tenant.column.name)} = …), a publication for each tenant.`,
        },
      ];
    });
  },
};

/** T21: a policy that depends on a table that the application may write. */
import type { Finding } from '../finding.js';
import { granteesOf, mayUse } from '../privileges.js';
import type { CatalogRule } from '../rule.js';
import { findRelation, isAudited, isTable, tenantColumnOf, tenantTables } from '../tenancy.js';

const WRITES = ['INSERT', 'UPDATE', 'DELETE'];

export const unprotectedSource: CatalogRule = {
  id: 'T21',
  title: 'Policy decides by a table without row-level security',
  severity: 'major',
  why: 'Whoever may write the table that a policy looks into, such as the list of members, lets themselves in.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap(({ table }) =>
      table.policies.flatMap((policy) =>
        policy.reads.flatMap((oid) => {
          const source = findRelation(catalog, oid);
          if (!source || !isTable(source) || source.rowSecurity) return [];
          // T01 reports a table with its own tenant column. A declaration as shared does not permit writes.
          if (tenantColumnOf(source, settings) || !isAudited(source, settings)) return [];
          const writers = settings.appRoles.filter((role) => mayUse(catalog, role, source, ...WRITES));
          if (writers.length === 0) return [];
          return [
            {
              rule: unprotectedSource,
              object: policy.qualified,
              evidence: `it reads ${source.qualified}, which has no row-level security and which ${writers.join(', ')} may write`,
              fix: `REVOKE INSERT, UPDATE, DELETE ON ${source.qualified} FROM ${granteesOf(catalog, writers, source, WRITES).join(', ')};`,
              advice: `Or enable row-level security on ${source.qualified}, with policies for those who maintain it.`,
            },
          ];
        }),
      ),
    );
  },
};

/** T30: a tenant table without an index that begins with the tenant. */
import type { Finding } from '../finding.js';
import type { CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';
import { tenantTables } from '../tenancy.js';

/** Up to this number of rows PostgreSQL is as fast without an index. */
const SMALL = 1_000;

export const noTenantIndex: CatalogRule = {
  id: 'T30',
  title: 'No index that begins with the tenant',
  severity: 'minor',
  why: 'Every query carries the tenant’s condition. Without an index for it, each tenant pays for the rows of all.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap(({ table, column, isRegistry }) => {
      // A partition's indexes come from its table; an unknown estimate is -1.
      if (isRegistry || table.isPartition) return [];
      if (table.estimatedRows >= 0 && table.estimatedRows < SMALL) return [];
      const led = table.indexes.some(
        ({ columns, valid, predicate }) => valid && predicate === undefined && columns[0] === column.name,
      );
      if (led) return [];
      const concurrently = table.kind === 'partitioned table' ? '' : 'CONCURRENTLY ';
      return [
        {
          rule: noTenantIndex,
          object: table.qualified,
          evidence:
            (table.indexes.length === 0
              ? 'it has no index'
              : `none of its ${String(table.indexes.length)} indexes begins with ${column.name}`) +
            (table.estimatedRows < 0 ? '' : `; about ${String(table.estimatedRows)} rows`),
          fix: `CREATE INDEX ${concurrently}ON ${table.qualified} (${quoteName(column.name)});`,
        },
      ];
    });
  },
};

/**
 * Tables whose rows may belong to several tenants, such as users. A tenant column there has the currently selected
 * tenant; a membership table has the tenants of the row.
 */
import type { Relation } from './catalog.js';
import { plainName } from './tenancy.js';

/**
 * The tables that a membership table connects with the tenants: its primary key contains the tenant and a reference to
 * them, and their own tenant column is nullable, for rows without a selected tenant.
 */
export function tablesOfMembers(
  tables: readonly Relation[],
  tenantColumns: readonly string[],
): readonly Relation[] {
  const candidates = new Map(
    tables.filter((table) => mayBeEmpty(table, tenantColumns)).map((table) => [table.oid, table]),
  );
  const members = tables.flatMap((membership) => {
    const key = membership.indexes.find(({ primary }) => primary)?.columns ?? [];
    if (
      !key.some(
        (name) => name !== undefined && tenantColumns.some((each) => plainName(each) === plainName(name)),
      )
    )
      return [];
    return membership.foreignKeys
      .filter(({ columns: [column], columns }) => columns.length === 1 && key.includes(column))
      .flatMap(({ references }) => (references === membership.oid ? [] : (candidates.get(references) ?? [])));
  });
  return [...new Set(members)];
}

function mayBeEmpty(table: Relation, tenantColumns: readonly string[]): boolean {
  return table.columns.some(
    ({ name, notNull }) => tenantColumns.some((each) => plainName(each) === plainName(name)) && !notNull,
  );
}

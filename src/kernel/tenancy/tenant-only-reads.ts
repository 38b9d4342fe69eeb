/**
 * Finds the reads for which the database gives all members of a tenant the same result: those of tables whose policies
 * depend only on the bound tenant. A table is excluded when a policy depends on the actor or on anything else.
 */
import type pg from 'pg';
import type { ScopedModel } from './data-model.js';

/** The models whose reads depend only on the tenant. */
export interface TenantOnlyReads {
  /** Their properties of the client, such as `conversation`. */
  readonly models: ReadonlySet<string>;
  /** Keys of a read's arguments that may reach other tables, at any depth. */
  readonly leadingElsewhere: ReadonlySet<string>;
}

/**
 * A policy counts only when its text is exactly that of `tenantry.protect`, because the meaning of other texts is not
 * analysed. Views are excluded: they have no policies.
 */
const TENANT_ONLY = `
  SELECT model.property
  FROM unnest($1::text[], $2::text[], $3::text[]) AS model (property, table_name, tenant_column)
  JOIN pg_catalog.pg_class AS relation ON relation.oid = pg_catalog.to_regclass(model.table_name)
  WHERE relation.relkind IN ('r', 'p') AND pg_catalog.row_security_active(relation.oid)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_policy
      WHERE polrelid = relation.oid AND polcmd IN ('r', '*')
        AND EXISTS (
          SELECT FROM unnest(polroles) AS named
          WHERE named = 0 OR pg_catalog.pg_has_role(current_user, named, 'MEMBER')
        )
        AND pg_catalog.pg_get_expr(polqual, polrelid) IS DISTINCT FROM
          format('(%I = ( SELECT tenantry.current_tenant() AS current_tenant))', model.tenant_column)
    )`;

/** Queries the database as the role that reads. */
export async function findTenantOnlyReads(
  query: <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[]) => Promise<Row[]>,
  scoped: ReadonlyMap<string, ScopedModel>,
): Promise<TenantOnlyReads> {
  const all = [...scoped.values()];
  const own = all.flatMap(({ property, table, tenantField, columns }) =>
    tenantField === undefined ? [] : [{ property, table, column: unquoted(columns.get(tenantField)!.name) }],
  );
  const rows = await query<{ property: string }>(TENANT_ONLY, [
    own.map(({ property }) => property),
    own.map(({ table }) => table),
    own.map(({ column }) => column),
  ]);
  const models = new Set(rows.map(({ property }) => property));
  const leadingElsewhere = new Set(
    all.flatMap(({ relations }) =>
      [...relations].flatMap(([field, name]) =>
        models.has(scoped.get(name)?.property ?? '') ? [] : [field],
      ),
    ),
  );
  // `_count` counts every relation unless it selects some.
  if (leadingElsewhere.size > 0) leadingElsewhere.add('_count');
  return { models, leadingElsewhere };
}

const unquoted = (identifier: string): string => identifier.slice(1, -1).replaceAll('""', '"');

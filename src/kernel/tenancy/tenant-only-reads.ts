/**
 * Which reads answer the same for everybody in a tenant, as far as the database decides: those of tables whose policies ask
 * for nothing but the bound tenant. A policy that looks at the actor, or at anything else, takes its table out.
 */
import type pg from 'pg';
import type { ScopedModel } from './data-model.js';

/** What is known of the models. */
export interface TenantOnlyReads {
  /** The properties of the client, such as `conversation`, whose reads depend on nothing but the tenant. */
  readonly models: ReadonlySet<string>;
  /** Names that, anywhere in the arguments of a read, may lead to other tables than those. */
  readonly leadingElsewhere: ReadonlySet<string>;
}

/**
 * A policy counts only when it is, to the letter, the one that `tenantry.protect` makes: what is understood of any other is
 * no proof. Views have no policies of their own, and are not tables.
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

/** Asks the database, as the role that reads. */
export async function findTenantOnlyReads(
  query: <Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[]) => Promise<Row[]>,
  scoped: ReadonlyMap<string, ScopedModel>,
): Promise<TenantOnlyReads> {
  const all = [...scoped.values()];
  const rows = await query<{ property: string }>(TENANT_ONLY, [
    all.map(({ property }) => property),
    all.map(({ table }) => table),
    all.map(({ tenantField, columns }) => unquoted(columns.get(tenantField)?.name ?? '')),
  ]);
  const models = new Set(rows.map(({ property }) => property));
  const leadingElsewhere = new Set(
    all.flatMap(({ relations }) =>
      [...relations].flatMap(([field, name]) =>
        models.has(scoped.get(name)?.property ?? '') ? [] : [field],
      ),
    ),
  );
  // Counts every relation when it is not told which.
  if (leadingElsewhere.size > 0) leadingElsewhere.add('_count');
  return { models, leadingElsewhere };
}

const unquoted = (identifier: string): string => identifier.slice(1, -1).replaceAll('""', '"');

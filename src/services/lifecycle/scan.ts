/**
 * Looks for the id of a tenant in every column of every row of the database: the proof that an erasure has left nothing. It
 * reads all tables, not only those of the walk.
 */
import { TenantLifeError } from './life-error.js';
import type { LifeQuery } from './walk.js';

export interface Scan {
  /** How many tables and views with rows of their own were read. */
  readonly tables: number;
  readonly columns: number;
  readonly found: readonly { readonly table: string; readonly rows: number }[];
}

interface Relation {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unreadable: readonly string[];
  readonly isShared: boolean;
  readonly only: string;
}

/**
 * Foreign tables are in other databases. The tables `erasures` and `moves` have the tenant until its erasure, or its move,
 * ends. `directory` has it when it is served from another cell, and what is erased here is an old copy.
 */
const RELATIONS = `
  SELECT format('%I.%I', n.nspname, c.relname) AS name,
    coalesce(tenantry.declared_tenancy(c.oid) = 'shared', false) AS "isShared",
    CASE c.relkind WHEN 'm' THEN format('%I.%I', n.nspname, c.relname) ELSE tenantry.only_rows(c.oid) END AS only,
    coalesce(json_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE readable), '[]') AS columns,
    coalesce(json_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (WHERE NOT readable), '[]') AS unreadable
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  CROSS JOIN LATERAL (
    SELECT has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable
  ) AS right_to
  WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND c.oid <> ALL ('{tenantry.erasures,tenantry.moves,tenantry.directory}'::regclass[])
  GROUP BY c.oid, c.relkind, c.relname, n.nspname ORDER BY 1`;

/** Columns that hold secrets of the server, and no role but the owner may read. They cannot hold an id. */
const SECRET = /^tenantry\.(context_keys$|jobs$)/;

/**
 * @param query as a role that row-level security does not hold
 * @throws TenantLifeError when it may not read a table or a column; the errors of `query`
 */
export async function scanFor(query: LifeQuery, id: string): Promise<Scan> {
  const relations = await query<Relation & Record<string, unknown>>(RELATIONS);
  const hidden = relations.find(({ name, unreadable }) => unreadable.length > 0 && !SECRET.test(name));
  if (hidden) {
    throw new TenantLifeError(
      `${hidden.name} cannot be searched: GRANT SELECT ON ${hidden.name} TO tenantry_operator (and USAGE on its schema).`,
    );
  }
  const found: { table: string; rows: number }[] = [];
  let [tables, columns] = [0, 0];
  for (const relation of relations) {
    if (relation.columns.length === 0) continue;
    tables++;
    columns += relation.columns.length;
    // As text, so that it is found within JSON, arrays and other texts as well; without hyphens in bytes.
    const [result] = await query<{ rows: number }>(
      `SELECT count(*)::float8 AS rows FROM (
         SELECT lower(concat_ws(' ', ${relation.columns.map((column) => `t.${column}::text`).join(', ')})) AS text
         FROM ${relation.only} AS t
       ) AS r WHERE strpos(r.text, $1) > 0 OR strpos(r.text, $2) > 0`,
      [id.toLowerCase(), id.toLowerCase().replaceAll('-', '')],
    );
    if (result!.rows > 0) found.push({ table: relation.name, rows: result!.rows });
  }
  return { tables, columns, found };
}

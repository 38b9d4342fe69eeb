/**
 * Search for text in columns of a table, ignoring case: `filter.search` of a list.
 *
 * A term is literal and folded to lower case by `tenantry.folded`, the same on every server. The cost is linear: each
 * row's text is folded and searched once. If the table has a search index (`tenantry.index_search`), the index finds
 * the candidate rows, unless there are many; then, and without an index, rows are searched in the order of the list
 * until the page is full. docs/search.md has the costs.
 */
import { Prisma } from '../../generated/prisma/client.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import type { OrderDirection, Page } from './connection.js';
import type { SortKey } from './sort-key.js';

/**
 * A table for which a migration has called `tenantry.make_searchable`. All parts are SQL from code, not from clients.
 */
export interface SearchedTable {
  /** The table with its schema. */
  readonly from: Prisma.Sql;
  /** The selected columns, with the names of the model's fields. */
  readonly columns: Prisma.Sql;
  /** The columns to search. */
  readonly texts: readonly Prisma.Sql[];
  /** `tenantry.candidates_of_TABLE` */
  readonly candidates: Prisma.Sql;
}

/** The search term and its conditions. */
export interface Search {
  readonly term: string;
  /** Further conditions, all required. */
  readonly conditions: readonly Prisma.Sql[];
}

/** The order of the list, as that of its page: the column, then the id. */
export interface SearchOrder {
  readonly key: SortKey;
  readonly column: Prisma.Sql;
  readonly direction: OrderDirection;
}

/** The matching rows of a page, in the form of `findMany` with `page.query`. */
export function searchPage<Row>(
  db: TenantClient,
  table: SearchedTable,
  search: Search,
  page: Page,
  { key, column, direction }: SearchOrder,
): Promise<Row[]> {
  const { after, before, backward } = page;
  const ascending = (direction === 'asc') !== backward;
  const [behind, ahead] = direction === 'asc' ? [GREATER, LESS] : [LESS, GREATER];
  const beyond = (compare: Prisma.Sql, { value, id }: { value: string; id: string }) =>
    Prisma.sql`(${column}, id) ${compare} (${key.asSql(value)}, ${id}::uuid)`;
  const conditions = [
    ...search.conditions,
    ...(after ? [beyond(behind, after)] : []),
    ...(before ? [beyond(ahead, before)] : []),
  ];
  const order = ascending ? Prisma.sql`${column}, id` : Prisma.sql`${column} DESC, id DESC`;
  // Each branch has the order and the limit, so the one that searches the rows stops when the page is full.
  const branch = (which: Prisma.Sql) => Prisma.sql`(
      SELECT ${table.columns}, ${column} AS "at" FROM ${table.from}
      WHERE ${matching(db, table, conditions, which)}
      ORDER BY ${order} LIMIT ${page.query.take})`;
  return db.$queryRaw<Row>(Prisma.sql`
    ${termOf(table, search)}
    SELECT * FROM (${branch(LOOK_THROUGH)} UNION ALL ${branch(CANDIDATES)}) AS found
    ORDER BY ${ascending ? Prisma.sql`"at", id` : Prisma.sql`"at" DESC, id DESC`} LIMIT ${page.query.take}`);
}

/** The number of matching rows. If there are many, this searches all rows of the tenant. */
export async function searchCount(db: TenantClient, table: SearchedTable, search: Search): Promise<number> {
  const branch = (which: Prisma.Sql) =>
    Prisma.sql`(SELECT count(*) FROM ${table.from} WHERE ${matching(db, table, search.conditions, which)})`;
  const [row] = await db.$queryRaw<{ count: bigint }>(Prisma.sql`
    ${termOf(table, search)}
    SELECT ${branch(LOOK_THROUGH)} + ${branch(CANDIDATES)} AS "count"`);
  return Number(row?.count ?? 0);
}

const GREATER = Prisma.sql`>`;
const LESS = Prisma.sql`<`;

/** The two branches, of which one is empty. */
const LOOK_THROUGH = Prisma.sql`(SELECT term.ids FROM term) IS NULL`;
const CANDIDATES = Prisma.sql`id = ANY ((SELECT term.ids FROM term)::uuid[])`;

const termOf = ({ candidates }: SearchedTable, { term }: Search): Prisma.Sql => Prisma.sql`
  WITH given AS (SELECT ${term}::text AS text),
  term AS MATERIALIZED (SELECT tenantry.folded(given.text) AS folded, ${candidates}(given.text) AS ids FROM given)`;

function matching(
  { context: { tenantId } }: TenantClient,
  { texts }: SearchedTable,
  conditions: readonly Prisma.Sql[],
  which: Prisma.Sql,
): Prisma.Sql {
  const contained = texts.map(
    (text) => Prisma.sql`strpos(tenantry.folded(${text}), (SELECT term.folded FROM term)) > 0`,
  );
  // Cheap conditions come first: PostgreSQL orders conditions by cost, and keeps the order of equal ones.
  return Prisma.join(
    [
      Prisma.sql`tenant_id = ${tenantId}::uuid`,
      which,
      ...conditions,
      Prisma.sql`(${Prisma.join(contained, ' OR ')})`,
    ],
    ' AND ',
  );
}

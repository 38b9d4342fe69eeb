/** Lists of tenants, page by page. Each order has an index, so a page costs the same however many tenants there are. */
import { Prisma } from '../../generated/prisma/client.js';
import type { Connection, Page } from '../../kernel/graphql/connection.js';
import { sortBy, sortByText, type SortKey } from '../../kernel/graphql/sort-key.js';
import type { TenantStatus } from '../../kernel/vocabulary/tenant-status.js';
import type { ReadsCell } from './operator-cells.js';
import type { OperatorQuery } from './operator-connection.js';
import { IS_SERVED } from './tenants.js';

/** A tenant as lists show it. */
export interface ListedTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly status: TenantStatus;
  readonly createdAt: Date;
}

export interface TenantConnection extends Connection<ListedTenant> {
  /** The names of the cells whose tenants the list lacks. */
  readonly unavailableCells: readonly string[];
}

/** Which tenants a list has. */
export interface TenantConditions {
  /** A part of the slug or of the name, in letters of any case. */
  readonly search?: string | null | undefined;
  readonly status?: TenantStatus | null | undefined;
  readonly plan?: string | null | undefined;
}

/** The orders of lists of tenants. */
export const TENANT_ORDERS = {
  slug: sortByText('slug'),
  name: sortByText('name'),
  createdAt: sortBy('Tenant', 'createdAt'),
} as const satisfies Readonly<Record<string, SortKey>>;

export type TenantOrder = keyof typeof TENANT_ORDERS;

const COLUMN: Readonly<Record<string, Prisma.Sql>> = {
  slug: Prisma.sql`slug`,
  name: Prisma.sql`name`,
  createdAt: Prisma.sql`created_at`,
};

const COLUMNS = Prisma.sql`id, slug, name, plan, status, created_at AS "createdAt"`;

/** One row more than the page, as `Page.connection` needs them. The order is one of {@link TENANT_ORDERS}. */
export function tenantsOfPage(
  { query }: ReadsCell,
  page: Page,
  conditions: TenantConditions,
): Promise<ListedTenant[]> {
  const { key, direction } = page.order;
  const column = COLUMN[key.field]!;
  const isAscending = direction === 'asc';
  const beyond = ({ value, id }: { readonly value: string; readonly id: string }, isAfter: boolean) =>
    isAfter === isAscending
      ? Prisma.sql`(${column}, id) > (${key.asSql(value)}, ${id}::uuid)`
      : Prisma.sql`(${column}, id) < (${key.asSql(value)}, ${id}::uuid)`;
  const way = page.backward === isAscending ? Prisma.sql`DESC` : Prisma.sql`ASC`;
  return run<ListedTenant & Record<string, unknown>>(
    query,
    Prisma.sql`
      SELECT ${COLUMNS} FROM public.tenants WHERE ${matching(conditions, [
        ...(page.after ? [beyond(page.after, true)] : []),
        ...(page.before ? [beyond(page.before, false)] : []),
      ])} ORDER BY ${column} ${way}, id ${way} LIMIT ${page.query.take}`,
  );
}

/** The same of several cells together. */
export async function tenantsOfPageIn(
  cells: readonly ReadsCell[],
  page: Page,
  conditions: TenantConditions,
): Promise<ListedTenant[]> {
  const found = await Promise.all(cells.map((cell) => tenantsOfPage(cell, page, conditions)));
  if (found.length === 1) return found[0]!;
  const { key, direction } = page.order;
  const sign = page.backward === (direction === 'asc') ? -1 : 1;
  // As PostgreSQL compares: bytes of texts, and times.
  const valueOf = (tenant: ListedTenant): string =>
    key.field === 'createdAt'
      ? tenant.createdAt.toISOString()
      : key.field === 'name'
        ? tenant.name
        : tenant.slug;
  const compared = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));
  return found
    .flat()
    .sort((one, other) => sign * (compared(valueOf(one), valueOf(other)) || compared(one.id, other.id)))
    .slice(0, page.size + 1);
}

/** The number of tenants of several cells that meet the conditions. */
export async function countTenantsIn(
  cells: readonly ReadsCell[],
  conditions: TenantConditions,
): Promise<number> {
  const counts = await Promise.all(cells.map((cell) => countTenants(cell, conditions)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The number of tenants that meet the conditions. */
export async function countTenants({ query }: ReadsCell, conditions: TenantConditions): Promise<number> {
  const [row] = await run<{ count: number }>(
    query,
    Prisma.sql`SELECT least(count(*), 2147483647)::int AS count FROM public.tenants WHERE ${matching(conditions, [])}`,
  );
  return row!.count;
}

function matching({ search, status, plan }: TenantConditions, more: readonly Prisma.Sql[]): Prisma.Sql {
  return Prisma.join(
    [
      ...(search == null
        ? []
        : [
            Prisma.sql`(position(tenantry.folded(${search}) IN slug) > 0
              OR position(tenantry.folded(${search}) IN tenantry.folded(name)) > 0)`,
          ]),
      ...(status == null ? [] : [Prisma.sql`status = ${status}`]),
      ...(plan == null ? [] : [Prisma.sql`plan = ${plan}`]),
      ...more,
      IS_SERVED,
    ],
    ' AND ',
  );
}

const run = <Row extends Record<string, unknown>>(query: OperatorQuery, sql: Prisma.Sql): Promise<Row[]> =>
  query<Row>(sql.text, sql.values);

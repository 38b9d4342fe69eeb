/** What tenants have used, as operators read it. Servers count it: services/telemetry/tenant-usage.ts. */
import type { ReadsCell } from './operator-cells.js';

/** The most hours of a list: hours are kept a day longer. */
export const MOST_HOURS = 168;

/** What was used in some time. */
interface Used {
  readonly requests: number;
  readonly databaseSeconds: number;
  readonly rows: number;
  readonly bytes: number;
  readonly jobs: number;
}

export interface UsedInPeriod extends Used {
  readonly startsAt: Date;
}

export interface TopTenant extends Used {
  readonly slug: string;
  readonly plan: string;
  /** Its part of the time of all tenants in the database, from 0 to 1. */
  readonly share: number;
}

export type Period = 'hour' | 'day';

export type TopOrder = 'time' | 'requests' | 'rows';

export interface TopOptions {
  readonly by: TopOrder;
  /** How many hours before the present one, at most {@link MOST_HOURS}. */
  readonly hours: number;
  /** The most tenants. */
  readonly first: number;
}

/** The hours or days of a tenant, the newest first. Whoever calls it has recorded that the tenant is read. */
export const readUsageHistory = (
  { query }: ReadsCell,
  tenantId: string,
  { period, last }: { readonly period: Period; readonly last: number },
): Promise<UsedInPeriod[]> =>
  query<UsedInPeriod & Record<string, unknown>>(
    `SELECT starts_at AS "startsAt", requests::float8 AS requests, round((database_ms / 1000)::numeric, 3)::float8 AS "databaseSeconds",
       rows::float8 AS rows, bytes::float8 AS bytes, jobs::float8 AS jobs
     FROM tenantry.tenant_usage WHERE tenant_id = $1 AND period = $2 ORDER BY starts_at DESC LIMIT $3`,
    [tenantId, period, last],
  );

const COLUMN: Readonly<Record<TopOrder, string>> = {
  time: 'database_ms',
  requests: 'requests',
  rows: 'rows',
};

/** The same of several cells together, where the shares are of all of them. */
export async function readTopTenantsIn(
  cells: readonly ReadsCell[],
  options: TopOptions,
): Promise<TopTenant[]> {
  const found = await Promise.all(cells.map((cell) => readTopTenants(cell, options)));
  if (found.length === 1) return found[0]!;
  // A cell's own time follows from the part that its first tenant has of it.
  const seconds = found.reduce(
    (sum, [first]) => sum + (first?.share ? first.databaseSeconds / first.share : 0),
    0,
  );
  const by = { time: 'databaseSeconds', requests: 'requests', rows: 'rows' } as const;
  return found
    .flat()
    .map((tenant) => ({ ...tenant, share: seconds > 0 ? tenant.databaseSeconds / seconds : 0 }))
    .sort((one, other) => other[by[options.by]] - one[by[options.by]])
    .slice(0, options.first);
}

/** The tenants that have used most, the largest first. */
export const readTopTenants = (
  { query }: ReadsCell,
  { by, hours, first }: TopOptions,
): Promise<TopTenant[]> =>
  query<TopTenant & Record<string, unknown>>(
    `WITH used AS (
       SELECT tenant_id, sum(requests) AS requests, sum(database_ms) AS database_ms, sum(rows) AS rows, sum(bytes) AS bytes,
         sum(jobs) AS jobs, sum(sum(database_ms)) OVER () AS of_all
       FROM tenantry.tenant_usage
       WHERE period = 'hour' AND starts_at >= date_trunc('hour', clock_timestamp(), 'UTC') - $1 * interval '1 hour'
       GROUP BY tenant_id
     )
     SELECT t.slug, t.plan, u.requests::float8 AS requests, round((u.database_ms / 1000)::numeric, 3)::float8 AS "databaseSeconds",
       u.rows::float8 AS rows, u.bytes::float8 AS bytes, u.jobs::float8 AS jobs,
       round(coalesce(u.database_ms / nullif(u.of_all, 0), 0)::numeric, 3)::float8 AS share
     FROM used u JOIN public.tenants t ON t.id = u.tenant_id
     ORDER BY u.${COLUMN[by]} DESC, t.slug LIMIT $2`,
    [hours, first],
  );

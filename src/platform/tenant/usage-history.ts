/** What a tenant has used on each day, for its bills. Servers count it: services/telemetry/tenant-usage.ts. */
import { Prisma } from '../../generated/prisma/client.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';

/** The most days of one answer. */
const MOST_DAYS = 100;

/** The use of one day, from midnight to midnight in UTC. */
export interface DailyUse {
  readonly day: Date;
  readonly requests: bigint;
  readonly databaseSeconds: number;
  readonly rows: bigint;
  readonly bytes: bigint;
  readonly jobs: bigint;
}

export interface Days {
  readonly from?: Date | null | undefined;
  readonly to?: Date | null | undefined;
}

/** The days on which the bound tenant was used, the newest first, at most {@link MOST_DAYS}. */
export const usageHistoryOf = (
  tenantId: string,
  { from, to }: Days,
  { db }: Pick<RequestContext, 'db'>,
): Promise<DailyUse[]> =>
  db.$queryRaw<DailyUse>(Prisma.sql`
    SELECT starts_at AS day, requests, round((database_ms / 1000)::numeric, 3)::float8 AS "databaseSeconds", rows, bytes, jobs
    FROM tenantry.tenant_usage
    WHERE tenant_id = ${tenantId}::uuid AND period = 'day'
      AND starts_at >= coalesce(${from?.toISOString() ?? null}::timestamptz, '-infinity')
      AND starts_at < coalesce(${to?.toISOString() ?? null}::timestamptz, 'infinity')
    ORDER BY starts_at DESC LIMIT ${MOST_DAYS}`);

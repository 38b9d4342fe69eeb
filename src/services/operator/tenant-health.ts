/** What operators read of one tenant besides its row. Whoever calls these has recorded that the tenant is read. */
import type { OperatorConnection } from './operator-connection.js';

/** The state of a tenant. Counts end at {@link MOST_COUNTED}. */
export interface TenantHealth {
  /** The last entry of the audit log that was not made by an operator's read. */
  readonly lastActivityAt: Date | null;
  readonly members: number;
  readonly jobsWaiting: number;
  readonly jobsRunning: number;
  readonly jobsDead: number;
  /** The time of the last seal; null when nothing is sealed. */
  readonly sealedAt: Date | null;
  /** Entries of the audit log behind the last one that is sealed. */
  readonly unsealedEntries: number;
  /** The age of the oldest of them, in seconds; 0 when there is none. */
  readonly sealLagSeconds: number;
}

/** The most rows that are counted. */
export const MOST_COUNTED = 10_000;

/** Each part steps through an index, and counts no more than {@link MOST_COUNTED} rows. */
export async function readHealth(
  { query }: Pick<OperatorConnection, 'query'>,
  tenantId: string,
): Promise<TenantHealth> {
  const counted = (table: string, condition: string): string =>
    `(SELECT count(*)::int FROM (SELECT FROM ${table} WHERE tenant_id = $1 AND ${condition} LIMIT ${String(MOST_COUNTED)}) c)`;
  const [row] = await query<TenantHealth & Record<string, unknown>>(
    `WITH sealed AS (
       SELECT entry_id FROM tenantry.audit_leaves WHERE tenant_id = $1 ORDER BY position DESC LIMIT 1
     ), unsealed AS (
       SELECT e.created_at FROM public.audit_log e
       WHERE e.tenant_id = $1 AND (NOT EXISTS (SELECT FROM sealed) OR e.id > (SELECT entry_id FROM sealed))
       ORDER BY e.id LIMIT ${String(MOST_COUNTED)}
     )
     SELECT
       (SELECT created_at FROM public.audit_log
        WHERE tenant_id = $1 AND entity <> 'OperatorAccess' ORDER BY id DESC LIMIT 1) AS "lastActivityAt",
       ${counted('public.memberships', 'true')} AS members,
       ${counted('tenantry.jobs', "state = 'queued'")} AS "jobsWaiting",
       ${counted('tenantry.jobs', "state = 'running'")} AS "jobsRunning",
       ${counted('tenantry.jobs', "state = 'dead'")} AS "jobsDead",
       (SELECT sealed_at FROM tenantry.audit_seals WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1) AS "sealedAt",
       (SELECT count(*)::int FROM unsealed) AS "unsealedEntries",
       coalesce((SELECT extract(epoch FROM clock_timestamp() - min(created_at))::int FROM unsealed), 0) AS "sealLagSeconds"`,
    [tenantId],
  );
  return row!;
}

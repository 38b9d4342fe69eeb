/** Reads the events of a tenant from the sealed audit log. */
import { Prisma } from '../../generated/prisma/client.js';
import type { Page } from '../../kernel/graphql/connection.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';

/** An entry of the audit log at its place in the order of sealing. */
export interface EventRow {
  /** The id of the entry. */
  readonly id: string;
  /** From 0 on, without gaps. */
  readonly position: bigint;
  readonly action: string;
  readonly entity: string;
  readonly entityId: string | null;
  readonly requestId: string | null;
  readonly createdAt: Date;
}

export interface EventPage {
  /** One more than the page has, when there are more. */
  readonly rows: readonly EventRow[];
  /** The first position whose entry is kept. */
  readonly firstKept: bigint;
}

const EVENT_COLUMNS = Prisma.sql`
  e.id::text, l.position, e.action, e.entity, e.entity_id AS "entityId", e.request_id AS "requestId", e.created_at AS "createdAt"`;

const sealedEntriesOf = (tenantId: string) => Prisma.sql`
  tenantry.audit_leaves l JOIN public.audit_log e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
  WHERE l.tenant_id = ${tenantId}::uuid`;

/** The number of entries that were dropped: the first ones. */
const dropped = (tenantId: string) => Prisma.sql`
  SELECT coalesce(max(c.size), 0) AS size FROM tenantry.audit_cuts c WHERE c.tenant_id = ${tenantId}::uuid`;

/** The largest number of the column's type. */
const BEHIND_LAST = '9223372036854775807';

/** The kept events of a page, all as of one moment. @throws the errors of the database */
export async function eventsOf(db: TenantClient, page: Page): Promise<EventPage> {
  const { tenantId } = db.context;
  const { value: after } = page.after ?? { value: '-1' };
  const { value: before } = page.before ?? { value: BEHIND_LAST };
  const direction = page.backward ? Prisma.sql`DESC` : Prisma.sql`ASC`;
  const found = await db.$queryRaw<{ firstKept: bigint } & (EventRow | { readonly id: null })>(Prisma.sql`
    SELECT cut.size AS "firstKept", event.* FROM (${dropped(tenantId)}) AS cut
    LEFT JOIN LATERAL (
      SELECT ${EVENT_COLUMNS} FROM ${sealedEntriesOf(tenantId)}
        AND l.position > greatest(${after}::bigint, cut.size - 1) AND l.position < ${before}::bigint
      ORDER BY l.position ${direction} LIMIT ${page.query.take}
    ) AS event ON true
    ORDER BY event.position ${direction}`);
  return {
    rows: found.filter((row) => row.id !== null),
    firstKept: found[0]?.firstKept ?? 0n,
  };
}

/** The kept events with these ids, in any order. @throws the errors of the database */
export function eventsById(db: TenantClient, ids: readonly string[]): Promise<EventRow[]> {
  return db.$queryRaw<EventRow>(Prisma.sql`
    SELECT ${EVENT_COLUMNS} FROM ${sealedEntriesOf(db.context.tenantId)} AND l.entry_id = ANY(${[...ids]}::uuid[])`);
}

/** The number of kept events. @throws the errors of the database */
export async function countEvents(db: TenantClient): Promise<number> {
  const { tenantId } = db.context;
  const [row] = await db.$queryRaw<{ count: number }>(Prisma.sql`
    SELECT (coalesce(max(t.size), 0) - (${dropped(tenantId)}))::float8 AS count
    FROM tenantry.audit_trees t WHERE t.tenant_id = ${tenantId}::uuid`);
  return row?.count ?? 0;
}

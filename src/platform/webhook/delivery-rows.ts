/** Rows of deliveries as SQL reads and removes them. */
import { Prisma } from '../../generated/prisma/client.js';
import type { TenantClient, TenantTx } from '../../kernel/tenancy/tenant-client.js';

/** How long a delivery is kept. */
const KEPT_DAYS = 30;

/** As many attempts as a job can have. Each sends once at most, and {@link WAITS_MS} says how often a delivery is sent. */
const MOST_STARTS = 100;

/** Queues the job that sends a delivery, once. @param runAt the earliest time; default: at the commit */
export const enqueueDelivery = (tx: TenantTx, deliveryId: string, runAt?: Date): Promise<string> =>
  tx.enqueue('webhook.deliver', { deliveryId }, { key: deliveryId, runAt, maxAttempts: MOST_STARTS });

/** The state of a delivery, which does not change until the transaction ends; empty when it is gone. */
export const lockDelivery = (tx: TenantTx, id: string) =>
  tx.$queryRaw<{ status: string; round: number; attempts: number }>(Prisma.sql`
    SELECT status, round, attempts FROM public.webhook_deliveries
    WHERE tenant_id = ${tx.context.tenantId}::uuid AND id = ${id}::uuid FOR UPDATE`);

/**
 * Removes old deliveries, up to `most`. Those that are still pending stay.
 *
 * @param webhookId default: those of all webhooks of the tenant
 * @returns how many
 */
export const removeOldDeliveries = (
  db: TenantClient | TenantTx,
  { most, webhookId }: { readonly most: number; readonly webhookId?: string },
): Promise<number> =>
  db.$executeRaw(Prisma.sql`
    DELETE FROM public.webhook_deliveries WHERE tenant_id = ${db.context.tenantId}::uuid AND id IN (
      SELECT id FROM public.webhook_deliveries
      WHERE tenant_id = ${db.context.tenantId}::uuid AND ${webhookId === undefined ? Prisma.sql`true` : Prisma.sql`webhook_id = ${webhookId}::uuid`}
        AND created_at < now() - ${KEPT_DAYS} * interval '1 day' AND status <> 'pending'
      ORDER BY created_at LIMIT ${most} FOR UPDATE SKIP LOCKED)`);

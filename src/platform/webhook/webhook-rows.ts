/** Rows of webhooks that are about to change. */
import { Prisma, type Webhook } from '../../generated/prisma/client.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';

/**
 * A webhook as it is now, which does not change until the transaction ends; null when there is none. Whoever changes a
 * delivery as well locks the webhook first.
 *
 * @param uuid without a type
 */
export async function lockWebhook(tx: TenantTx, uuid: string): Promise<Webhook | null> {
  const { tenantId } = tx.context;
  await tx.$queryRaw(Prisma.sql`
    SELECT id FROM public.webhooks WHERE tenant_id = ${tenantId}::uuid AND id = ${uuid}::uuid FOR NO KEY UPDATE`);
  return tx.webhook.findUnique({ where: tx.key(uuid) });
}

/** Written with another URL or secret, and when a webhook is enabled: an attempt that has begun before does not count. */
export const ANOTHER_REVISION = { revision: { increment: 1 } } as const;

/** An endpoint of which nothing is known yet. */
export const UNTRIED = { failingSince: null, heldUntil: null } as const;

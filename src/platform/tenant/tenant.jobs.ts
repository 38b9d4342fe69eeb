/** What is cleaned up in each tenant every night. */
import { z } from 'zod';
import { Prisma } from '../../generated/prisma/client.js';
import type { JobHandlers } from '../../kernel/graphql/job-handler.js';
import { removeOldDeliveries } from '../webhook/delivery-rows.js';

declare module '../../kernel/vocabulary/job.js' {
  interface JobPayloads {
    'tenant.clean': Readonly<Record<string, never>>;
  }
}

const REMOVED_AT_ONCE = 1_000;

export const jobs: JobHandlers = {
  'tenant.clean': {
    payload: z.record(z.string(), z.never()),
    cron: { schedule: '17 3 * * *', payload: {} },
    run: async (_payload, { db }) => {
      // Each new key removes some expired ones; this removes those of tenants that send no more keys.
      let removed: number;
      do {
        removed = await db.$executeRaw(Prisma.sql`
          DELETE FROM public.idempotency_keys WHERE tenant_id = ${db.context.tenantId}::uuid AND id IN (
            SELECT id FROM public.idempotency_keys
            WHERE tenant_id = ${db.context.tenantId}::uuid AND expires_at <= now()
            ORDER BY expires_at LIMIT ${REMOVED_AT_ONCE} FOR UPDATE SKIP LOCKED
          )`);
      } while (removed === REMOVED_AT_ONCE);
      // Each delivery that is sent removes some old ones of its webhook; this removes those of webhooks that send no more.
      while ((await removeOldDeliveries(db, { most: REMOVED_AT_ONCE })) === REMOVED_AT_ONCE);
    },
  },
};

import { z } from 'zod';
import type { JobHandlers } from '../../kernel/graphql/job-handler.js';
import { ANSWER_WITHIN_MS, deliver } from './deliver.js';
import { tellOwner } from './tell-owner.js';

declare module '../../kernel/vocabulary/job.js' {
  interface JobPayloads {
    'webhook.deliver': { readonly deliveryId: string };
    'webhook.tellOwner': { readonly webhookId: string; readonly membershipId: string };
  }
}

/** The jobs of webhooks. */
export const jobs: JobHandlers = {
  'webhook.deliver': {
    payload: z.object({ deliveryId: z.uuid() }),
    run: deliver,
    // A receiver that answers slowly keeps neither the tenant's other jobs waiting, nor all slots of a server busy.
    most: 2,
    timeoutMs: ANSWER_WITHIN_MS + 20_000,
  },
  'webhook.tellOwner': {
    payload: z.object({ webhookId: z.uuid(), membershipId: z.uuid() }),
    run: tellOwner,
  },
};

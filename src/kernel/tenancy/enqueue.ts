/** Queues a job in the transaction of a bound client. */
import type { Operation } from '@tenantry/prisma-tenancy/parts';
import { Prisma } from '../../generated/prisma/client.js';
import type { EnqueueOptions } from '../vocabulary/job.js';

/** The row that {@link enqueueOperation} returns. */
export interface QueuedJob {
  readonly id: string;
}

/** Calls `tenantry.enqueue`, whose comment says what it guarantees. It is a write, and returns one {@link QueuedJob}. */
export function enqueueOperation(
  task: string,
  payload: unknown,
  { runAt, key, keyMode, maxAttempts }: EnqueueOptions,
): Operation {
  const sql = Prisma.sql`SELECT tenantry.enqueue(
    ${task}, ${JSON.stringify(payload)}::jsonb, ${runAt?.toISOString() ?? null}::timestamptz, ${key ?? null},
    ${maxAttempts ?? null}::integer, ${keyMode ?? null}) AS id`;
  return { model: undefined, action: '$queryRaw', args: [sql], run: (tx) => tx.$queryRaw(sql) };
}

/** Writes archives, and removes old ones. */
import { z } from 'zod';
import { Prisma } from '../../generated/prisma/client.js';
import type { JobHandlers, RunningJob } from '../../kernel/graphql/job-handler.js';
import { JobFailure } from '../../kernel/vocabulary/job.js';
import { publicError } from '../../kernel/vocabulary/errors.js';
import { TenantLifeError } from '../../services/lifecycle/life-error.js';
import { removeChunks } from '../../services/lifecycle/tenant-exports.js';

declare module '../../kernel/vocabulary/job.js' {
  interface JobPayloads {
    'tenant-export.write': { readonly exportId: string };
    'tenant-export.clean': Readonly<Record<string, never>>;
  }
}

const HOUR_MS = 60 * 60_000;
/** How long an archive can be downloaded. */
const KEPT_MS = 7 * 24 * HOUR_MS;

export const jobs: JobHandlers = {
  'tenant-export.write': {
    payload: z.object({ exportId: z.uuid() }),
    most: 1,
    timeoutMs: 12 * HOUR_MS,
    run: async ({ exportId }, job) => {
      try {
        await write(exportId, job);
      } catch (error) {
        const reason = finalReason(error, job);
        if (reason === undefined) throw error;
        job.log.error({ err: error }, 'a tenant could not be exported');
        await giveUp(exportId, job, reason);
      }
    },
  },
  'tenant-export.clean': {
    payload: z.record(z.string(), z.never()),
    cron: { schedule: '37 3 * * *', payload: {} },
    run: async (_payload, { db }) => {
      const since = new Date(Date.now() - KEPT_MS);
      // The last worker was killed with them.
      await db.tenantExport.updateMany({
        where: { status: 'pending', createdAt: { lt: since } },
        data: { status: 'failed', failure: 'It was not written in time.', finishedAt: new Date() },
      });
      const old = await db.tenantExport.findMany({
        where: { status: { not: 'pending' }, finishedAt: { lt: since } },
        select: { id: true },
      });
      for (const { id } of old) {
        await removeChunks(db, id);
        await db.tenantExport.delete({ where: db.key(id) });
      }
    },
  },
};

const UNPLACED = 'A table of the database could not be read. The operator has to look at it.';

async function write(exportId: string, job: RunningJob): Promise<void> {
  const { db, context, signal } = job;
  const found = await db.tenantExport.findUnique({ where: db.key(exportId) });
  if (found?.status !== 'pending') return;
  const { slug } = await db.tenant.findUniqueOrThrow({ where: { id: db.context.tenantId } });
  const disguise = found.anonymised ? 'texts' : 'secrets';
  const { size, sha256, rows } = await context.tenantExports.write(db, exportId, { slug, disguise, signal });
  await db.transaction(async (tx) => {
    const now = new Date();
    await tx.tenantExport.update({
      where: tx.key(exportId),
      data: {
        status: 'ready',
        finishedAt: now,
        expiresAt: new Date(now.getTime() + KEPT_MS),
        size: BigInt(size),
        sha256,
        rows: BigInt(rows),
      },
    });
    await job.completeWith(tx);
  });
}

/** Why no further attempt follows; undefined when one does. */
function finalReason(error: unknown, { attempt, maxAttempts, signal }: RunningJob): string | undefined {
  // The worker stops, or has lost the job.
  if (signal.aborted) return undefined;
  if (error instanceof TenantLifeError) return UNPLACED;
  const told = publicError(error);
  if (told?.code === 'QUOTA_EXCEEDED') return told.message;
  return attempt >= maxAttempts ? 'It failed several times. The operator has to look at it.' : undefined;
}

async function giveUp(exportId: string, { db }: RunningJob, failure: string): Promise<void> {
  await removeChunks(db, exportId);
  await db.$executeRaw(Prisma.sql`
    UPDATE public.tenant_exports SET status = 'failed', failure = ${failure}, finished_at = now()
    WHERE tenant_id = ${db.context.tenantId}::uuid AND id = ${exportId}::uuid`);
  throw new JobFailure(failure, { retryAfterMs: 'never' });
}

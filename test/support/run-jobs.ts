/**
 * Runs the queued jobs of a task, one after the other, without a worker: a test decides when, and what the time is. Claims and
 * ends are those of the database.
 */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { JobHandler, RunningJob } from '../../src/kernel/graphql/job-handler.js';
import type { ActorType } from '../../src/kernel/vocabulary/actor.js';
import type { TestServer } from './server.js';

interface QueuedJob {
  readonly tenant_id: string;
  readonly id: string;
  readonly payload: unknown;
  readonly run_at: Date;
  readonly actor_type: ActorType;
  readonly actor: string;
  readonly request_id: string | null;
  readonly created_at: Date;
}

/** The queued jobs of a task in a tenant, the one that is due first at the front. */
export const queuedJobs = async (
  { database }: Pick<TestServer, 'database'>,
  tenant: string,
  task: string,
): Promise<readonly QueuedJob[]> =>
  database.asSuperuser<QueuedJob>(
    `SELECT tenant_id, id, payload, run_at, actor_type, actor, request_id, created_at FROM tenantry.jobs
     WHERE state = 'queued' AND tenant_id = $1 AND task = $2 ORDER BY run_at, id`,
    [await database.tenantId(tenant), task],
  );

/**
 * Runs the jobs that are queued now, whenever they are due; those that they queue stay queued.
 *
 * @returns how many
 */
export async function runJobs<Payload>(
  server: TestServer,
  tenant: string,
  task: string,
  handler: JobHandler<Payload>,
  change: Partial<RunningJob> = {},
): Promise<number> {
  const jobs = await queuedJobs(server, tenant, task);
  for (const job of jobs) await runJob(server, job, task, handler, change);
  return jobs.length;
}

async function runJob<Payload>(
  { database, services }: TestServer,
  job: QueuedJob,
  task: string,
  handler: JobHandler<Payload>,
  change: Partial<RunningJob>,
): Promise<void> {
  const lease = randomUUID();
  await database.asSuperuser(
    `UPDATE tenantry.jobs SET state = 'running', attempt = attempt + 1, lease = $2,
       leased_until = now() + interval '1 hour', started_at = now() WHERE id = $1`,
    [job.id, lease],
  );
  const { signal } = new AbortController();
  const requestId = job.request_id ?? job.id;
  await handler.run(handler.payload.parse(job.payload), {
    id: job.id,
    task,
    tenantId: job.tenant_id,
    attempt: 1,
    maxAttempts: 10,
    createdAt: job.created_at,
    cause: { type: job.actor_type, id: job.actor },
    requestId,
    db: services.database.forTenant({
      tenantId: job.tenant_id,
      actor: { type: 'job', id: `${task}/${job.id}/${job.actor_type}:${job.actor}` },
      requestId,
    }),
    signal,
    log: pino({ level: 'silent' }),
    context: services.moduleContext,
    completeWith: async (tx) => {
      await tx.$queryRaw(Prisma.sql`SELECT tenantry.complete_job(${job.id}::uuid, ${lease}::uuid)::text`);
    },
    ...change,
  });
  await database.asSuperuser(
    `UPDATE tenantry.jobs SET state = 'succeeded', finished_at = now(), leased_until = NULL
     WHERE id = $1 AND state = 'running'`,
    [job.id],
  );
}

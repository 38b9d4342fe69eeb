/** The handlers of jobs: modules declare them, workers call them. */
import type { FastifyBaseLogger } from 'fastify';
import type { z } from 'zod';
import type { TenantClient, TenantTx } from '../tenancy/tenant-client.js';
import type { Actor } from '../vocabulary/actor.js';
import type { JobPayloads, JobTask } from '../vocabulary/job.js';
import type { ModuleContext } from './request-context.js';

/** One attempt of a job. */
export interface RunningJob {
  readonly id: string;
  readonly task: string;
  readonly tenantId: string;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly createdAt: Date;
  /** The user, API key or operator whose transaction queued the job, also through another job. */
  readonly cause: Actor;
  /** The id of the request that caused the job; the audit entries of the job have it too. */
  readonly requestId: string;
  /**
   * A client that is bound to the job's tenant. Its audit entries name the job and its cause as the actor. It has the
   * permissions of no role: the handler decides what the job may do.
   */
  readonly db: TenantClient;
  /**
   * Aborted when the attempt must end: it took too long, the job was cancelled or is another worker's, or the worker
   * stops. Then `db` starts nothing more.
   */
  readonly signal: AbortSignal;
  /** Its lines have the job's id, task, tenant and attempt. */
  readonly log: FastifyBaseLogger;
  /** What the modules add to the context of requests, such as the mailer. */
  readonly context: ModuleContext;
  /**
   * Completes the job in a transaction of `db`: the effects of `tx` and the end of the job are committed together, so
   * they happen exactly once. When the job is not this worker's any more, it throws, and nothing is committed.
   */
  completeWith(tx: TenantTx): Promise<void>;
}

/**
 * The handler of a task. A job runs at least once: after a crash, or when its end could not be recorded, it runs again.
 * A handler repeats without harm, or ends with {@link RunningJob.completeWith}.
 */
export interface JobHandler<Payload> {
  /** Checks the payload before each attempt. A payload that does not fit makes the job dead. */
  readonly payload: z.ZodType<Payload>;
  readonly run: (payload: Payload, job: RunningJob) => Promise<void>;
  /** The most jobs of this task that run at once in one tenant. Default: what the tenant's plan allows. */
  readonly most?: number;
  /**
   * Queues the job in every active tenant at these times of the tenant's clock: `0 3 * * *` is three in the morning in
   * the time zone of the tenant's setting `timeZone` (default: UTC). While one is still queued, no second one is.
   */
  readonly cron?: { readonly schedule: string; readonly payload: Payload };
  /** The most milliseconds of an attempt. Default: five minutes. */
  readonly timeoutMs?: number;
  /**
   * Milliseconds from a failed attempt, numbered from 1, to the next one. Default: about 2^attempt seconds, at most an
   * hour, with jitter.
   */
  readonly retryAfterMs?: (attempt: number) => number;
}

/** The handlers of a module, by task. */
export type JobHandlers = { readonly [Task in JobTask]?: JobHandler<JobPayloads[Task]> };

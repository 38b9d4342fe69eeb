/** One attempt of a job: its payload is checked, its handler runs, and its end is recorded. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { RunningJob } from '../../kernel/graphql/job-handler.js';
import type { ModuleContext } from '../../kernel/graphql/request-context.js';
import { Deadline } from '../../kernel/request/deadline.js';
import { RequestUsage } from '../../kernel/request/request-usage.js';
import { codeOf, Trace } from '../../kernel/tracing/trace.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import { PublicError } from '../../kernel/vocabulary/errors.js';
import { JobFailure } from '../../kernel/vocabulary/job.js';
import type { Plan } from '../../kernel/vocabulary/plan.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import { backoff } from './backoff.js';
import type { AnyJobHandler } from './handlers.js';
import {
  completeJob,
  failJob,
  LOST_LEASE,
  type readPayloads,
  type ClaimedJob,
  type JobQueue,
  type StoredPayload,
} from './job-queue.js';

const DEFAULT_TIMEOUT_MS = 5 * 60_000;
/** How long a handler may take to end after its signal was aborted. Then the attempt ends without it. */
const GRACE_MS = 5_000;

/** The waits before the end of a job is recorded again, in milliseconds, while the worker prolongs its lease. */
const FINISH_AGAIN_AFTER_MS = [100, 500, 2_000, 5_000];

/** `left`: the job was not this worker's any more, or its worker stops, and nothing was recorded. */
export type Outcome = 'succeeded' | 'failed' | 'dead' | 'left';

/** What attempts need of the server. */
export interface AttemptParts {
  readonly database: Pick<Database, 'forTenant'>;
  readonly queue: Pick<JobQueue, 'finish'>;
  readonly context: ModuleContext;
  readonly log: FastifyBaseLogger;
}

/** A job that the worker may begin. */
export interface LeasedJob {
  readonly job: ClaimedJob;
  /** On the clock of `performance.now()`: from then on another worker may have the job. */
  readonly leasedUntil: number;
  /** By the id of the job; of a job that is not running any more there is none. */
  readonly payloads: ReturnType<typeof readPayloads>;
}

export class Attempt {
  readonly job: ClaimedJob;
  readonly #payloads: LeasedJob['payloads'];
  readonly #handler: AnyJobHandler;
  readonly #plan: Plan;
  readonly #parts: AttemptParts;
  readonly #log: FastifyBaseLogger;
  readonly #deadline: Deadline;
  #isLeft = false;

  constructor({ job, payloads }: LeasedJob, handler: AnyJobHandler, plan: Plan, parts: AttemptParts) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = handler;
    this.job = job;
    this.#payloads = payloads;
    this.#handler = handler;
    this.#plan = plan;
    this.#parts = parts;
    this.#deadline = Deadline.after(timeoutMs, 0, () => this.#endOf(timeoutMs));
    const { id, task, tenantId, attempt } = job;
    this.#log = parts.log.child({ job: id, task, tenantId, attempt });
  }

  /** Ends the attempt without recording it: the job is another worker's, was cancelled, or is given back. */
  leave(): void {
    this.#isLeft = true;
    this.#deadline.cancel();
  }

  /** Never fails. */
  async run(): Promise<Outcome> {
    const failure = await this.#deadline.race(this.#handle(), GRACE_MS).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    // What is left of the handler can start nothing more.
    this.#deadline.cancel();
    if (this.#isLeft) return 'left';
    try {
      return await (failure ? this.#fail(failure.error) : this.#finish());
    } catch (unrecorded) {
      // The job runs again when its lease is over.
      this.#log.error({ err: unrecorded }, 'the end of a job could not be recorded');
      return 'left';
    }
  }

  /**
   * Records that the handler has done its work. When that fails, it is tried again: the handler has not failed, and its
   * effects may be there. After completeWith it changes nothing, unless the transaction was rolled back and the handler went
   * on.
   */
  async #finish(): Promise<Outcome> {
    const { queue } = this.#parts;
    for (const waitMs of FINISH_AGAIN_AFTER_MS) {
      try {
        return (await queue.finish(this.job)) ? 'succeeded' : 'left';
      } catch (error) {
        this.#log.warn({ err: error }, 'the end of a job could not be recorded; it will be tried again');
      }
      await sleep(waitMs);
      if (this.#isLeft) return 'left';
    }
    return (await queue.finish(this.job)) ? 'succeeded' : 'left';
  }

  async #handle(): Promise<void> {
    const stored = (await this.#payloads).get(this.job.id);
    if (!stored) {
      this.leave();
      return;
    }
    const parsed = this.#handler.payload.safeParse(stored.payload);
    if (!parsed.success) {
      throw new JobFailure('The payload is not what the task expects.', {
        retryAfterMs: 'never',
        cause: parsed.error,
      });
    }
    const trace = this.#trace(stored);
    const running = this.#runningJob(this.#client(this.#deadline, trace && new RequestUsage(trace)));
    await this.#handler.run(parsed.data, running).then(
      () => trace?.end(),
      (error: unknown) => {
        trace?.end(codeOf(error));
        throw error;
      },
    );
  }

  #trace({ traceparent }: StoredPayload): Trace | undefined {
    const { id, task, tenantId, attempt } = this.job;
    return Trace.begin(`job ${task}`, {
      kind: 'consumer',
      attributes: { 'tenant.id': tenantId, 'tenantry.job': id, 'tenantry.attempt': attempt },
      traceparent: traceparent ?? undefined,
    });
  }

  #runningJob(db: TenantClient): RunningJob {
    const { id, task, tenantId, attempt, maxAttempts, createdAt, causeType, cause } = this.job;
    const deadline = this.#deadline;
    return {
      id,
      task,
      tenantId,
      attempt,
      maxAttempts,
      createdAt,
      cause: { type: causeType, id: cause },
      requestId: requestOf(this.job),
      db,
      log: this.#log,
      context: this.#parts.context,
      get signal() {
        return deadline.signal;
      },
      completeWith: (tx) => completeJob(tx, this.job),
    };
  }

  async #fail(error: unknown): Promise<Outcome> {
    if (sqlState(error) === LOST_LEASE) return 'left';
    const { retryAfterMs = this.#handler.retryAfterMs?.(this.job.attempt) ?? backoff(this.job.attempt) } =
      error instanceof JobFailure ? error : {};
    const state = await failJob(
      this.#client(),
      this.job,
      reasonOf(error),
      retryAfterMs === 'never' ? null : Math.max(0, Math.round(retryAfterMs)),
    );
    if (state === null) return 'left';
    if (state === 'dead') this.#log.error({ err: error }, 'a job is dead: its last attempt failed');
    else this.#log.warn({ err: error }, 'an attempt of a job failed');
    return state === 'dead' ? 'dead' : 'failed';
  }

  /** @param deadline of the handler's client; recording the end has only the time limits of its transaction */
  #client(deadline?: Deadline, usage?: RequestUsage): TenantClient {
    return this.#parts.database.forTenant({ ...contextOf(this.job, this.#plan), deadline, usage });
  }

  #endOf(timeoutMs: number): PublicError {
    return new PublicError(
      'DEADLINE_EXCEEDED',
      this.#isLeft
        ? 'The job was taken from this worker.'
        : `The job took longer than ${String(timeoutMs / 1_000)} seconds.`,
    );
  }
}

/** In which a job works. */
export const contextOf = (job: ClaimedJob, plan: Plan) =>
  ({
    tenantId: job.tenantId,
    actor: { type: 'job', id: actorOf(job) },
    plan,
    requestId: requestOf(job),
  }) as const;

/** The actor of a job's changes in the audit log: the task, the job, and who caused it. `tenantry.enqueue` reads it. */
export const actorOf = ({ task, id, causeType, cause }: ClaimedJob): string =>
  `${task}/${id}/${causeType}:${cause}`;

/** A job that no request caused is its own request. */
const requestOf = ({ requestId, id }: ClaimedJob): string => requestId ?? id;

/** A sentence that the tenant may read. */
function reasonOf(error: unknown): string {
  return error instanceof JobFailure || error instanceof PublicError
    ? error.message
    : 'Internal error. The log of the server has it, under the id of the job.';
}

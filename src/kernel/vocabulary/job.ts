/** Jobs, as the code that queues them and the code that handles them know them. docs/jobs.md describes them. */

/**
 * The payload of each task, by declaration merging. A module adds its own tasks:
 *
 *     declare module '../../kernel/vocabulary/job.js' {
 *       interface JobPayloads {
 *         'conversation.digest': { readonly conversationId: string };
 *       }
 *     }
 *
 * A payload is JSON of at most 64 KiB. A task has the name of its module and of what is done.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- modules add to it
export interface JobPayloads {}

export type JobTask = Extract<keyof JobPayloads, string>;

export interface EnqueueOptions {
  /** When the job may start, at the earliest. Default: at the commit. */
  readonly runAt?: Date | undefined;
  /**
   * At most one queued job of the task has a certain key: another one replaces it. Jobs with the same key never run at
   * the same time.
   */
  readonly key?: string | undefined;
  /**
   * The time of a job that is replaced. `replace` (default) gives it the new time, so that repeated calls postpone it;
   * `preserve_run_at` keeps the old one.
   */
  readonly keyMode?: 'replace' | 'preserve_run_at' | undefined;
  /** How often the job is started, at most, until it is dead. From 1 to 100; default 10. */
  readonly maxAttempts?: number | undefined;
}

/** The states of a job. `dead`: its last attempt failed, or its failure was final. */
export const JOB_STATES = ['queued', 'running', 'succeeded', 'dead', 'cancelled'] as const;

export type JobState = (typeof JOB_STATES)[number];

/**
 * A handler throws it to end an attempt with a reason that the tenant may read, or to choose when the next attempt is.
 * Any other error is told as an internal error, and the next attempt follows by the handler's `retryAfterMs`.
 */
export class JobFailure extends Error {
  override readonly name = 'JobFailure';
  /** Milliseconds until the next attempt; `never` when no further attempt can succeed; undefined: as usual. */
  readonly retryAfterMs: number | 'never' | undefined;

  /** @param reason a sentence for whoever may read the tenant's jobs */
  constructor(reason: string, { retryAfterMs, cause }: JobFailureOptions = {}) {
    super(reason, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

export interface JobFailureOptions {
  readonly retryAfterMs?: number | 'never' | undefined;
  /** For the log. */
  readonly cause?: unknown;
}

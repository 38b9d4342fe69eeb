/**
 * A worker's visits to the database. Each records which jobs have ended well since the last one, tells how much time
 * tenants have used, and takes jobs, in one statement.
 */
import { hostname } from 'node:os';
import process from 'node:process';
import type { Plans } from '../../kernel/vocabulary/plan.js';
import type { Handlers } from './handlers.js';
import type { ClaimedJob, ClaimRequest, JobQueue } from './job-queue.js';

/** The most jobs of a tenant at once, when its plan does not say. */
const DEFAULT_MOST = 5;

/** A job whose handler has ended well, until that is recorded. */
interface Finished {
  readonly job: ClaimedJob;
  readonly recorded: (isMine: boolean) => void;
  readonly failed: (error: unknown) => void;
}

export interface VisitsParts {
  readonly queue: Pick<JobQueue, 'claim'>;
  readonly handlers: Handlers;
  readonly plans: Plans;
  readonly leaseMs: number;
}

export class Visits {
  readonly #queue: VisitsParts['queue'];
  readonly #plans: Plans;
  /** What every visit tells. */
  readonly #told: Pick<ClaimRequest, 'worker' | 'tasks' | 'plans' | 'leaseMs'>;
  /** Since the last visit, by tenant: seconds divided by the weight. */
  #used = new Map<string, number>();
  #finished: Finished[] = [];

  constructor({ queue, handlers, plans, leaseMs }: VisitsParts) {
    this.#queue = queue;
    this.#plans = plans;
    this.#told = {
      worker: `${hostname()}/${String(process.pid)}`,
      tasks: Object.fromEntries([...handlers].map(([task, { most }]) => [task, most ?? null])),
      plans: sharesOf(plans),
      leaseMs,
    };
  }

  /** Whether there is something to record. */
  get hasFinished(): boolean {
    return this.#finished.length > 0;
  }

  /** Charges the tenant of a job for time, in milliseconds. */
  charge({ tenantId, plan }: ClaimedJob, ms: number): void {
    this.#add(tenantId, ms / 1_000 / this.#plans.of(plan).weight);
  }

  /**
   * Has the end of a job recorded by the next visit.
   *
   * @returns false when the job was not this worker's any more
   * @throws the error of the visit, or of {@link giveUp}: it is not recorded
   */
  record(job: ClaimedJob): Promise<boolean> {
    return new Promise<boolean>((recorded, failed) => {
      this.#finished.push({ job, recorded, failed });
    });
  }

  /** @throws the error of the database; the time that tenants have used is told by the next visit */
  async claim(wanted: number): Promise<readonly ClaimedJob[]> {
    const used = this.#used;
    const finished = this.#finished;
    this.#used = new Map();
    this.#finished = [];
    try {
      const jobs = finished.map(({ job }) => job);
      const { claimed, lost } = await this.#queue.claim({ ...this.#told, finished: jobs, wanted, used });
      for (const { job, recorded } of finished) recorded(!lost.has(job.id));
      return claimed;
    } catch (error) {
      for (const [tenantId, seconds] of used) this.#add(tenantId, seconds);
      for (const { failed } of finished) failed(error);
      throw error;
    }
  }

  /** There will be no visit. */
  giveUp(): void {
    for (const { failed } of this.#finished.splice(0)) failed(new Error('The worker stops.'));
  }

  #add(tenantId: string, seconds: number): void {
    this.#used.set(tenantId, (this.#used.get(tenantId) ?? 0) + seconds);
  }
}

function sharesOf({ all, smallest }: Plans): ClaimRequest['plans'] {
  const shareOf = ({ weight, concurrentJobs = DEFAULT_MOST }: Plans['smallest']) => ({
    weight,
    most: concurrentJobs,
  });
  return { ...Object.fromEntries(all.map((plan) => [plan.name, shareOf(plan)])), '': shareOf(smallest) };
}

/**
 * Runs the jobs of all tenants. It asks the database for as many jobs as it has free slots, and the database gives them
 * out by weighted fair shares. While a job runs, its lease is prolonged; when the worker is killed, the lease ends, and
 * another worker runs the job again.
 */
import { hostname } from 'node:os';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { ModuleContext } from '../../kernel/graphql/request-context.js';
import type { AccessChange, AccessInvalidations } from '../../kernel/notifications/access-invalidations.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { Plans } from '../../kernel/vocabulary/plan.js';
import { Attempt, type Outcome } from './attempt.js';
import type { Handlers } from './handlers.js';
import { JobQueue, type ClaimedJob } from './job-queue.js';
import { Schedules } from './schedules.js';
import { Ticker } from './ticker.js';

/** How often a worker with a free slot asks for jobs, in milliseconds. A job that is due waits no longer for a free slot. */
export const POLL_MS = 250;
/** How long the database believes in a worker that it does not hear of, in milliseconds. */
export const LEASE_MS = 20_000;
/** The most jobs of a tenant at once, when its plan does not say. */
const DEFAULT_MOST = 5;
const UPKEEP_MS = 60_000;
/** How often workers look for schedules whose time has come, in milliseconds. */
const PLANNED_EVERY_MS = 15_000;
const REMOVED_AT_ONCE = 1_000;

export interface WorkerParts {
  readonly database: Pick<Database, 'query' | 'sign' | 'forTenant'>;
  readonly handlers: Handlers;
  readonly plans: Plans;
  readonly context: ModuleContext;
  /**
   * Says when a tenant may have been suspended: its running jobs are then taken back at once. Undefined: with their next
   * lease.
   */
  readonly invalidations?: Pick<AccessInvalidations, 'onChange'> | undefined;
  /** Called at the end of each attempt, with the tenant. */
  readonly onAttempt?: ((tenantId: string) => void) | undefined;
}

export interface WorkerOptions {
  /** The most jobs at once. */
  readonly slots: number;
  readonly pollMs?: number | undefined;
  readonly leaseMs?: number | undefined;
}

interface Running {
  readonly attempt: Attempt;
  readonly done: Promise<void>;
  /** On the clock of `performance.now()`: the time until then is charged to the tenant. */
  chargedUntil: number;
  /** On the clock of `performance.now()`: from then on another worker may have the job. */
  leasedUntil: number;
}

/** A job whose handler has ended well, until that is recorded. */
interface Finished {
  readonly job: ClaimedJob;
  readonly recorded: (isMine: boolean) => void;
  readonly failed: (error: unknown) => void;
}

/** The attempts that ended so far, by task and outcome. */
export type EndedAttempts = ReadonlyMap<string, ReadonlyMap<Outcome, number>>;

export class Worker {
  readonly #parts: WorkerParts;
  readonly #queue: JobQueue;
  readonly #schedules: Schedules;
  readonly #slots: number;
  readonly #pollMs: number;
  readonly #leaseMs: number;
  readonly #name = `${hostname()}/${String(process.pid)}`;
  readonly #running = new Map<string, Running>();
  readonly #ended = new Map<string, Map<Outcome, number>>();
  /** Since the last claim, by tenant: seconds divided by the weight. */
  #used = new Map<string, number>();
  /** What the next claim records. */
  #finished: Finished[] = [];
  /** Counts changes of tenants, so that a claim that was under way during one is checked. */
  #changes = 0;
  #isStopping = false;
  #wake: () => void = () => undefined;
  #log: FastifyBaseLogger | undefined;
  #loop: Promise<void> = Promise.resolve();
  #tickers: readonly Ticker[] = [];

  /** @throws Error when a handler has a cron expression that is none */
  constructor(parts: WorkerParts, { slots, pollMs = POLL_MS, leaseMs = LEASE_MS }: WorkerOptions) {
    this.#parts = parts;
    this.#queue = new JobQueue(parts.database);
    this.#schedules = new Schedules(parts.database, parts.handlers);
    this.#slots = slots;
    this.#pollMs = pollMs;
    this.#leaseMs = leaseMs;
    parts.invalidations?.onChange((change) => this.#hear(change));
  }

  /** The number of jobs that run here. */
  get running(): number {
    return this.#running.size;
  }

  get ended(): EndedAttempts {
    return this.#ended;
  }

  /** @param log receives the lines of the worker and of its jobs */
  start(log: FastifyBaseLogger): void {
    this.#log = log;
    this.#loop = this.#work(log);
    this.#tickers = [
      new Ticker(this.#leaseMs / 4, () => this.#prolong()),
      new Ticker(UPKEEP_MS, () => this.#keepUp()),
      new Ticker(PLANNED_EVERY_MS, () => this.#plan()),
    ];
  }

  /**
   * Takes no more jobs, waits for those that run, and gives back what is unfinished after `patienceMs`. Given back jobs
   * run again at once on another worker, and the attempt does not count. A worker that was stopped is not started again.
   */
  async stop(patienceMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#wake();
    await this.#loop;
    const running = [...this.#running.values()];
    const all = Promise.all(running.map(({ done }) => done));
    const impatience = new AbortController();
    await Promise.race([
      all,
      sleep(patienceMs, undefined, { signal: impatience.signal }).catch(() => undefined),
    ]);
    impatience.abort();
    const unfinished = [...this.#running.values()].map(({ attempt }) => attempt);
    for (const attempt of unfinished) attempt.leave();
    if (unfinished.length > 0) {
      await this.#attempting('jobs could not be given back', () =>
        this.#queue.release(unfinished.map(({ job }) => job)),
      );
    }
    await Promise.all(this.#tickers.map((ticker) => ticker.stop()));
    // Their handlers were told; the connections of the pool must not be closed under them.
    await all;
  }

  async #work(log: FastifyBaseLogger): Promise<void> {
    while (!this.#isStopping) {
      const freed = new Promise<void>((resolve) => (this.#wake = resolve));
      const free = this.#slots - this.#running.size + this.#finished.length;
      const before = this.#changes;
      const claimed = free > 0 ? await this.#claim(free) : [];
      for (const job of claimed) this.#begin(job, log);
      if (this.#changes !== before && claimed.length > 0) void this.#prolong();
      // The end of a job ends the wait: its slot is free, or the limit of its tenant kept another one.
      await this.#wait(freed);
    }
    this.#giveUp(this.#finished.splice(0), new Error('The worker stops.'));
  }

  async #wait(freed: Promise<void>): Promise<void> {
    if (this.#isStopping) return;
    const poll = new AbortController();
    await Promise.race([
      freed,
      sleep(this.#pollMs, undefined, { signal: poll.signal }).catch(() => undefined),
    ]);
    poll.abort();
  }

  /** Records what has finished, and takes as many jobs as there are free slots, in one statement. */
  async #claim(wanted: number): Promise<readonly ClaimedJob[]> {
    const used = this.#used;
    const finished = this.#finished;
    this.#used = new Map();
    this.#finished = [];
    try {
      const { claimed, lost } = await this.#queue.claim({
        worker: this.#name,
        finished: finished.map(({ job }) => job),
        wanted,
        tasks: this.#tasks(),
        plans: this.#shares(),
        used,
        leaseMs: this.#leaseMs,
      });
      for (const { job, recorded } of finished) recorded(!lost.has(job.id));
      return claimed;
    } catch (error) {
      for (const [tenantId, seconds] of used) this.#charge(tenantId, seconds);
      this.#giveUp(finished, error);
      this.#log?.warn({ err: error }, 'jobs could not be fetched; it will be tried again');
      return [];
    }
  }

  /** Their attempts record it themselves. */
  #giveUp(finished: readonly Finished[], error: unknown): void {
    for (const { failed } of finished) failed(error);
  }

  /** Records the end of a job with the next claim, which this causes. By itself when there is none, or when it fails. */
  async #finish(job: ClaimedJob): Promise<boolean> {
    const running = this.#running.get(job.lease);
    if (this.#isStopping || !running) return this.#queue.finish(job);
    this.#chargeFor(running);
    try {
      return await new Promise<boolean>((recorded, failed) => {
        this.#finished.push({ job, recorded, failed });
        this.#wake();
      });
    } catch {
      return this.#queue.finish(job);
    }
  }

  #begin(job: ClaimedJob, log: FastifyBaseLogger): void {
    const { handlers, plans, database, context, onAttempt } = this.#parts;
    const queue = { finish: (finished: ClaimedJob) => this.#finish(finished) };
    const attempt = new Attempt(job, handlers.get(job.task)!, plans.of(job.plan), {
      database,
      queue,
      context,
      log,
    });
    const begunAt = performance.now();
    const done = attempt.run().then((outcome) => {
      this.#chargeFor(running);
      this.#running.delete(job.lease);
      if (outcome !== 'left') onAttempt?.(job.tenantId);
      const outcomes = this.#ended.get(job.task) ?? new Map<Outcome, number>();
      this.#ended.set(job.task, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
      // A claim has recorded the success, and given the slot to another job when there was one.
      if (outcome !== 'succeeded') this.#wake();
    });
    const running: Running = { attempt, done, chargedUntil: begunAt, leasedUntil: begunAt + this.#leaseMs };
    this.#running.set(job.lease, running);
  }

  /** Charges the tenant for the time that its job ran since the last charge. */
  #chargeFor(running: Running): void {
    const { tenantId, plan } = running.attempt.job;
    const now = performance.now();
    this.#charge(tenantId, (now - running.chargedUntil) / 1_000 / this.#parts.plans.of(plan).weight);
    running.chargedUntil = now;
  }

  #charge(tenantId: string, seconds: number): void {
    this.#used.set(tenantId, (this.#used.get(tenantId) ?? 0) + seconds);
  }

  /** The database takes the jobs of a suspended tenant back when their leases are to be prolonged. */
  #hear(change: AccessChange | undefined): void {
    // A change of one member suspends nobody.
    if (change?.userId !== undefined) return;
    this.#changes++;
    void this.#prolong(change?.tenantId);
  }

  /** @param tenantId only for the jobs of this tenant */
  async #prolong(tenantId?: string): Promise<void> {
    const running = [...this.#running.values()].filter(
      ({ attempt }) => tenantId === undefined || attempt.job.tenantId === tenantId,
    );
    if (running.length === 0) return;
    const askedAt = performance.now();
    const lost = await this.#attempting('leases of jobs could not be prolonged', () =>
      this.#queue.extend(
        running.map(({ attempt }) => attempt.job),
        this.#leaseMs,
      ),
    );
    for (const each of running) {
      if (lost) each.leasedUntil = askedAt + this.#leaseMs;
      if (lost?.has(each.attempt.job.id) || each.leasedUntil <= performance.now()) each.attempt.leave();
    }
  }

  async #plan(): Promise<void> {
    await this.#attempting('recurring jobs could not be planned', () => this.#schedules.plan());
  }

  async #keepUp(): Promise<void> {
    await this.#attempting('finished jobs could not be removed', async () => {
      while (!this.#isStopping && (await this.#queue.removeFinished(REMOVED_AT_ONCE)) === REMOVED_AT_ONCE);
    });
  }

  async #attempting<Result>(problem: string, work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#log?.warn({ err: error }, problem);
      return undefined;
    }
  }

  #tasks(): Record<string, number | null> {
    return Object.fromEntries([...this.#parts.handlers].map(([task, { most }]) => [task, most ?? null]));
  }

  #shares(): Record<string, { weight: number; most: number }> {
    const { all, smallest } = this.#parts.plans;
    const shareOf = ({ weight, concurrentJobs = DEFAULT_MOST }: (typeof all)[number]) => ({
      weight,
      most: concurrentJobs,
    });
    return { ...Object.fromEntries(all.map((plan) => [plan.name, shareOf(plan)])), '': shareOf(smallest) };
  }
}

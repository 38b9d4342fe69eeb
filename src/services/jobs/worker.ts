/**
 * Runs the jobs of all tenants. It asks the database for as many jobs as it has free slots, and for some more while jobs are
 * short; the database gives them out by weighted fair shares. While a job runs, its lease is prolonged; when the worker is killed, the lease ends, and
 * another worker runs the job again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import type { ModuleContext } from '../../kernel/graphql/request-context.js';
import type { AccessChange, AccessInvalidations } from '../../kernel/notifications/access-invalidations.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { Plans } from '../../kernel/vocabulary/plan.js';
import { Attempt, contextOf, type LeasedJob, type Outcome } from './attempt.js';
import type { Handlers } from './handlers.js';
import { JobQueue, readPayloads, type ClaimedJob } from './job-queue.js';
import { AHEAD_MS, JobsAhead } from './jobs-ahead.js';
import { Schedules } from './schedules.js';
import { Ticker } from './ticker.js';
import { Visits } from './visits.js';

/** How often a worker with a free slot asks for jobs, in milliseconds. A job that is due waits no longer for a free slot. */
export const POLL_MS = 250;
/** How long the database believes in a worker that it does not hear of, in milliseconds. */
export const LEASE_MS = 20_000;
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
  /** How much work a slot is given ahead, in milliseconds. */
  readonly aheadMs?: number | undefined;
}

interface Running {
  readonly attempt: Attempt;
  readonly done: Promise<void>;
  /** On the clock of `performance.now()`. */
  readonly begunAt: number;
  /** Whether it counts among the jobs at once. It does not after its handler has ended, while that is recorded. */
  holdsSlot: boolean;
  /** On the clock of `performance.now()`: from then on another worker may have the job. */
  leasedUntil: number;
}

/** The attempts that ended so far, by task and outcome. */
export type EndedAttempts = ReadonlyMap<string, ReadonlyMap<Outcome, number>>;

export class Worker {
  readonly #parts: WorkerParts;
  readonly #queue: JobQueue;
  readonly #schedules: Schedules;
  readonly #visits: Visits;
  readonly #slots: number;
  readonly #pollMs: number;
  readonly #leaseMs: number;
  readonly #running = new Map<string, Running>();
  readonly #ahead: JobsAhead;
  readonly #ended = new Map<string, Map<Outcome, number>>();
  /** Counts changes of tenants, so that a claim that was under way during one is checked. */
  #changes = 0;
  #isStopping = false;
  #wake: () => void = () => undefined;
  #log: FastifyBaseLogger | undefined;
  #loop: Promise<void> = Promise.resolve();
  #tickers: readonly Ticker[] = [];

  /** @throws Error when a handler has a cron expression that is none */
  constructor(
    parts: WorkerParts,
    { slots, pollMs = POLL_MS, leaseMs = LEASE_MS, aheadMs = AHEAD_MS }: WorkerOptions,
  ) {
    this.#parts = parts;
    this.#queue = new JobQueue(parts.database);
    this.#schedules = new Schedules(parts.database, parts.handlers);
    this.#visits = new Visits({ ...parts, queue: this.#queue, leaseMs });
    this.#ahead = new JobsAhead(aheadMs);
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
    this.#loop = this.#work();
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
    await this.#giveBack(this.#ahead.takeAll());
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
    await this.#giveBack(unfinished.map(({ job }) => job));
    await Promise.all(this.#tickers.map((ticker) => ticker.stop()));
    // Their handlers were told; the connections of the pool must not be closed under them.
    await all;
  }

  async #work(): Promise<void> {
    while (!this.#isStopping) {
      const freed = new Promise<void>((resolve) => (this.#wake = resolve));
      this.#beginAhead();
      const free = this.#free();
      if (free > 0 || this.#visits.hasFinished) {
        const before = this.#changes;
        const wanted = free > 0 ? free + this.#ahead.room(this.#slots) : 0;
        this.#ahead.add(this.#withPayloads(await this.#claim(wanted)));
        this.#beginAhead();
        if (this.#changes !== before) void this.#prolong();
      }
      await this.#giveBack(this.#ahead.takeOverdue());
      // The end of a job ends the wait: its slot is free, or the limit of its tenant kept another one.
      await this.#wait(freed);
    }
    this.#visits.giveUp();
  }

  #free(): number {
    let free = this.#slots;
    for (const { holdsSlot } of this.#running.values()) if (holdsSlot) free--;
    return free;
  }

  #beginAhead(): void {
    while (!this.#isStopping && !this.#ahead.isEmpty && this.#free() > 0) this.#begin(this.#ahead.next()!);
  }

  /** Reads the payloads of each tenant's jobs at once, in its own context. */
  #withPayloads(claimed: readonly ClaimedJob[]): readonly LeasedJob[] {
    const { database, plans } = this.#parts;
    const leasedUntil = performance.now() + this.#leaseMs;
    const reads = new Map<string, ReturnType<typeof readPayloads>>();
    for (const job of claimed) {
      if (reads.has(job.tenantId)) continue;
      const ofTenant = claimed.filter(({ tenantId }) => tenantId === job.tenantId);
      const read = readPayloads(database.forTenant(contextOf(job, plans.of(job.plan))), ofTenant);
      // The attempts fail by it. Of jobs that are given back there is none.
      read.catch(() => undefined);
      reads.set(job.tenantId, read);
    }
    return claimed.map((job) => ({ job, leasedUntil, payloads: reads.get(job.tenantId)! }));
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

  async #claim(wanted: number): Promise<readonly ClaimedJob[]> {
    const claimed = await this.#attempting('jobs could not be fetched; it will be tried again', () =>
      this.#visits.claim(wanted),
    );
    return claimed ?? [];
  }

  /** Records the end of a job with the next visit, which this causes. By itself when there is none, or when it fails. */
  async #finish(job: ClaimedJob): Promise<boolean> {
    const running = this.#running.get(job.lease);
    if (this.#isStopping || !running) return this.#queue.finish(job);
    this.#freeSlot(running);
    const recorded = this.#visits.record(job);
    // Its slot goes to a job that is here already, or it causes the visit.
    if (this.#ahead.isEmpty) this.#wake();
    else this.#beginAhead();
    return recorded.catch(() => this.#queue.finish(job));
  }

  #begin(leased: LeasedJob): void {
    const { job, leasedUntil } = leased;
    if (leasedUntil <= performance.now()) return;
    const { handlers, plans, database, context, onAttempt } = this.#parts;
    const queue = { finish: (finished: ClaimedJob) => this.#finish(finished) };
    const attempt = new Attempt(leased, handlers.get(job.task)!, plans.of(job.plan), {
      database,
      queue,
      context,
      log: this.#log!,
    });
    const begunAt = performance.now();
    const done = attempt.run().then((outcome) => {
      this.#freeSlot(running);
      this.#running.delete(job.lease);
      if (outcome !== 'left') onAttempt?.(job.tenantId);
      const outcomes = this.#ended.get(job.task) ?? new Map<Outcome, number>();
      this.#ended.set(job.task, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
      // A claim has recorded the success, and given the slot to another job when there was one.
      if (outcome !== 'succeeded') this.#wake();
    });
    const running: Running = { attempt, done, begunAt, holdsSlot: true, leasedUntil };
    this.#running.set(job.lease, running);
  }

  /** Charges the tenant for the time that its job held a slot. */
  #freeSlot(running: Running): void {
    if (!running.holdsSlot) return;
    running.holdsSlot = false;
    const ms = performance.now() - running.begunAt;
    this.#visits.charge(running.attempt.job, ms);
    this.#ahead.took(ms);
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
    const isMeant = (job: ClaimedJob) => tenantId === undefined || job.tenantId === tenantId;
    const running = [...this.#running.values()].filter(({ attempt }) => isMeant(attempt.job));
    const jobs = [...running.map(({ attempt }) => attempt.job), ...this.#ahead.jobs.filter(isMeant)];
    if (jobs.length === 0) return;
    const askedAt = performance.now();
    const lost = await this.#attempting('leases of jobs could not be prolonged', () =>
      this.#queue.extend(jobs, this.#leaseMs),
    );
    if (lost) this.#ahead.drop(lost);
    for (const each of running) {
      if (lost) each.leasedUntil = askedAt + this.#leaseMs;
      if (lost?.has(each.attempt.job.id) || each.leasedUntil <= performance.now()) each.attempt.leave();
    }
  }

  async #giveBack(jobs: readonly ClaimedJob[]): Promise<void> {
    if (jobs.length === 0) return;
    await this.#attempting('jobs could not be given back', () => this.#queue.release(jobs));
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
}

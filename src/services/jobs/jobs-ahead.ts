/**
 * The jobs that a worker has leased before it has a free slot for them, so that one visit to the database serves several
 * short jobs. Long jobs are not taken ahead: they would wait here, while another worker has a free slot for them.
 */
import type { LeasedJob } from './attempt.js';
import type { ClaimedJob } from './job-queue.js';

/** A slot is given as many jobs ahead as it is expected to end in this time, in milliseconds. */
export const AHEAD_MS = 5;
/** The most jobs ahead of all slots. */
const MOST = 20;
/** A job that is still here after this time, in milliseconds, is for another worker. */
const WAITS_MS = 50;
/** What one short job takes off the expectation that jobs are as long as the one before. */
const FORGETS = 0.9;

export class JobsAhead {
  readonly #aheadMs: number;
  #jobs: LeasedJob[] = [];
  #takenAt = 0;
  /** How long jobs are expected to take, in milliseconds. Unknown at first. */
  #expectedMs = Infinity;

  constructor(aheadMs: number) {
    this.#aheadMs = aheadMs;
  }

  /** Tells how long a job took. One long job is believed at once, short jobs one by one. */
  took(ms: number): void {
    this.#expectedMs =
      this.#expectedMs === Infinity ? ms : Math.max(ms, FORGETS * this.#expectedMs + (1 - FORGETS) * ms);
  }

  /** The number of jobs that may be taken ahead. */
  room(slots: number): number {
    return Math.max(
      0,
      Math.min(MOST, Math.floor((slots * this.#aheadMs) / this.#expectedMs)) - this.#jobs.length,
    );
  }

  add(jobs: readonly LeasedJob[]): void {
    if (jobs.length === 0) return;
    this.#jobs.push(...jobs);
    this.#takenAt = performance.now();
  }

  next(): LeasedJob | undefined {
    return this.#jobs.shift();
  }

  get isEmpty(): boolean {
    return this.#jobs.length === 0;
  }

  /** The jobs that are here. */
  get jobs(): readonly ClaimedJob[] {
    return this.#jobs.map(({ job }) => job);
  }

  /** Removes the jobs that are not this worker's any more. */
  drop(lost: ReadonlySet<string>): void {
    this.#jobs = this.#jobs.filter(({ job }) => !lost.has(job.id));
  }

  /** Removes and returns all jobs when they have waited too long. */
  takeOverdue(): readonly ClaimedJob[] {
    return performance.now() - this.#takenAt < WAITS_MS ? [] : this.takeAll();
  }

  /** Removes and returns all jobs. */
  takeAll(): readonly ClaimedJob[] {
    return this.#jobs.splice(0).map(({ job }) => job);
  }
}

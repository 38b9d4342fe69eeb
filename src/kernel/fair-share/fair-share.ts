/**
 * Runs the work of many tenants in a limited number of slots, by weighted fair shares: see fair-schedule.ts. What a piece
 * of work costs is the time that it holds its slot.
 */
import { FairSchedule, type ScheduleOptions } from './fair-schedule.js';
import type { Claim, Ticket } from './lanes.js';
import { waitPatiently, type Patience } from './patience.js';

/** Gives a slot back. Further calls have no effect. */
export type Release = () => void;

export interface FairShareOptions extends ScheduleOptions {
  /** The most waiting work of a tenant. Default: unlimited. */
  readonly longestQueue?: number | undefined;
  /** A clock in milliseconds. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
  /** Called with how long a tenant's work held its slot, in milliseconds. */
  readonly onHeld?: ((tenant: string, milliseconds: number) => void) | undefined;
}

/** Without an end, for work that must be done. */
const PATIENT: Patience = { until: Infinity, refusal: () => new Error('a queue without limit was full') };

export class FairShare {
  readonly #schedule: FairSchedule;
  readonly #longestQueue: number;
  readonly #now: () => number;
  readonly #onHeld: (tenant: string, milliseconds: number) => void;
  #refused = 0;

  constructor({
    longestQueue = Infinity,
    now = () => performance.now(),
    onHeld = () => undefined,
    ...options
  }: FairShareOptions) {
    this.#schedule = new FairSchedule(options);
    this.#longestQueue = longestQueue;
    this.#now = now;
    this.#onHeld = onHeld;
  }

  /** The number of pieces of work that wait. */
  get waiting(): number {
    return this.#schedule.waiting;
  }

  /** The number of pieces of work that hold a slot. */
  get running(): number {
    return this.#schedule.running;
  }

  /** The number of pieces of work so far that were refused. */
  get refused(): number {
    return this.#refused;
  }

  /** The number of tenants in memory. */
  get tenants(): number {
    return this.#schedule.tenants;
  }

  /** Takes a slot if one may be taken now, without a promise. */
  tryEnter(claim: Claim): Release | undefined {
    const ticket = this.#schedule.start(claim);
    return ticket && this.#releaseOf(ticket, claim);
  }

  /**
   * Waits for a slot.
   *
   * @throws the refusal when the queue is full or the wait too long, and the reason of the ending; as a rejection
   */
  async enter(claim: Claim, patience: Patience = PATIENT): Promise<Release> {
    const free = this.tryEnter(claim);
    if (free) return free;
    if (this.#schedule.waitingOf(claim.tenant) >= this.#longestQueue) throw this.#refuse(patience);
    const ticket = await waitPatiently<Ticket>(
      { ...patience, refusal: () => this.#refuse(patience) },
      (done) => {
        const waiting = this.#schedule.wait(claim, done);
        this.#schedule.startNext();
        return () => this.#schedule.leave(waiting);
      },
    );
    return this.#releaseOf(ticket, claim);
  }

  /** Runs `work` in a slot, for which it waits without an end. */
  async run<Result>(claim: Claim, work: () => Promise<Result>): Promise<Result> {
    const release = this.tryEnter(claim) ?? (await this.enter(claim));
    try {
      return await work();
    } finally {
      release();
    }
  }

  #refuse({ refusal }: Patience): Error {
    this.#refused++;
    return refusal();
  }

  #releaseOf(ticket: Ticket, { tenant }: Claim): Release {
    const startedAt = this.#now();
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const held = Math.max(0, this.#now() - startedAt);
      this.#schedule.end(ticket, held);
      this.#onHeld(tenant, held);
      this.#schedule.startNext();
    };
  }
}

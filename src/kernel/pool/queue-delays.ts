/**
 * Notices queues that stay long, as CoDel does for packets (RFC 8289): a burst is no reason to refuse anybody, but a
 * queue that nothing passes quickly for a whole interval only makes everything late.
 */

/** When a queue counts as too long, in milliseconds. */
export interface DelayLimits {
  /** The longest acceptable delay of a queue that stays. */
  readonly target: number;
  /** How long the delay must stay above the target. */
  readonly interval: number;
}

/** Those of a running server. */
export const QUEUE_DELAYS: DelayLimits = { target: 50, interval: 500 };

interface Queue {
  /** When the work that waits joined, in order. */
  readonly waiting: Set<{ readonly since: number }>;
  /** Since when everything that left the queue had waited longer than the target. */
  lateSince: number | undefined;
  isStanding: boolean;
  /** The wait of the work that left the queue last. */
  lastDelay: number;
}

/** The key of all queues together; no tenant or caller has it. */
const ALL = '';

/** Queues for one resource. */
export class QueueDelays {
  readonly #limits: DelayLimits;
  readonly #now: () => number;
  /** The queues in which work waits; an empty queue is forgotten. */
  readonly #queues = new Map<string, Queue>();

  constructor(limits: DelayLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Work begins to wait. @returns ends its wait; must be called once */
  join(key: string): () => void {
    const leave = this.#join(key);
    const leaveAll = this.#join(ALL);
    return () => {
      leaveAll();
      leave();
    };
  }

  /** Work got the resource without a wait. */
  pass(): void {
    const all = this.#queues.get(ALL);
    if (all) this.#note(all, 0);
  }

  /**
   * Whether newcomers to this queue should be refused. Once a queue has stayed long, they are, whenever its delay is
   * above the target, until the queue is empty: its delay then stays near the target, and there is always work.
   */
  isTooLong(key: string): boolean {
    const queue = this.#queues.get(key);
    return queue !== undefined && queue.isStanding && queue.lastDelay > this.#limits.target;
  }

  /**
   * Whether newcomers to this queue should be refused because it is too long, or because all queues together are and this
   * one is late, too. Many short queues can be as late as a long one.
   */
  isOverloaded(key: string): boolean {
    if (this.isTooLong(key)) return true;
    const [oldest] = this.#queues.get(key)?.waiting ?? [];
    if (!oldest || this.#now() - oldest.since <= this.#limits.target) return false;
    return this.isTooLong(ALL);
  }

  #join(key: string): () => void {
    const queue: Queue = this.#queues.get(key) ?? {
      waiting: new Set(),
      lateSince: undefined,
      isStanding: false,
      lastDelay: 0,
    };
    this.#queues.set(key, queue);
    const work = { since: this.#now() };
    queue.waiting.add(work);
    return () => {
      queue.waiting.delete(work);
      const delay = this.#now() - work.since;
      if (queue.waiting.size === 0) this.#queues.delete(key);
      else this.#note(queue, delay);
    };
  }

  #note(queue: Queue, delay: number): void {
    queue.lastDelay = delay;
    if (delay <= this.#limits.target) {
      queue.lateSince = undefined;
      return;
    }
    const now = this.#now();
    queue.lateSince ??= now - delay + this.#limits.target;
    if (now - queue.lateSince >= this.#limits.interval) queue.isStanding = true;
  }
}

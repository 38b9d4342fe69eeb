/** Bounded places, for each key apart: whoever finds none waits in the queue of that key, for a time, in a queue of bounded length. */

/** How long somebody may wait. */
export interface Patience {
  /** On the clock of `performance.now()`. */
  readonly until: number;
  /** Ends the waiting, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error of whoever waited in vain, or found the queue too long. */
  readonly refusal: () => Error;
}

interface Queue {
  taken: number;
  /** In the order in which they came. */
  readonly waiting: (() => void)[];
}

export class Places {
  readonly #each: number;
  readonly #longest: number;
  readonly #queues = new Map<string, Queue>();
  #waiting = 0;
  #refused = 0;

  /**
   * @param each how many places each key has
   * @param longest how many may wait for the places of one key
   */
  constructor(each: number, longest: number) {
    this.#each = each;
    this.#longest = longest;
  }

  /** How many wait, of all keys. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many have been refused so far. */
  get refused(): number {
    return this.#refused;
  }

  /** Takes a place if there is one. Whoever took one has to {@link leave}. */
  enter(key: string): boolean {
    const queue = this.#queues.get(key);
    if (!queue) this.#queues.set(key, { taken: 1, waiting: [] });
    else if (queue.taken < this.#each) queue.taken++;
    else return false;
    return true;
  }

  /** Takes a place when there is one. Rejects with the refusal, or with the reason of the signal, without a place. */
  async wait(key: string, { until, signal, refusal }: Patience): Promise<void> {
    signal?.throwIfAborted();
    if (this.enter(key)) return;
    const { waiting } = this.#queues.get(key)!;
    const left = until - performance.now();
    if (waiting.length >= this.#longest || left <= 0) {
      this.#refused++;
      throw refusal();
    }
    this.#waiting++;
    try {
      await new Promise<void>((resolve, reject) => {
        const stop = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
        };
        const start = () => {
          stop();
          resolve();
        };
        const giveUp = (error: Error) => {
          stop();
          waiting.splice(waiting.indexOf(start), 1);
          reject(error);
        };
        const abort = () => giveUp(signal?.reason as Error);
        const timer = setTimeout(() => {
          this.#refused++;
          giveUp(refusal());
        }, left);
        signal?.addEventListener('abort', abort);
        waiting.push(start);
      });
    } finally {
      this.#waiting--;
    }
  }

  /** Hands the place to whoever has waited longest for one of this key. */
  leave(key: string): void {
    const queue = this.#queues.get(key);
    if (!queue) return;
    const next = queue.waiting.shift();
    if (next) next();
    else if (--queue.taken === 0) this.#queues.delete(key);
  }
}

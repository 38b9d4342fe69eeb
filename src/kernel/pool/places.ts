/**
 * Limits concurrent work per key. When a key has no free place, work waits in the key's queue, whose length and time
 * are limited.
 */
import { waitPatiently, type Patience } from '../fair-share/patience.js';

interface Queue {
  taken: number;
  /** The waiting work, in order of arrival. */
  readonly waiting: (() => void)[];
}

export class Places {
  readonly #each: number;
  readonly #longest: number;
  readonly #queues = new Map<string, Queue>();
  #waiting = 0;
  #refused = 0;

  /**
   * @param each the places of each key
   * @param longest the most waiting work of one key
   */
  constructor(each: number, longest: number) {
    this.#each = each;
    this.#longest = longest;
  }

  /** The number of waits of all keys. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The number of refusals so far. */
  get refused(): number {
    return this.#refused;
  }

  /** Takes a place if one is free. @returns whether it did; the taker must {@link leave} */
  enter(key: string): boolean {
    const queue = this.#queues.get(key);
    if (!queue) this.#queues.set(key, { taken: 1, waiting: [] });
    else if (queue.taken < this.#each) queue.taken++;
    else return false;
    return true;
  }

  /** Waits for a place and takes it. Rejects with the refusal, or with the reason of the ending, without a place. */
  async wait(key: string, patience: Patience): Promise<void> {
    if (patience.ending?.reason) throw patience.ending.reason;
    if (this.enter(key)) return;
    const { waiting } = this.#queues.get(key)!;
    const refusal = () => {
      this.#refused++;
      return patience.refusal();
    };
    if (waiting.length >= this.#longest) throw refusal();
    this.#waiting++;
    try {
      await waitPatiently<undefined>({ ...patience, refusal }, (done) => {
        const start = () => done(undefined);
        waiting.push(start);
        return () => void waiting.splice(waiting.indexOf(start), 1);
      });
    } finally {
      this.#waiting--;
    }
  }

  /** Frees the place for the longest wait of this key. */
  leave(key: string): void {
    const queue = this.#queues.get(key);
    if (!queue) return;
    const next = queue.waiting.shift();
    if (next) next();
    else if (--queue.taken === 0) this.#queues.delete(key);
  }
}

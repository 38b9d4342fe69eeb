import { tooSlow, type Closing } from './closing.js';

/** Changes that may wait for one subscription. They are ids, and shared by all that wait for them. */
export const LONGEST_QUEUE = 1_000;

interface Waiting<Change> {
  resolve(result: IteratorResult<Change, undefined>): void;
  reject(error: Closing): void;
}

/**
 * Changes on their way to one subscription, in order. Whoever puts never waits: a subscription that falls too far behind
 * is told that it missed something, and is given nothing after.
 */
export class ChangeQueue<Change> implements AsyncIterableIterator<Change, undefined> {
  private changes: Change[] = [];
  private waiting: Waiting<Change> | undefined;
  private failure: Closing | undefined;
  private ended = false;
  private release: () => void = () => undefined;

  /** @param release called once, when nothing is taken any more: now, if that is so already */
  onEnd(release: () => void): void {
    if (this.ended) release();
    else this.release = release;
  }

  put(change: Change): void {
    if (this.ended) return;
    if (this.waiting) {
      this.waiting.resolve({ value: change, done: false });
      this.waiting = undefined;
    } else if (this.changes.length < LONGEST_QUEUE) {
      this.changes.push(change);
    } else {
      this.fail(tooSlow());
    }
  }

  /** Throws away what waits, and tells why to whoever takes next. */
  fail(failure: Closing): void {
    if (this.ended) return;
    this.failure = failure;
    this.waiting?.reject(failure);
    this.end();
  }

  next(): Promise<IteratorResult<Change, undefined>> {
    return new Promise((resolve, reject) => {
      const [change] = this.changes.splice(0, 1);
      if (change !== undefined) resolve({ value: change, done: false });
      else if (this.failure) reject(this.failure);
      else if (this.ended) resolve({ value: undefined, done: true });
      else this.waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Change, undefined>> {
    const done = { value: undefined, done: true } as const;
    this.waiting?.resolve(done);
    this.end();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.changes = [];
    this.waiting = undefined;
    this.release();
  }
}

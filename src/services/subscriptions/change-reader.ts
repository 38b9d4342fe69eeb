import type { LoggedChange } from '../../kernel/notifications/change-log.js';
import type { RowChange } from '../../kernel/notifications/row-change.js';
import type { ChangeListener } from '../../kernel/notifications/change-events.js';
import { eventsMissed, type Closing } from './closing.js';

/** The most changes of an entity in a tenant that may wait for one subscription. */
export const FARTHEST_BEHIND = 10_000;
/** From this number of waiting changes on, an update is skipped when the same row was updated again. */
export const SKIPS_FROM = 100;

interface Waiting {
  resolve(result: IteratorResult<RowChange, undefined>): void;
  reject(failure: Closing): void;
}

/**
 * Reads the changes for one subscription, in order. It stores only its position in the log. Adding changes never waits:
 * a subscription that is too far behind fails and gets no further changes.
 */
export class ChangeReader implements AsyncIterableIterator<RowChange, undefined>, ChangeListener {
  readonly #isWanted: (change: RowChange) => boolean;
  /** The first waiting change, and the number of waiting changes. */
  #first: LoggedChange | undefined;
  #ahead = 0;
  #waiting: Waiting | undefined;
  #failure: Closing | undefined;
  #ended = false;
  #release: () => void = () => undefined;
  #blame: () => Closing = eventsMissed;
  #failed: (failure: Closing) => void = () => undefined;

  constructor(isWanted: (change: RowChange) => boolean) {
    this.#isWanted = isWanted;
  }

  /** @param release called once when the reader has ended; at once if it already has */
  onEnd(release: () => void): void {
    if (this.#ended) release();
    else this.#release = release;
  }

  /**
   * @param failed called as soon as the reader fails because changes were missed
   * @param blame gives the reason when changes were read too slowly
   */
  onFailure(failed: (failure: Closing) => void, blame: () => Closing): void {
    if (this.#failure) failed(this.#failure);
    this.#failed = failed;
    this.#blame = blame;
  }

  heard(logged: LoggedChange): void {
    if (this.#ended) return;
    const isWanted = this.#isWanted(logged.change);
    if (this.#first) {
      if (isWanted) this.#ahead++;
      if (logged.position - this.#first.position >= FARTHEST_BEHIND) this.#fail(this.#blame());
    } else if (isWanted && this.#waiting) {
      this.#waiting.resolve({ value: logged.change, done: false });
      this.#waiting = undefined;
    } else if (isWanted) {
      this.#first = logged;
      this.#ahead = 1;
    }
  }

  lost(): void {
    this.#fail(eventsMissed());
  }

  get isBehind(): boolean {
    return this.#first !== undefined;
  }

  /** The first waiting changes. */
  upcoming(most: number): RowChange[] {
    const changes: RowChange[] = [];
    for (let at = this.#first; at && changes.length < Math.min(most, this.#ahead); at = at.next) {
      if (this.#isWanted(at.change)) changes.push(at.change);
    }
    return changes;
  }

  next(): Promise<IteratorResult<RowChange, undefined>> {
    return new Promise((resolve, reject) => {
      const change = this.#take();
      if (change !== undefined) resolve({ value: change, done: false });
      else if (this.#failure) reject(this.#failure);
      else if (this.#ended) resolve({ value: undefined, done: true });
      else this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<RowChange, undefined>> {
    const done = { value: undefined, done: true } as const;
    this.#waiting?.resolve(done);
    this.#end();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): RowChange | undefined {
    let taken = this.#pass();
    while (taken?.isSuperseded && this.#ahead >= SKIPS_FROM) taken = this.#pass();
    return taken?.change;
  }

  /** Advances to the next change that the subscription wants. */
  #pass(): LoggedChange | undefined {
    const passed = this.#first;
    if (!passed) return undefined;
    this.#ahead--;
    let next = this.#ahead > 0 ? passed.next : undefined;
    while (next && !this.#isWanted(next.change)) next = next.next;
    this.#first = next;
    return passed;
  }

  #fail(failure: Closing): void {
    if (this.#ended) return;
    this.#failure = failure;
    this.#waiting?.reject(failure);
    this.#end();
    this.#failed(failure);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#first = undefined;
    this.#ahead = 0;
    this.#waiting = undefined;
    this.#release();
  }
}

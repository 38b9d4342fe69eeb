/**
 * The time at which a request has to be over. It is one object for the whole request: whatever waits on its behalf (for
 * a connection, for a statement, for the pause before a second try) looks at it, and statements that run when it passes
 * are cancelled in PostgreSQL.
 */
import { setMaxListeners } from 'node:events';
import { PublicError } from '../vocabulary/errors.js';

export class Deadline {
  readonly #makeError: () => PublicError;
  /** On the clock of `performance.now()`. */
  readonly #at: number;
  #isOver = false;
  readonly #listeners = new Set<() => void>();
  /** Runs only while somebody waits: most requests never need one. */
  #timer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;

  private constructor(remainingMs: number, makeError: () => PublicError) {
    this.#makeError = makeError;
    this.#at = performance.now() + remainingMs;
  }

  /**
   * The deadline of what may take so many milliseconds. Making one costs no timer.
   *
   * @param spentMs so many of them have passed
   * @param makeError what is not done in time fails with this instead of DEADLINE_EXCEEDED
   */
  static after(
    milliseconds: number,
    spentMs = 0,
    makeError = () => deadlineExceeded(milliseconds),
  ): Deadline {
    return new Deadline(milliseconds - spentMs, makeError);
  }

  /** Milliseconds that are left; 0 when it is over. */
  get remaining(): number {
    return this.#isOver ? 0 : Math.max(0, this.#at - performance.now());
  }

  /** True when the time is up, or when nobody waits for the answer any more. */
  get isOver(): boolean {
    return this.#isOver || performance.now() >= this.#at;
  }

  /** What everything fails with that is not done when it is over. */
  get error(): PublicError {
    return this.#makeError();
  }

  /** @throws DEADLINE_EXCEEDED when it is over */
  throwIfOver(): void {
    if (this.isOver) throw this.error;
  }

  /** Ends it now: the client has gone, and nobody waits for the answer. */
  cancel(): void {
    this.#end();
  }

  /**
   * Calls `listener` once, when it is over; at once when it already is.
   *
   * @returns how to stop waiting. Always call it: the timer runs as long as somebody waits.
   */
  whenOver(listener: () => void): () => void {
    if (this.isOver) {
      this.#end();
      listener();
      return ignore;
    }
    this.#listeners.add(listener);
    // Unreferenced: a deadline keeps no process from ending.
    this.#timer ??= setTimeout(() => this.#end(), Math.ceil(this.remaining)).unref();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** For functions of others that take a signal, `fetch` for instance. From the first use on a timer runs. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = (this.#controller = new AbortController());
      // As many as the request has fields that wait.
      setMaxListeners(0, controller.signal);
      this.whenOver(() => controller.abort(this.error));
    }
    return this.#controller.signal;
  }

  /**
   * Settles as `work` does, at the latest `graceMs` after the deadline.
   *
   * @param graceMs time for what was cancelled at the deadline to say how it ended
   * @throws DEADLINE_EXCEEDED; `work` goes on, and nobody hears how it ends
   */
  race<Result>(work: Promise<Result>, graceMs = 0): Promise<Result> {
    return new Promise((resolve, reject) => {
      let grace: NodeJS.Timeout | undefined;
      const stop = this.whenOver(() => {
        grace = setTimeout(() => reject(this.error), graceMs);
      });
      const done = () => {
        stop();
        clearTimeout(grace);
      };
      work.then(
        (result) => {
          done();
          resolve(result);
        },
        (error: unknown) => {
          done();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

const ignore = (): void => undefined;

const deadlineExceeded = (milliseconds: number): PublicError =>
  new PublicError(
    'DEADLINE_EXCEEDED',
    `The request took longer than ${String(milliseconds / 1_000)} seconds.`,
  );

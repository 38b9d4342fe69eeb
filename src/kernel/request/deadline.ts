/**
 * The time at which a request must end. There is one object per request: everything that waits for the request (for a
 * connection, a statement, or a retry) checks it, and statements that run when it passes are cancelled in PostgreSQL.
 */
import { setMaxListeners } from 'node:events';
import { PublicError } from '../vocabulary/errors.js';

export class Deadline {
  #makeError: () => PublicError;
  /** On the clock of `performance.now()`. */
  readonly #at: number;
  #isOver = false;
  readonly #listeners = new Set<() => void>();
  /** Runs only while something waits; most requests need no timer. */
  #timer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;
  #forgetSignal: (() => void) | undefined;

  private constructor(remainingMs: number, makeError: () => PublicError) {
    this.#makeError = makeError;
    this.#at = performance.now() + remainingMs;
  }

  /**
   * A deadline in this many milliseconds. Creating one starts no timer.
   *
   * @param spentMs milliseconds that have already passed
   * @param makeError the error to use instead of DEADLINE_EXCEEDED
   */
  static after(
    milliseconds: number,
    spentMs = 0,
    makeError = () => deadlineExceeded(milliseconds),
  ): Deadline {
    return new Deadline(milliseconds - spentMs, makeError);
  }

  /** The remaining milliseconds; 0 when it has passed. */
  get remaining(): number {
    return this.#isOver ? 0 : Math.max(0, this.#at - performance.now());
  }

  /** True when the time has passed, or when the client has disconnected. */
  get isOver(): boolean {
    return this.#isOver || performance.now() >= this.#at;
  }

  /** The error of everything that is unfinished when it passes. */
  get error(): PublicError {
    return this.#makeError();
  }

  /** @throws DEADLINE_EXCEEDED when it has passed */
  throwIfOver(): void {
    if (this.isOver) throw this.error;
  }

  /** Ends the request now, because the client has disconnected. */
  cancel(): void {
    this.#end();
  }

  /** Ends the request now, with this error for the client. */
  end(error: PublicError): void {
    if (this.isOver) return;
    this.#makeError = () => error;
    this.#end();
  }

  /**
   * Calls `listener` once when the deadline passes; at once when it already has.
   *
   * @returns a function that stops waiting. Always call it: the timer runs as long as anything waits.
   */
  whenOver(listener: () => void): () => void {
    if (this.isOver) {
      this.#end();
      listener();
      return ignore;
    }
    this.#listeners.add(listener);
    // Unreferenced, so that a deadline does not keep the process alive.
    this.#timer ??= setTimeout(() => this.#end(), Math.ceil(this.remaining)).unref();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** For functions that take a signal, such as `fetch`. The first use starts a timer. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = (this.#controller = new AbortController());
      // There are as many listeners as the request has waiting fields.
      setMaxListeners(0, controller.signal);
      this.#forgetSignal = this.whenOver(() => controller.abort(this.error));
    }
    return this.#controller.signal;
  }

  /** The request has been answered: its signal is not aborted any more, and its timer does not keep the request in memory. */
  finish(): void {
    this.#forgetSignal?.();
  }

  /**
   * Settles like `work`, at the latest `graceMs` after the deadline.
   *
   * @param graceMs time in which cancelled work may still report its end
   * @throws DEADLINE_EXCEEDED when the time has passed; `work` continues, and its outcome is ignored
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

/**
 * Ends one wait before its time. What an AbortController does, for one listener and at a fraction of the cost: under load
 * every request waits, most of them a few milliseconds.
 */
export class Ending {
  #reason: Error | undefined;
  #listener: ((reason: Error) => void) | undefined;

  /** Why the wait has ended; undefined while it has not. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Ends the wait with this error, unless it has ended. */
  end(reason: Error): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#listener?.(reason);
  }

  /** Calls `listener` at the end, until the returned function is called. A later listener replaces an earlier one. */
  onEnd(listener: (reason: Error) => void): () => void {
    this.#listener = listener;
    return () => {
      if (this.#listener === listener) this.#listener = undefined;
    };
  }
}

/** The longest delay of setTimeout. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Waits for the time at which a credential is no longer accepted. */
export class Expiry {
  readonly #whenOver: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(whenOver: () => void) {
    this.#whenOver = whenOver;
  }

  /** @param at in milliseconds since 1970; replaces an earlier one */
  set(at: number): void {
    clearTimeout(this.#timer);
    const left = at - Date.now();
    this.#timer = setTimeout(
      () => {
        if (left > LONGEST_TIMER_MS) this.set(at);
        else this.#whenOver();
      },
      Math.min(Math.max(left, 0), LONGEST_TIMER_MS),
    );
    this.#timer.unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** Repeats work at an interval, never twice at a time. */
export class Ticker {
  readonly #timer: NodeJS.Timeout;
  #underWay: Promise<void> | undefined;

  /**
   * @param everyMs milliseconds
   * @param work must not fail; skipped while the last one is still under way
   */
  constructor(everyMs: number, work: () => Promise<void>) {
    this.#timer = setInterval(() => {
      this.#underWay ??= work().finally(() => (this.#underWay = undefined));
    }, everyMs);
    this.#timer.unref();
  }

  /** Waits for work that is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#underWay;
  }
}

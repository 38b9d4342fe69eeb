/**
 * The queries and mutations of one connection: how many are answered at a time, when they begin, and how they end with
 * the connection.
 */
import { FairShare } from '../../kernel/fair-share/fair-share.js';
import { turnOf } from './turn-of.js';

/** Further ones wait. A browser has six connections for HTTP. */
export const REQUESTS_AT_ONCE = 8;

/** A query or mutation that is being answered. */
export interface Cancellable {
  cancel(): void;
}

export class Requests {
  readonly #gate = new FairShare({ slots: REQUESTS_AT_ONCE });
  readonly #open = new Set<Cancellable>();
  readonly #starting = new Set<Promise<void>>();
  #whenIdle: (() => void) | undefined;

  /**
   * Call it when a subscription is being started.
   *
   * @returns a function; call it when the subscription is in force, or refused
   */
  subscriptionStarts(): () => void {
    let end: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (end = resolve));
    this.#starting.add(started);
    return () => {
      this.#starting.delete(started);
      end();
    };
  }

  /**
   * Waits until the subscriptions that the client sent before are in force, so that a query sees every change that they
   * do not announce, and then for a free place.
   *
   * @returns a function that frees the place; call it when the answer has been sent
   */
  async turn(): Promise<() => void> {
    await Promise.all(this.#starting);
    return new Promise((take) => {
      void this.#gate.run(turnOf(undefined), () => new Promise<void>((free) => take(free)));
    });
  }

  begin(request: Cancellable): void {
    this.#open.add(request);
  }

  end(request: Cancellable): void {
    this.#open.delete(request);
    if (this.#open.size === 0) this.#whenIdle?.();
  }

  /** Settles when no request is open. */
  async idle(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
  }

  /** The connection has ended: nobody waits for the answers. */
  cancel(): void {
    for (const request of [...this.#open]) request.cancel();
  }
}

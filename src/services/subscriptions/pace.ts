import { eventsMissed, tooSlow, type Closing } from './closing.js';

type WaitsFor = 'client' | 'server' | 'nothing';

/** Measures who caused the delay since the subscription was last up to date: the client, who reads, or the server. */
export class Pace {
  #client = 0;
  #server = 0;
  #since = 0;
  #waitsFor: WaitsFor = 'nothing';

  clientIsReady(isBehind: boolean): void {
    this.#settle('nothing');
    if (!isBehind) this.#client = this.#server = 0;
  }

  serverHasWork(): void {
    this.#settle('server');
  }

  clientIsTold(): void {
    this.#settle('client');
  }

  /** The close code of a subscription that is too far behind. */
  blame(): Closing {
    this.#settle('nothing');
    return this.#client > this.#server ? tooSlow() : eventsMissed();
  }

  #settle(next: WaitsFor): void {
    const now = performance.now();
    if (this.#waitsFor === 'client') this.#client += now - this.#since;
    if (this.#waitsFor === 'server') this.#server += now - this.#since;
    this.#waitsFor = next;
    this.#since = now;
  }
}

/**
 * Requests that have arrived and not begun. What waits for the processor would otherwise wait where nobody sees it: in
 * the sockets. A few requests begin in each turn of the event loop, and the tenants take turns, so that hundreds of
 * requests of one tenant do not come before one of another. How long they wait says whether the server has more to do
 * than it can.
 */
import { QUEUE_DELAYS, QueueDelays, type DelayLimits } from '../kernel/pool/queue-delays.js';

/** The requests that begin in a short turn of the event loop. */
const EACH_TURN = 4;
/**
 * The requests that begin for each millisecond of a long turn. A turn is long when hundreds of requests were refused in
 * it, or when the process had to wait for a processor. A request takes about a millisecond, so this gives half of the
 * time to requests that are served.
 */
const EACH_MS = 0.5;
const MOST_EACH_TURN = 64;

export class Arrivals {
  /** By tenant, in the order of arrival. The first tenant is next. */
  readonly #queues = new Map<string, (() => void)[]>();
  readonly #delays: QueueDelays;
  readonly #now: () => number;
  #begunInTurn = 0;
  #isTurnDue = false;

  constructor(delays: DelayLimits = QUEUE_DELAYS, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#delays = new QueueDelays(delays, now);
  }

  /** Calls `begin` now, or in one of the next turns of the event loop. */
  take(tenantId: string, begin: () => void): void {
    this.#endTurnLater();
    if (this.#begunInTurn < EACH_TURN && this.#queues.size === 0) {
      this.#begunInTurn++;
      begin();
      return;
    }
    const leave = this.#delays.join(tenantId);
    const beginLater = () => {
      leave();
      begin();
    };
    const queue = this.#queues.get(tenantId);
    if (queue) queue.push(beginLater);
    else this.#queues.set(tenantId, [beginLater]);
  }

  /**
   * Whether further requests of this tenant should be refused: its own queue has stayed long, or that of all has, and this
   * tenant's is long now.
   */
  isOverloaded(tenantId: string): boolean {
    return this.#delays.isOverloaded(tenantId);
  }

  #endTurnLater(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    const since = this.#now();
    setImmediate(() => {
      this.#isTurnDue = false;
      this.#begunInTurn = 0;
      const most = Math.min(MOST_EACH_TURN, Math.max(EACH_TURN, (this.#now() - since) * EACH_MS));
      while (this.#begunInTurn < most && this.#beginNext()) this.#begunInTurn++;
    });
  }

  /** @returns whether a request waited */
  #beginNext(): boolean {
    const [next] = this.#queues;
    if (!next) return false;
    this.#endTurnLater();
    const [tenantId, queue] = next;
    const begin = queue.shift()!;
    this.#queues.delete(tenantId);
    // The tenant goes to the end.
    if (queue.length > 0) this.#queues.set(tenantId, queue);
    begin();
    return true;
  }
}

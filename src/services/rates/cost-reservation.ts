/** The cost that an operation has taken from the budget of its tenant. */
import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { Bucket, Ledger } from './ledger.js';

/** The state of a tenant's budget of cost, in points: `extensions.cost.throttle`. */
export interface Throttle {
  readonly maximumAvailable: number;
  readonly currentlyAvailable: number;
  /** Points per second. */
  readonly restoreRate: number;
}

/** `extensions.cost` of an answer. */
export interface CostReport {
  readonly requested: number;
  readonly actual: number;
  /** The most that an operation may request. */
  readonly limit: number;
  readonly throttle: Throttle;
}

/** The requested cost of an operation, and the budget that it is taken from. */
export interface Budgeted {
  readonly key: string;
  readonly bucket: Bucket;
  readonly limit: number;
  readonly requested: number;
}

export class CostReservation {
  readonly #ledger: Ledger;
  readonly #budgeted: Budgeted;
  readonly #available: number;
  #isSettled = false;

  /** @param available the points of the budget after the requested cost was taken */
  constructor(ledger: Ledger, budgeted: Budgeted, available: number) {
    this.#ledger = ledger;
    this.#budgeted = budgeted;
    this.#available = available;
  }

  /**
   * Gives back what the operation has not cost; nothing when it has cost as much as it requested, or more. Only the first
   * call gives anything back.
   */
  settle(actual: number): CostReport {
    const { key, bucket, limit, requested } = this.#budgeted;
    const counted = Math.min(actual, requested);
    const unused = requested - counted;
    if (!this.#isSettled && unused > 0) this.#ledger.give(key, bucket, unused);
    this.#isSettled = true;
    return { requested, actual: counted, limit, throttle: throttleOf(bucket, this.#available + unused) };
  }
}

const throttleOf = ({ size, restoreRate }: Bucket, available: number): Throttle => ({
  maximumAvailable: size,
  currentlyAvailable: Math.max(0, Math.min(size, Math.floor(available))),
  restoreRate,
});

/** The error for an operation that requests more than the budget has. */
export function refusedCost({ bucket, limit, requested }: Budgeted, available: number): PublicError {
  const { size, restoreRate } = bucket;
  const missing = Math.min(requested, size) - available;
  return new PublicError(
    'RATE_LIMITED',
    `The operation may cost ${String(requested)} points, more than this tenant has left. Try again later.`,
    {
      retryAfter: Math.max(1, Math.ceil(missing / restoreRate)),
      cost: { requested, limit, throttle: throttleOf(bucket, available) },
    },
  );
}

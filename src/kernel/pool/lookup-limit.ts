/**
 * Limits the look-ups before a tenant is known: of the user of a token, of an API key, and of an invitation.
 * Unauthenticated callers can cause them, so they get few connections of the pool, separate queues and little time.
 * Workers ask for jobs here too, and servers write what tenants have used, in queues of their own.
 */
import { rateLimited, unavailable } from '../vocabulary/errors.js';
import type { Release } from '../fair-share/fair-share.js';
import type { Patience } from '../fair-share/patience.js';
import { Places } from './places.js';

/** The purpose of a look-up. */
export type DoorPurpose = 'access' | 'api-key' | 'invitation' | 'changes' | 'jobs' | 'usage';

export interface Lookup {
  readonly purpose: DoorPurpose;
  /** A user whose token was verified. */
  readonly caller?: string | undefined;
}

/** The most look-ups that wait in each queue. */
const LONGEST_LINE = 500;

export class LookupLimit {
  readonly #maxWait: number;
  readonly #visits: Places;
  readonly #callers: Places;
  readonly #apiKeys: Places;
  readonly #invitations: Places;
  readonly #jobs: Places;
  readonly #usage = new Places(1, LONGEST_LINE);

  constructor({ poolSize, maxWait }: { readonly poolSize: number; readonly maxWait: number }) {
    const places = Math.max(1, Math.floor(poolSize / 4));
    const less = Math.max(1, places - 1);
    this.#maxWait = maxWait;
    this.#visits = new Places(places, LONGEST_LINE);
    // A user has one look-up at a time, across all tenants.
    this.#callers = new Places(1, LONGEST_LINE);
    // Anyone can invent keys, so these never get all places.
    this.#apiKeys = new Places(less, LONGEST_LINE);
    // An acceptance may wait for a change of the tenant's members; other look-ups must not wait for it.
    this.#invitations = new Places(less, LONGEST_LINE);
    // A worker prolongs leases while it waits for more jobs.
    this.#jobs = new Places(less, LONGEST_LINE);
  }

  /** The number of waiting look-ups. */
  get waiting(): number {
    return this.#all().reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** The number of refused look-ups so far. */
  get refused(): number {
    return this.#all().reduce((sum, { refused }) => sum + refused, 0);
  }

  /**
   * Requests one connection.
   *
   * @throws RATE_LIMITED, as a rejection, when the caller has too many look-ups running; UNAVAILABLE when all callers
   * together have
   */
  async enter({ purpose, caller }: Lookup): Promise<Release> {
    const until = performance.now() + this.#maxWait;
    const retryAfter = Math.max(1, Math.ceil(this.#maxWait / 1_000));
    const tooMany = () => rateLimited('Too many requests at once. Try again later.', retryAfter);
    const entered: [Places, string][] = [];
    const release = () => {
      for (const [places, key] of entered) places.leave(key);
    };
    const pass = async (places: Places, key: string, refusal: Patience['refusal']) => {
      if (!places.enter(key)) await places.wait(key, { until, refusal });
      entered.unshift([places, key]);
    };
    try {
      if (caller !== undefined) await pass(this.#callers, `${purpose} ${caller}`, tooMany);
      if (purpose === 'api-key') await pass(this.#apiKeys, purpose, unavailable);
      await pass(this.#placesFor(purpose), '', unavailable);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  #placesFor(purpose: DoorPurpose): Places {
    if (purpose === 'invitation') return this.#invitations;
    if (purpose === 'usage') return this.#usage;
    return purpose === 'jobs' ? this.#jobs : this.#visits;
  }

  #all(): Places[] {
    return [this.#visits, this.#callers, this.#apiKeys, this.#invitations, this.#jobs, this.#usage];
  }
}

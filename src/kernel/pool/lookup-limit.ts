/**
 * The look-ups that come before a tenant is known: who is behind a token or an API key, and whom an invitation is for.
 * Strangers can cause them, so that they have few connections of the pool, lines of their own, and end soon.
 */
import { rateLimited, unavailable } from '../vocabulary/errors.js';
import type { Release } from './admission.js';
import { Places, type Patience } from './places.js';

/** What is looked up. */
export type DoorPurpose = 'access' | 'api-key' | 'invitation' | 'changes';

export interface Lookup {
  readonly purpose: DoorPurpose;
  /** A user whose token was verified. */
  readonly caller?: string | undefined;
}

/** How many may wait, in each line. */
const LONGEST_LINE = 500;

export class LookupLimit {
  readonly #maxWait: number;
  readonly #visits: Places;
  readonly #callers: Places;
  readonly #apiKeys: Places;
  readonly #invitations: Places;

  constructor({ poolSize, maxWait }: { readonly poolSize: number; readonly maxWait: number }) {
    const places = Math.max(1, Math.floor(poolSize / 4));
    const less = Math.max(1, places - 1);
    this.#maxWait = maxWait;
    this.#visits = new Places(places, LONGEST_LINE);
    // One user asks once at a time, in as many tenants as they like.
    this.#callers = new Places(1, LONGEST_LINE);
    // Anybody can make up keys: these never have all places.
    this.#apiKeys = new Places(less, LONGEST_LINE);
    // An acceptance may wait for whoever changes the members of the tenant, which the others must not wait for.
    this.#invitations = new Places(less, LONGEST_LINE);
  }

  /** How many wait. */
  get waiting(): number {
    return this.#all().reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** How many were refused so far. */
  get refused(): number {
    return this.#all().reduce((sum, { refused }) => sum + refused, 0);
  }

  /**
   * Asks for one connection.
   *
   * @throws RATE_LIMITED, as a rejection, for a caller who has too many look-ups under way; else UNAVAILABLE
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
      await pass(purpose === 'invitation' ? this.#invitations : this.#visits, '', unavailable);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  #all(): Places[] {
    return [this.#visits, this.#callers, this.#apiKeys, this.#invitations];
  }
}

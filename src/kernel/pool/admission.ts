/**
 * Decides who may take a connection of the pool. All tenants share the pool: without a limit, one tenant with three
 * hundred slow statements would make everyone else wait for all of them.
 */
import { rateLimited } from '../vocabulary/errors.js';
import type { Actor } from '../vocabulary/actor.js';
import { Places, type Patience } from './places.js';

/** Frees the admitted connection. Call it once. */
export type Release = () => void;

/** The remaining time of a request. */
export interface RequestLimit {
  /** In milliseconds. */
  readonly remaining: number;
  /** Aborted at the end of the request, with the error for the caller. */
  readonly signal: AbortSignal;
}

/** The policy of admission. Implement it to give tenants weighted shares. */
export interface Admission {
  /**
   * Requests one connection.
   *
   * @returns the release, without a promise when there is no wait, which saves time
   * @throws RATE_LIMITED, as a rejection
   */
  admit(tenantId: string, actor: Actor, limit?: RequestLimit): Release | Promise<Release>;
}

/** Runs `work` when it may take a connection. */
export async function admitted<Result>(
  admission: Admission,
  { tenantId, actor }: { readonly tenantId: string; readonly actor: Actor },
  work: () => Promise<Result>,
  limit?: RequestLimit,
): Promise<Result> {
  const asked = admission.admit(tenantId, actor, limit);
  const release = typeof asked === 'function' ? asked : await asked;
  try {
    return await work();
  } finally {
    release();
  }
}

/** The most operations that wait for one caller's connections, and for one tenant's. */
const CALLER_QUEUE = 500;
const TENANT_QUEUE = 1_000;

export interface ShareOptions {
  readonly poolSize: number;
  /** The most connections of one tenant. By default half of the pool. */
  readonly perTenant?: number | undefined;
  /** The longest wait for a connection, in milliseconds. */
  readonly maxWait: number;
}

/**
 * Gives each tenant a share of the pool, and each caller (a user across all tenants, or an API key) one connection
 * less, so that one caller does not block their whole tenant. Operations beyond the share wait in order. A caller's
 * operations wait in the caller's queue before they join the tenant's, so that no caller fills the tenant's queue.
 */
export class PoolShare implements Admission {
  /** The most connections of one tenant, and of one caller. */
  readonly perTenant: number;
  readonly perCaller: number;
  readonly #maxWait: number;
  readonly #tenants: Places;
  readonly #users: Places;
  readonly #apiKeys: Places;

  constructor({ poolSize, perTenant, maxWait }: ShareOptions) {
    this.perTenant = Math.min(poolSize, perTenant ?? Math.max(1, Math.ceil(poolSize / 2)));
    this.perCaller = Math.max(1, this.perTenant - 1);
    this.#maxWait = maxWait;
    this.#tenants = new Places(this.perTenant, TENANT_QUEUE);
    this.#users = new Places(this.perCaller, CALLER_QUEUE);
    this.#apiKeys = new Places(this.perCaller, CALLER_QUEUE);
  }

  admit(tenantId: string, actor: Actor, limit?: RequestLimit): Release | Promise<Release> {
    const callers = this.#callersOf(actor);
    if (callers && !callers.enter(actor.id)) return this.#wait(tenantId, actor.id, callers, false, limit);
    if (!this.#tenants.enter(tenantId)) return this.#wait(tenantId, actor.id, callers, true, limit);
    return this.#release(tenantId, actor.id, callers);
  }

  /** The number of waiting operations, by the limit that they wait for. */
  get waiting(): { readonly tenant: number; readonly caller: number } {
    return { tenant: this.#tenants.waiting, caller: this.#users.waiting + this.#apiKeys.waiting };
  }

  /** The number of refused operations so far, by the limit that they waited for. */
  get refused(): { readonly tenant: number; readonly caller: number } {
    return { tenant: this.#tenants.refused, caller: this.#users.refused + this.#apiKeys.refused };
  }

  /** Undefined for work of the server or an operator, which only waits in the tenant's queue. */
  #callersOf({ type }: Actor): Places | undefined {
    if (type === 'user') return this.#users;
    return type === 'api_key' ? this.#apiKeys : undefined;
  }

  #release(tenantId: string, callerId: string, callers: Places | undefined): Release {
    return () => {
      this.#tenants.leave(tenantId);
      callers?.leave(callerId);
    };
  }

  async #wait(
    tenantId: string,
    callerId: string,
    callers: Places | undefined,
    isAhead: boolean,
    limit: RequestLimit | undefined,
  ): Promise<Release> {
    const patience: Patience = {
      until: performance.now() + Math.min(this.#maxWait, limit?.remaining ?? Infinity),
      signal: limit?.signal,
      refusal: () =>
        rateLimited(
          'Too much is under way for this tenant, or for this caller. Try again later.',
          Math.max(1, Math.ceil(this.#maxWait / 1_000)),
        ),
    };
    if (!isAhead) await callers?.wait(callerId, patience);
    try {
      await this.#tenants.wait(tenantId, patience);
    } catch (error) {
      callers?.leave(callerId);
      throw error;
    }
    return this.#release(tenantId, callerId, callers);
  }
}

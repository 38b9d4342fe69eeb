/**
 * Who may take a connection of the pool, before they take it. All tenants share the pool: without a limit, one of them that
 * has three hundred slow statements under way makes everybody else wait for all of them.
 */
import { rateLimited } from '../vocabulary/errors.js';
import type { Actor } from '../vocabulary/actor.js';
import { Places, type Patience } from './places.js';

/** Gives back what was admitted. Called once. */
export type Release = () => void;

/** What is left of a request. */
export interface RequestLimit {
  /** In milliseconds. */
  readonly remaining: number;
  /** Aborted when the request is over; with the error that its caller is told. */
  readonly signal: AbortSignal;
}

/** The policy: the one place to change when tenants are to be given shares by weight. */
export interface Admission {
  /**
   * Asks for one connection.
   *
   * @returns at once when there is nothing to wait for, so that this costs no promise
   * @throws RATE_LIMITED, as a rejection
   */
  admit(tenantId: string, actor: Actor, limit?: RequestLimit): Release | Promise<Release>;
}

/** Runs `work` on a connection that it may take. */
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

/** How many may wait for the connections of one caller, and of one tenant. */
const CALLER_QUEUE = 500;
const TENANT_QUEUE = 1_000;

export interface ShareOptions {
  readonly poolSize: number;
  /** How many connections one tenant holds at the most. By default half of the pool. */
  readonly perTenant?: number | undefined;
  /** How long a connection may be waited for, in milliseconds. */
  readonly maxWait: number;
}

/**
 * Gives each tenant a share of the pool, and each caller (a user, in whichever tenants; an API key) one place less, so that
 * one caller does not keep their whole tenant waiting. What is beyond the share waits, the longest first; a caller's
 * operations wait in a queue of their own before they join the tenant's, so that no caller fills that.
 */
export class PoolShare implements Admission {
  /** How many connections one tenant, and one caller, holds at the most. */
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

  /** Operations that wait, by what they wait for. */
  get waiting(): { readonly tenant: number; readonly caller: number } {
    return { tenant: this.#tenants.waiting, caller: this.#users.waiting + this.#apiKeys.waiting };
  }

  /** Operations that were refused so far, by what they waited for. */
  get refused(): { readonly tenant: number; readonly caller: number } {
    return { tenant: this.#tenants.refused, caller: this.#users.refused + this.#apiKeys.refused };
  }

  /** The server's own work in a tenant, and its operator's, has no queue but the tenant's. */
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

/**
 * The gate in front of the pool. All tenants share its connections: each tenant's transactions wait in a queue of their
 * own, and a free connection goes to the tenant that has had the least of its weighted share. A tenant never holds more
 * than its limit, so that slow statements of one tenant leave connections to the others.
 */
import { Ending } from '../fair-share/ending.js';
import { FairShare, type Release } from '../fair-share/fair-share.js';
import type { Claim } from '../fair-share/lanes.js';
import type { Patience } from '../fair-share/patience.js';
import type { Actor } from '../vocabulary/actor.js';
import { PublicError, rateLimited } from '../vocabulary/errors.js';
import type { Admission, Applicant } from './admission.js';
import { Places } from './places.js';
import { QUEUE_DELAYS, QueueDelays, type DelayLimits } from './queue-delays.js';

/** The most operations that wait for one caller's connections, and for one tenant's. */
const CALLER_QUEUE = 500;
const TENANT_QUEUE = 1_000;

/**
 * How much longer than others with as much work a tenant may hold connections before it has to wait for that. Smaller, and
 * the chances of single transactions would decide who waits; larger, and a tenant could take more for longer.
 */
const TOLERANCE_MS = 1_000;

export interface GateOptions {
  readonly poolSize: number;
  /** The most connections of one tenant, whatever its plan. By default half of the pool. */
  readonly perTenant?: number | undefined;
  /** The longest wait for a connection, in milliseconds. */
  readonly maxWait: number;
  /** When a queue counts as too long. Default: {@link QUEUE_DELAYS}. */
  readonly delays?: DelayLimits | undefined;
  /** A clock in milliseconds, for what is charged. Default: `performance.now`. */
  readonly now?: (() => number) | undefined;
}

/** A change of access: of one member of a tenant, or of all. */
export interface ChangedAccess {
  readonly tenantId: string;
  readonly userId?: string | undefined;
}

/** An operation that waits. */
interface Wait {
  readonly applicant: Applicant;
  readonly ending: Ending;
}

/**
 * Each caller (a user across all tenants, or an API key) may hold one connection less than a tenant, so that one caller
 * does not block their whole tenant. A caller's operations wait in the caller's queue before they join the tenant's, so
 * that no caller fills the tenant's queue.
 */
export class FairGate implements Admission {
  /** The most connections of one tenant, and of one caller. */
  readonly perTenant: number;
  readonly perCaller: number;
  readonly #maxWait: number;
  readonly #share: FairShare;
  readonly #users: Places;
  readonly #apiKeys: Places;
  readonly #now: () => number;
  readonly #tenantDelays: QueueDelays;
  readonly #callerDelays: QueueDelays;
  /** By tenant. */
  readonly #waits = new Map<string, Set<Wait>>();
  #waited: (milliseconds: number) => void = () => undefined;
  #held: (tenantId: string, milliseconds: number) => void = () => undefined;
  #end: PublicError | undefined;

  constructor({
    poolSize,
    perTenant,
    maxWait,
    delays = QUEUE_DELAYS,
    now = () => performance.now(),
  }: GateOptions) {
    this.perTenant = Math.min(poolSize, perTenant ?? Math.max(1, Math.ceil(poolSize / 2)));
    this.perCaller = Math.max(1, this.perTenant - 1);
    this.#maxWait = maxWait;
    this.#now = now;
    this.#tenantDelays = new QueueDelays(delays, now);
    this.#callerDelays = new QueueDelays(delays, now);
    this.#share = new FairShare({
      slots: poolSize,
      tolerance: TOLERANCE_MS,
      longestQueue: TENANT_QUEUE,
      now,
      onHeld: (tenantId, milliseconds) => this.#held(tenantId, milliseconds),
    });
    this.#users = new Places(this.perCaller, CALLER_QUEUE);
    this.#apiKeys = new Places(this.perCaller, CALLER_QUEUE);
  }

  admit(applicant: Applicant): Release | Promise<Release> {
    const { actor } = applicant;
    const callers = this.#callersOf(actor);
    if (callers && !callers.enter(actor.id)) return this.#wait(applicant, callers, false);
    const leave = this.#share.tryEnter(this.#claimOf(applicant));
    if (!leave) return this.#wait(applicant, callers, true);
    this.#tenantDelays.pass();
    return releaseOf(leave, callers, actor);
  }

  /** The number of waiting operations, by the queue. */
  get waiting(): { readonly tenant: number; readonly caller: number } {
    return { tenant: this.#share.waiting, caller: this.#users.waiting + this.#apiKeys.waiting };
  }

  /** The number of refused operations so far, by the queue. */
  get refused(): { readonly tenant: number; readonly caller: number } {
    return { tenant: this.#share.refused, caller: this.#users.refused + this.#apiKeys.refused };
  }

  /** Calls `listener` with the time of each wait that ended with a connection, in milliseconds. */
  onWaited(listener: (milliseconds: number) => void): void {
    this.#waited = listener;
  }

  /** Calls `listener` with how long each operation held its connection, in milliseconds. */
  onHeld(listener: (tenantId: string, milliseconds: number) => void): void {
    this.#held = listener;
  }

  /**
   * Whether more work of this caller should be refused now: the queue that it would join stays too long, or the queues of
   * all tenants together do, and this tenant's is late.
   */
  isOverloaded(tenantId: string, actor: Actor): boolean {
    return this.#tenantDelays.isOverloaded(tenantId) || this.#callerDelays.isTooLong(callerKey(actor));
  }

  /** Confirms the access of the operations that wait, and ends the waits of those who have lost it. */
  accessChanged(change: ChangedAccess | undefined): void {
    const concerned = change ? (this.#waits.get(change.tenantId) ?? []) : this.#allWaits();
    for (const { applicant, ending } of concerned) {
      const { access } = applicant;
      if (change?.userId !== undefined && change.userId !== access?.memberId) continue;
      access?.confirm().catch((error: unknown) => {
        if (isRefusal(error)) ending.end(error);
      });
    }
  }

  /** Ends all waits with this error, now and from now on. Operations that need not wait are admitted. */
  endWaits(error: PublicError): void {
    this.#end = error;
    for (const { ending } of this.#allWaits()) ending.end(error);
  }

  /** Undefined for work of the server or an operator, which only waits in the tenant's queue. */
  #callersOf({ type }: Actor): Places | undefined {
    if (type === 'user') return this.#users;
    return type === 'api_key' ? this.#apiKeys : undefined;
  }

  #claimOf({ tenantId, plan, actor }: Applicant): Claim {
    return {
      tenant: tenantId,
      weight: plan?.weight ?? 1,
      most: Math.min(this.perTenant, plan?.concurrentTransactions ?? this.perTenant),
      priority: actor.type === 'job' ? 'background' : 'interactive',
    };
  }

  /** @param isAhead whether the caller's place is taken already */
  async #wait(applicant: Applicant, callers: Places | undefined, isAhead: boolean): Promise<Release> {
    const { tenantId, actor, deadline } = applicant;
    const askedAt = this.#now();
    const ending = new Ending();
    const patience: Patience = {
      until: performance.now() + Math.min(this.#maxWait, deadline?.remaining ?? Infinity),
      ending,
      refusal: () =>
        rateLimited(
          'Too much is under way for this tenant, or for this caller. Try again later.',
          Math.max(1, Math.ceil(this.#maxWait / 1_000)),
        ),
    };
    const forget = this.#remember(applicant, ending);
    try {
      if (callers && !isAhead) {
        await queued(this.#callerDelays, callerKey(actor), () => callers.wait(actor.id, patience));
      }
      try {
        const leave = await queued(this.#tenantDelays, tenantId, () =>
          this.#share.enter(this.#claimOf(applicant), patience),
        );
        this.#waited(this.#now() - askedAt);
        return releaseOf(leave, callers, actor);
      } catch (error) {
        callers?.leave(actor.id);
        throw error;
      }
    } finally {
      forget();
    }
  }

  /** Ends the wait at the end of the request, of the server or of the caller's access. */
  #remember(applicant: Applicant, ending: Ending): () => void {
    const { tenantId, deadline } = applicant;
    const waits = this.#waits.get(tenantId) ?? new Set();
    this.#waits.set(tenantId, waits);
    const wait = { applicant, ending };
    waits.add(wait);
    const stop = deadline?.whenOver(() => ending.end(deadline.error));
    if (this.#end) ending.end(this.#end);
    return () => {
      stop?.();
      waits.delete(wait);
      if (waits.size === 0 && this.#waits.get(tenantId) === waits) this.#waits.delete(tenantId);
    };
  }

  #allWaits(): Wait[] {
    return [...this.#waits.values()].flatMap((waits) => [...waits]);
  }
}

async function queued<Result>(
  delays: QueueDelays,
  key: string,
  wait: () => Promise<Result>,
): Promise<Result> {
  const leave = delays.join(key);
  try {
    return await wait();
  } finally {
    leave();
  }
}

const callerKey = ({ type, id }: Actor): string => `${type} ${id}`;

function releaseOf(leave: Release, callers: Places | undefined, { id }: Actor): Release {
  if (!callers) return leave;
  return () => {
    leave();
    callers.leave(id);
  };
}

/** Whether an error says that the caller has no access, and not that this could not be found out. */
const isRefusal = (error: unknown): error is PublicError =>
  error instanceof PublicError && error.code !== 'UNAVAILABLE' && error.code !== 'RATE_LIMITED';

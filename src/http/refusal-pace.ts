/**
 * Slows down clients that send again as soon as they are refused. A refusal costs little, but hundreds of connections of
 * one tenant that do nothing else would keep the server busy. Fifty refusals of a tenant are answered at once, and from
 * then on fifty per second. When more wait than that answers in five seconds, the rate is so high that nobody waits
 * longer. Refusals are never answered all together: their clients would come back all together.
 */
/** The time between two refusals of a tenant, in the long run. */
const BETWEEN_MS = 20;
/** The refusals that are answered at once add up to this time. */
const AT_ONCE_MS = 1_000;
const LONGEST_MS = 5_000;

/** The client's connection, or its answer: it says when the client has gone. */
export interface Closable {
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

interface Tenant {
  /** The turn of its next refusal, if none waits. */
  turn: number;
  /** The refusals that wait, in order. */
  readonly waiting: Set<() => void>;
  /** The most refusals that have waited together since the queue was empty. */
  most: number;
  timer: NodeJS.Timeout | undefined;
}

export class RefusalPace {
  readonly #tenants = new Map<string, Tenant>();
  #cleaning: NodeJS.Timeout | undefined;

  /** Resolves when the next refusal of this tenant may be answered, or the client has disconnected. */
  next(tenantId: string, answer: Closable): Promise<void> | undefined {
    const now = performance.now();
    const tenant = this.#tenantOf(tenantId);
    if (tenant.waiting.size === 0) {
      tenant.turn = Math.max(now, tenant.turn) + BETWEEN_MS;
      if (tenant.turn - now <= AT_ONCE_MS) return undefined;
      tenant.most = 0;
    }
    return new Promise((resolve) => {
      const done = () => {
        answer.off('close', done);
        tenant.waiting.delete(done);
        resolve();
      };
      answer.once('close', done);
      tenant.waiting.add(done);
      tenant.most = Math.max(tenant.most, tenant.waiting.size);
      tenant.timer ??= setInterval(() => answerSome(tenant), BETWEEN_MS);
    });
  }

  /** Answers everybody now. */
  close(): void {
    clearTimeout(this.#cleaning);
    for (const { waiting, timer } of this.#tenants.values()) {
      clearInterval(timer);
      for (const done of waiting) done();
    }
  }

  #tenantOf(tenantId: string): Tenant {
    const known = this.#tenants.get(tenantId);
    if (known) return known;
    const tenant = { turn: 0, waiting: new Set<() => void>(), most: 0, timer: undefined };
    this.#tenants.set(tenantId, tenant);
    this.#cleanLater();
    return tenant;
  }

  /** Forgets tenants that are not refused any more. */
  #cleanLater(): void {
    this.#cleaning ??= setTimeout(() => {
      this.#cleaning = undefined;
      const now = performance.now();
      for (const [tenantId, { turn, waiting }] of this.#tenants) {
        if (waiting.size === 0 && turn <= now) this.#tenants.delete(tenantId);
      }
      if (this.#tenants.size > 0) this.#cleanLater();
    }, AT_ONCE_MS).unref();
  }
}

function answerSome(tenant: Tenant): void {
  let count = Math.ceil((tenant.most * BETWEEN_MS) / LONGEST_MS);
  for (const done of tenant.waiting) {
    if (count-- === 0) break;
    done();
  }
  if (tenant.waiting.size > 0) return;
  clearInterval(tenant.timer);
  tenant.timer = undefined;
  // None is answered at once now.
  tenant.turn = performance.now() + AT_ONCE_MS;
}

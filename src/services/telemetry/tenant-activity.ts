/**
 * What the tenants use, for metrics with a label per tenant. The number of labels is bounded: only the tenants that used the
 * database most in the last minutes have one, all others together are `other`. No sum ever decreases: what a tenant used
 * while it had a label counts for `other` when it loses the label.
 */

/** The tenants with a label. */
export const MOST_LABELS = 20;
/** The tenants whose activity is watched. What others do in the same minute is not ranked. */
const MOST_WATCHED = 10_000;
/** How often it is decided who has a label, at most. */
const RANKED_EVERY_MS = 60_000;
/** The part of a tenant's activity that still counts a minute later. */
const KEPT = 0.5;

export interface TenantUse {
  requests: number;
  /** The cost of operations, in points. */
  cost: number;
  /** How long transactions held connections, in milliseconds. */
  databaseMs: number;
}

const nothing = (): TenantUse => ({ requests: 0, cost: 0, databaseMs: 0 });

export class TenantActivity {
  readonly #labelled = new Map<string, TenantUse>();
  readonly #other = nothing();
  #active = new Map<string, number>();
  readonly #now: () => number;
  #rankedAt: number;

  /** @param now a clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#rankedAt = -Infinity;
  }

  /** Adds what a tenant has used. */
  add(tenantId: string, kind: keyof TenantUse, amount: number): void {
    (this.#labelled.get(tenantId) ?? this.#other)[kind] += amount;
    if (kind !== 'databaseMs') return;
    const active = this.#active.get(tenantId);
    if (active !== undefined || this.#active.size < MOST_WATCHED)
      this.#active.set(tenantId, (active ?? 0) + amount);
  }

  /** What the tenants with a label have used since they have it, by id, and what all others have used, as `other`. */
  read(): ReadonlyMap<string, Readonly<TenantUse>> {
    if (this.#now() - this.#rankedAt >= RANKED_EVERY_MS) this.#rank();
    return new Map([...this.#labelled, ['other', this.#other]]);
  }

  #rank(): void {
    this.#rankedAt = this.#now();
    const ranked = [...this.#active].sort(([, one], [, another]) => another - one);
    const first = new Set(ranked.slice(0, MOST_LABELS).map(([tenantId]) => tenantId));
    for (const [tenantId, use] of this.#labelled) {
      if (first.has(tenantId)) continue;
      for (const kind of Object.keys(use) as (keyof TenantUse)[]) this.#other[kind] += use[kind];
      this.#labelled.delete(tenantId);
    }
    for (const tenantId of first) if (!this.#labelled.has(tenantId)) this.#labelled.set(tenantId, nothing());
    // Tenants that do nothing any more are forgotten after some minutes.
    this.#active = new Map(
      ranked.flatMap(([tenantId, active]) => (active * KEPT >= 1 ? [[tenantId, active * KEPT]] : [])),
    );
  }
}

/**
 * What each tenant uses, for operators and for bills. A request pays for nothing but additions in memory; `usage-writer.ts`
 * writes them every ten seconds. Memory is bounded: a few numbers per tenant that was active in that time and hour.
 */

const HOUR_MS = 3_600_000;

export interface Use {
  /** Operations that began: queries, mutations and subscriptions. */
  requests: number;
  /** How long transactions held connections, in milliseconds. */
  databaseMs: number;
  /** Rows that statements have read or written. */
  rows: number;
  /** The bytes of answers and events, before compression. */
  bytes: number;
  /** Attempts of jobs. */
  jobs: number;
}

/** The counts of one process that are not written yet. */
export class TenantUsage {
  readonly #now: () => number;
  #hour = 0;
  #ofHour = new Map<string, Use>();
  readonly #byHour = new Map<number, Map<string, Use>>();

  /** @param now tells the time in milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Adds to the present hour of a tenant. */
  add(tenantId: string, kind: keyof Use, amount: number): void {
    const hour = Math.floor(this.#now() / HOUR_MS);
    if (hour !== this.#hour) this.#begin(hour);
    let use = this.#ofHour.get(tenantId);
    if (!use) this.#ofHour.set(tenantId, (use = { requests: 0, databaseMs: 0, rows: 0, bytes: 0, jobs: 0 }));
    use[kind] += amount;
  }

  /** Removes up to `most` of these tenants with what was counted for them: the rows of `tenantry.add_tenant_usage`. */
  take(
    most: number,
    isWanted: (tenantId: string) => boolean = () => true,
  ): (readonly [tenantId: string, hour: string, ...numbers: number[]])[] {
    const taken: ReturnType<TenantUsage['take']> = [];
    for (const [hour, tenants] of this.#byHour) {
      const starts = new Date(hour * HOUR_MS).toISOString();
      for (const [tenantId, { requests, databaseMs, rows, bytes, jobs }] of tenants) {
        if (taken.length === most) return taken;
        if (!isWanted(tenantId)) continue;
        taken.push([tenantId, starts, requests, databaseMs, rows, bytes, jobs]);
        tenants.delete(tenantId);
      }
      if (tenants !== this.#ofHour && tenants.size === 0) this.#byHour.delete(hour);
    }
    return taken;
  }

  #begin(hour: number): void {
    this.#hour = hour;
    this.#ofHour = this.#byHour.get(hour) ?? new Map<string, Use>();
    this.#byHour.set(hour, this.#ofHour);
  }
}

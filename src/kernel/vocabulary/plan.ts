/** Plans: what a tenant may use of everything that is scarce. They come from a file (services/limits/plans.ts). */

export interface Plan {
  readonly name: string;
  /** Share of scarce work relative to other plans' tenants; more than 0. */
  readonly weight: number;
  /** Requests per tenant and per actor (API key or user) in a window of seconds. */
  readonly requests: { readonly tenant: number; readonly actor: number; readonly windowSeconds: number };
  /** Token bucket of query cost: size in points, restored points per second. */
  readonly cost: { readonly size: number; readonly restoreRate: number };
  readonly concurrentTransactions: number;
  /** Most jobs of the tenant that run at once, on all workers together. Undefined: five. */
  readonly concurrentJobs?: number | undefined;
  readonly statementTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly mostRowsPerPage: number;
  readonly mostCostPerRequest: number;
  /** How many days entries of the audit log are kept before `tenantry audit-log prune` drops them. Undefined: for ever. */
  readonly auditDays?: number | undefined;
  /**
   * What becomes of the audit log when the tenant is erased: `keep` keeps what names nobody. Undefined: `erase`.
   */
  readonly auditAfterErasure?: 'erase' | 'keep' | undefined;
  /** Most rows per resource; a resource that is absent is unlimited. */
  readonly quotas: Readonly<Record<string, number>>;
}

/** The plans that a tenant can have. */
export class Plans {
  /** In the order of the file, the smallest first. */
  readonly all: readonly Plan[];
  readonly #byName: ReadonlyMap<string, Plan>;

  /** @throws Error when there is no plan */
  constructor(all: readonly Plan[]) {
    if (all.length === 0) throw new Error('there is no plan');
    this.all = all;
    this.#byName = new Map(all.map((plan) => [plan.name, plan]));
  }

  /** The first plan of the file. It also limits the tenants whose plan is not in the file. */
  get smallest(): Plan {
    return this.all[0]!;
  }

  /** The names of all plans, for messages: `free, pro`. */
  get names(): string {
    return this.all.map(({ name }) => name).join(', ');
  }

  /** Whether the file has a plan of this name. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The plan of this name; the smallest when the file has no such plan. */
  of(name: string): Plan {
    return this.#byName.get(name) ?? this.smallest;
  }
}

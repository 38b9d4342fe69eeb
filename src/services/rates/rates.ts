/**
 * The rates at which tenants and callers may send requests, and the cost of their operations. Every request is counted
 * once, for its tenant and its actor, or for the address of a caller that nobody knows. The cost that an operation
 * requests is taken before it is executed, and what it did not cost is given back.
 */
import { LRUCache } from 'lru-cache';
import type { Plan } from '../../kernel/vocabulary/plan.js';
import type { PublicError } from '../../kernel/vocabulary/errors.js';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';
import { CostReservation, refusedCost, type Budgeted } from './cost-reservation.js';
import type { Count, Ledger } from './ledger.js';
import {
  policyField,
  refusalOf,
  remainingOf,
  type Policy,
  type PolicyName,
  type Standing,
} from './standing.js';

/** The caller of a request. */
export type Caller = Pick<Viewer, 'tenantId' | 'actor' | 'plan'>;

/** A tenant, whose budget of cost is used. */
export type Payer = Pick<Viewer, 'tenantId' | 'plan'>;

interface PlanPolicies {
  readonly tenant: Policy;
  readonly actor: Policy;
  readonly field: string;
}

/** The most exhausted addresses that are remembered. */
const MOST_EXHAUSTED = 10_000;

export class Rates {
  readonly #ledger: Ledger;
  readonly #address: Policy;
  readonly #addressField: string;
  readonly #ofPlans = new WeakMap<Plan, PlanPolicies>();
  readonly #exhausted = new LRUCache<string, PublicError>({ max: MOST_EXHAUSTED });
  #admitted = 0;
  readonly #refused: Record<PolicyName | 'cost', number> = {
    tenant: 0,
    actor: 0,
    address: 0,
    operator: 0,
    cost: 0,
  };

  /** @param anonymousPerMinute the requests of callers without access, per address */
  constructor(ledger: Ledger, anonymousPerMinute: number) {
    this.#ledger = ledger;
    this.#address = { name: 'address', most: anonymousPerMinute, seconds: 60 };
    this.#addressField = policyField([this.#address]);
  }

  /** The number of requests of callers with access that were not refused since the start. */
  get admitted(): number {
    return this.#admitted;
  }

  /** The number of refused requests since the start, by the limit that they exceeded. */
  get refused(): Readonly<Record<PolicyName | 'cost', number>> {
    return this.#refused;
  }

  /** Counts a request of a caller with access. */
  admit({ tenantId, actor, plan }: Caller): Standing | Promise<Standing> {
    const policies = this.#policiesOf(plan);
    const actorKey = `actor:${tenantId}:${actor.type}:${actor.id}`;
    const tenantKey = `tenant:${tenantId}`;
    const ofActor = this.#ledger.count(actorKey, policies.actor);
    if (!(ofActor instanceof Promise)) {
      // A refused caller must not use up the budget of its tenant.
      if (ofActor.used > policies.actor.most) return this.#standing(policies, ofActor, undefined);
      const ofTenant = this.#ledger.count(tenantKey, policies.tenant);
      return ofTenant instanceof Promise
        ? ofTenant.then((count) => this.#standing(policies, ofActor, count))
        : this.#standing(policies, ofActor, ofTenant);
    }
    return Promise.all([ofActor, this.#ledger.count(tenantKey, policies.tenant)]).then(([own, ofTenant]) => {
      if (own.used <= policies.actor.most) return this.#standing(policies, own, ofTenant);
      // A request beyond the window may not have been counted.
      if (ofTenant.used <= policies.tenant.most) this.#ledger.uncount(tenantKey, policies.tenant);
      return this.#standing(policies, own, undefined);
    });
  }

  /** Counts a request that was refused because its caller has no access. */
  async stranger(address: string): Promise<Standing> {
    const policy = this.#address;
    const count = await this.#ledger.count(`address:${address}`, policy);
    const refusal = count.used > policy.most ? this.#refuse(policy, count) : undefined;
    if (refusal) this.#exhausted.set(address, refusal, { ttl: Math.max(1, count.endsInMs) });
    return { policies: this.#addressField, remaining: remainingOf(policy, count), refusal };
  }

  /** Counts a request of an operator, who has no tenant. @param most the requests of one operator in a minute */
  async operator(name: string, most: number): Promise<Standing> {
    const policy: Policy = { name: 'operator', most, seconds: 60 };
    const count = await this.#ledger.count(`operator:${name}`, policy);
    const refusal = count.used > policy.most ? this.#refuse(policy, count) : undefined;
    return { policies: policyField([policy]), remaining: remainingOf(policy, count), refusal };
  }

  /**
   * Refuses an address that has exceeded its limit, before work is done for it.
   *
   * @throws RATE_LIMITED
   */
  refuseExhausted(address: string): void {
    const refusal = this.#exhausted.get(address);
    if (refusal) throw refusal;
  }

  /**
   * Takes the cost that an operation requests from the budget of its tenant. Settle the reservation when its cost is
   * known; what is not settled stays taken.
   *
   * @throws RATE_LIMITED, also as a rejection, when the budget has not enough points
   */
  reserve(payer: Payer, requested: number): CostReservation | Promise<CostReservation> {
    const { plan } = payer;
    const budgeted: Budgeted = {
      key: payer.tenantId,
      bucket: plan.cost,
      limit: plan.mostCostPerRequest,
      requested,
    };
    const taken = this.#ledger.take(budgeted.key, budgeted.bucket, requested);
    const reservation = ({ granted, available }: Awaited<typeof taken>): CostReservation => {
      if (granted) return new CostReservation(this.#ledger, budgeted, available);
      this.#refused.cost++;
      throw refusedCost(budgeted, available);
    };
    return taken instanceof Promise ? taken.then(reservation) : reservation(taken);
  }

  #standing(policies: PlanPolicies, ofActor: Count, ofTenant: Count | undefined): Standing {
    const { actor, tenant, field } = policies;
    const remaining = remainingOf(actor, ofActor);
    if (!ofTenant) return { policies: field, remaining, refusal: this.#refuse(actor, ofActor) };
    const refusal = ofTenant.used > tenant.most ? this.#refuse(tenant, ofTenant) : undefined;
    if (!refusal) this.#admitted++;
    return { policies: field, remaining: `${remainingOf(tenant, ofTenant)}, ${remaining}`, refusal };
  }

  #refuse(policy: Policy, count: Count): PublicError {
    this.#refused[policy.name]++;
    return refusalOf(policy, count);
  }

  #policiesOf(plan: Plan): PlanPolicies {
    const known = this.#ofPlans.get(plan);
    if (known) return known;
    const { tenant: most, actor: mostOfActor, windowSeconds: seconds } = plan.requests;
    const tenant: Policy = { name: 'tenant', most, seconds };
    const actor: Policy = { name: 'actor', most: mostOfActor, seconds };
    const policies = { tenant, actor, field: policyField([tenant, actor]) };
    this.#ofPlans.set(plan, policies);
    return policies;
  }
}

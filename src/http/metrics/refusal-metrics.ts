/** The metrics of what was refused and of problems. They are counted elsewhere, and read with each request of `/metrics`. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Services } from '../services.js';

type Measured = Pick<Services, 'problems' | 'leaving' | 'providerKeys' | 'rates' | 'sharing' | 'outgoing'>;

/** Adds them. */
export function showRefusals(registry: Registry, services: Measured): void {
  countProblems(registry, services);
  showRates(registry, services);
}

/** The limits of rates: what they refused, and whether servers share them. */
function showRates(registry: Registry, { rates, sharing }: Measured): void {
  new Counter({
    name: 'tenantry_rate_admitted_total',
    help: 'Requests of callers with access that no rate refused.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(rates.admitted);
    },
  });
  new Counter({
    name: 'tenantry_rate_limited_total',
    help: 'Requests and operations refused because a rate was exceeded, by what the rate is counted for.',
    labelNames: ['limit'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [limit, count] of Object.entries(rates.refused)) this.inc({ limit }, count);
    },
  });
  if (sharing.isShared === undefined) return;
  new Gauge({
    name: 'tenantry_rates_shared',
    help: 'Whether the servers share the budgets of rates in Redis: 0 while Redis does not answer.',
    registers: [registry],
    collect() {
      this.set(sharing.isShared ? 1 : 0);
    },
  });
  new Gauge({
    name: 'tenantry_rates_servers',
    help: 'The servers that were last seen sharing the budgets of rates.',
    registers: [registry],
    collect() {
      this.set(sharing.servers);
    },
  });
}

function countProblems(registry: Registry, { problems, leaving, providerKeys, outgoing }: Measured): void {
  const counted = (
    name: string,
    help: string,
    label: string,
    counts: () => ReadonlyMap<string, number>,
  ): void => {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of counts()) this.inc({ [label]: value }, count);
      },
    });
  };
  counted('tenantry_errors_total', 'Errors told to clients, by code.', 'code', () => leaving.codes);
  counted('tenantry_auth_refusals_total', 'Credentials refused, by reason.', 'reason', () =>
    problems.counts('auth'),
  );
  counted(
    'tenantry_plan_problems_total',
    'Look-ups of tenants whose plan is not in the plans file.',
    'reason',
    () => problems.counts('plan'),
  );
  counted('tenantry_database_refusals_total', 'Errors for which the database is the cause.', 'reason', () =>
    problems.counts('database'),
  );
  counted(
    'tenantry_outgoing_requests_total',
    'Requests to URLs of others, such as webhooks, by the class of the answer’s status, or why there was none.',
    'outcome',
    () => outgoing.outcomes,
  );
  if (!providerKeys) return;
  new Gauge({
    name: 'tenantry_signing_keys_fetched_seconds',
    help: 'When the keys of the identity provider were last fetched, in seconds since 1970; 0 before the first time.',
    registers: [registry],
    collect() {
      this.set((providerKeys.fetchedAt ?? 0) / 1_000);
    },
  });
  new Gauge({
    name: 'tenantry_signing_keys_reachable',
    help: 'Whether the keys could be fetched the last time they were asked for.',
    registers: [registry],
    collect() {
      this.set(providerKeys.state === 'ok' ? 1 : 0);
    },
  });
}

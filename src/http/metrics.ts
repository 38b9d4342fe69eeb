import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { showJobs } from './job-metrics.js';
import type { Services } from './services.js';

type Measured = Pick<
  Services,
  | 'database'
  | 'connections'
  | 'shedding'
  | 'problems'
  | 'leaving'
  | 'providerKeys'
  | 'rates'
  | 'sharing'
  | 'jobQueue'
  | 'worker'
>;

/**
 * `/metrics`, for Prometheus: the process, the HTTP answers, errors and refusals, the connection pool, subscriptions, jobs.
 * No label names a tenant, or comes from a request.
 */
export function installMetrics(app: FastifyInstance, services: Measured): void {
  const { database, connections, shedding } = services;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  new Gauge({
    name: 'tenantry_pool_connections',
    help: 'Connections to the database by state, and operations that wait for one.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { total, idle, waiting } = database.pool;
      this.set({ state: 'active' }, total - idle);
      this.set({ state: 'idle' }, idle);
      this.set({ state: 'waiting' }, waiting);
    },
  });
  new Gauge({
    name: 'tenantry_pool_waiting',
    help: 'Operations that wait for a connection to the database, by what keeps them from it.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      const { waiting, waitingForShare } = database.pool;
      this.set({ reason: 'connection' }, waiting);
      for (const [reason, count] of Object.entries(waitingForShare)) this.set({ reason }, count);
    },
  });
  new Counter({
    name: 'tenantry_pool_refused_total',
    help: 'Operations that were refused a connection to the database, by what kept them from it.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(database.pool.refused)) {
        this.inc({ reason }, count);
      }
    },
  });
  const waited = new Histogram({
    name: 'tenantry_pool_wait_seconds',
    help: 'How long operations waited for a connection to the database, of those that did not get one at once.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
  database.gate.onWaited((milliseconds) => waited.observe(milliseconds / 1_000));
  new Counter({
    name: 'tenantry_shed_total',
    help: 'Requests refused before they were read, because the queue of their tenant or caller stays too long.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(shedding.count);
    },
  });
  new Gauge({
    name: 'tenantry_websocket_connections',
    help: 'Open WebSocket connections whose clients have said who they are.',
    registers: [registry],
    collect() {
      this.set(connections.websockets);
    },
  });
  new Gauge({
    name: 'tenantry_event_streams',
    help: 'Open event streams.',
    registers: [registry],
    collect() {
      this.set(connections.streams);
    },
  });
  new Gauge({
    name: 'tenantry_subscriptions',
    help: 'Subscriptions in force.',
    registers: [registry],
    collect() {
      this.set(connections.subscriptions);
    },
  });
  countProblems(registry, services);
  showRates(registry, services);
  showJobs(registry, services);
  app.addHook('onResponse', async (request, reply) => {
    // As long as its client wants.
    if (request.routeOptions.config.isStream) return;
    const route = request.routeOptions.url ?? 'unknown';
    duration.observe(
      { method: request.method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
  });
  app.get('/metrics', { logLevel: 'warn' }, async (_request, reply) => {
    reply.header('content-type', registry.contentType);
    return registry.metrics();
  });
}

/** The limits of rates: what they refused, and whether servers share them. */
function showRates(registry: Registry, { rates, sharing }: Measured): void {
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

/** Metrics that are counted elsewhere and read at each request of `/metrics`. */
function countProblems(registry: Registry, { problems, leaving, providerKeys }: Measured): void {
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

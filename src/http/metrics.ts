import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Services } from './services.js';
import type { Connections } from '../services/subscriptions/connections.js';

type Measured = Pick<Services, 'database' | 'problems' | 'leaving' | 'providerKeys'>;

/**
 * `/metrics`, for Prometheus: the process, the HTTP answers, errors and refusals, the connection pool, subscriptions. No
 * label names a tenant, or comes from a request.
 */
export function installMetrics(app: FastifyInstance, services: Measured, connections: Connections): void {
  const { database } = services;
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
  new Gauge({
    name: 'tenantry_websocket_connections',
    help: 'Open WebSocket connections whose clients have said who they are.',
    registers: [registry],
    collect() {
      this.set(connections.count);
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
  app.addHook('onResponse', async (request, reply) => {
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

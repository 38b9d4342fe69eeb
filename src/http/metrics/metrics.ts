import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { showJobs } from './job-metrics.js';
import { showLoad } from './load-metrics.js';
import { PATH, serveMetrics } from './metrics-access.js';
import { showRefusals } from './refusal-metrics.js';
import { showTenants } from './tenant-metrics.js';
import type { Services } from '../services.js';

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
  | 'jobStatistics'
  | 'worker'
  | 'activity'
  | 'tenantUsage'
  | 'sealing'
  | 'outgoing'
  | 'config'
>;

/**
 * `/metrics`, for Prometheus: the process, the HTTP answers, the cost of operations, errors and refusals, the connection
 * pool, subscriptions, jobs, the seals of the audit log, the most active tenants. No label comes from a request.
 */
export function installMetrics(app: FastifyInstance, services: Measured): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  const cost = new Histogram({
    name: 'tenantry_operation_cost',
    help: 'The cost of operations over HTTP, in points.',
    buckets: [1, 10, 50, 100, 500, 1_000, 5_000, 10_000, 50_000, 100_000],
    registers: [registry],
  });
  showLoad(registry, services);
  showRefusals(registry, services);
  showJobs(registry, services);
  showTenants(registry, services.activity);
  new Gauge({
    name: 'tenantry_audit_seal_age_seconds',
    help: 'How long ago the audit log was last sealed to its end. Only the server that seals it has a value.',
    labelNames: ['role'],
    registers: [registry],
    collect() {
      this.reset();
      const age = services.sealing.age();
      if (age !== undefined) this.set({ role: 'sealer' }, age / 1_000);
    },
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { url: route = 'unknown', config } = request.routeOptions;
    // As long as its client wants.
    if (config.isStream || route === PATH) return done();
    if (request.viewer) services.activity.add(request.viewer.tenantId, 'requests', 1);
    if (request.usage?.cost !== undefined) cost.observe(request.usage.cost);
    duration.observe(
      { method: request.method, route, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
    done();
  });
  serveMetrics(app, registry, services.config);
}

import type { FastifyInstance } from 'fastify';
import type { Readiness } from '../tenancy/readiness.js';

/**
 * `/healthz`: the process runs. `/readyz`: it can answer requests, that is, the database answers and the server is
 * not draining; a load balancer sends requests only then.
 */
export function installHealth(app: FastifyInstance, readiness: Readiness): void {
  let draining = false;
  let logged: unknown;
  app.addHook('preClose', async () => {
    draining = true;
  });
  app.get('/healthz', { logLevel: 'warn' }, async () => ({ status: 'ok' }));
  app.get('/readyz', { logLevel: 'warn' }, async (request, reply) => {
    if (draining) return reply.code(503).send({ status: 'draining' });
    try {
      await readiness.check();
      return { status: 'ready' };
    } catch (error) {
      // Many probes share a failure.
      if (error !== logged) request.log.warn({ err: error }, 'not ready');
      logged = error;
      return reply.code(503).send({ status: 'database unavailable' });
    }
  });
}

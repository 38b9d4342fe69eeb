import type { FastifyInstance } from 'fastify';
import type { Database } from '../tenancy/database.js';
import type { Drain } from './drain.js';

/**
 * `/healthz`: the process runs. `/readyz`: it can answer requests, that is, the database answers and the server is
 * not draining; a load balancer sends requests only then.
 */
export function installHealth(app: FastifyInstance, database: Database, drain: Drain): void {
  app.get('/healthz', { logLevel: 'warn' }, async () => ({ status: 'ok' }));
  app.get('/readyz', { logLevel: 'warn' }, async (request, reply) => {
    if (drain.isDraining) return reply.code(503).send({ status: 'draining' });
    try {
      await database.query('SELECT 1');
      return { status: 'ready' };
    } catch (error) {
      request.log.warn({ err: error }, 'not ready');
      return reply.code(503).send({ status: 'database unavailable' });
    }
  });
}

import type { FastifyInstance } from 'fastify';
import type { Services } from './services.js';
import type { Drain } from './drain.js';

/** A probe does not wait longer for the first keys; they are fetched all the same. */
const KEYS_MS = 1_000;

/**
 * `/healthz`: the process runs. `/readyz`: it can answer requests, that is, the database answers, the server has not
 * been told to stop, and keys of the identity provider are known; a load balancer sends requests only then. Keys that cannot be
 * renewed go on serving, so that a server which knows some stays in rotation.
 */
export function installHealth(
  app: FastifyInstance,
  { readiness, providerKeys }: Pick<Services, 'readiness' | 'providerKeys'>,
  drain: Drain,
): void {
  let logged: unknown;
  app.get('/healthz', { logLevel: 'warn' }, async () => ({ status: 'ok' }));
  app.get('/readyz', { logLevel: 'warn' }, async (request, reply) => {
    if (drain.isDraining) return reply.code(503).send({ status: 'draining' });
    try {
      await readiness.check();
    } catch (error) {
      // Many probes share a failure.
      if (error !== logged) request.log.warn({ err: error }, 'not ready');
      logged = error;
      return reply.code(503).send({ status: 'database unavailable' });
    }
    if (!providerKeys) return { status: 'ready' };
    const signingKeys = await providerKeys.prepare(KEYS_MS);
    if (signingKeys !== 'missing') return { status: 'ready', signingKeys };
    return reply.code(503).send({ status: 'signing keys unavailable', signingKeys });
  });
}

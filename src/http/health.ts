import type { FastifyInstance } from 'fastify';
import type { Services } from './services.js';
import type { Drain } from './drain.js';

/** How long a probe waits for the first keys; fetching them continues afterwards. */
const KEYS_MS = 1_000;

/**
 * `/healthz`: the process runs. `/readyz`: the server can answer requests: the database answers, the server has not
 * been told to stop, and keys of the identity provider are known. Load balancers send requests only then. Keys that
 * cannot be renewed are still used, so a server with known keys stays ready.
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
      // Probes share a failure.
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

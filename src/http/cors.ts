import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import { RefusedRequest } from './error-answers.js';

const ONE_DAY_SECONDS = 86_400;

/**
 * Browsers may call the API from its own origin and from the listed ones. Tokens are sent in a header, not in cookies.
 */
export async function installCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  // The plugin would refuse it in another format.
  app.addHook('onRequest', (request, _reply, done) => {
    const { origin, 'access-control-request-method': method } = request.headers;
    if (request.method === 'OPTIONS' && !(origin && method)) {
      done(new RefusedRequest(400, 'This is no preflight request.'));
    } else done();
  });
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'apollo-require-preflight',
      'x-request-id',
      'idempotency-key',
    ],
    exposedHeaders: ['x-request-id', 'idempotency-replayed'],
    maxAge: ONE_DAY_SECONDS,
  });
}

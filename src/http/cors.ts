import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

const ONE_DAY_SECONDS = 86_400;

/** Browsers may call the API from its own origin and from the listed ones. Tokens travel in a header, not in cookies. */
export async function installCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
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

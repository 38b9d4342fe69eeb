import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** An API serves no pages: whatever a browser makes of an answer, it may neither run, load nor frame anything. */
export async function installSecurityHeaders(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    crossOriginResourcePolicy: { policy: 'cross-origin' },
  });
}

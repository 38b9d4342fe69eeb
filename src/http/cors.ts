import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isListedOrigin } from '../kernel/config/origins.js';
import { RefusedRequest } from './error-answers.js';

const ONE_DAY_SECONDS = 86_400;

/** The headers of answers that a page of another origin may read, besides those that browsers always show. */
const EXPOSED = [
  'x-request-id',
  'idempotency-replayed',
  'read-after',
  'retry-after',
  'ratelimit',
  'ratelimit-policy',
  'www-authenticate',
  'allow',
  'etag',
].join(', ');

/** No page of another origin may call the operators' door, whatever the tenants' front ends are. */
const isOfOperators = (url: string): boolean => url.startsWith('/operator/');

/**
 * Browsers may call the API from its own origin and from the listed ones. Tokens are sent in a header, not in cookies.
 * A listed page may send any header: clients add their own (`traceparent`, `sentry-trace`, `apollographql-client-name`),
 * and every other program can send what it likes.
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
    delegator: ({ headers: { origin }, url }: FastifyRequest, allow) =>
      allow(null, {
        // An empty list: the answer comes without permission, in the usual form. `false` would be answered 404.
        origin: !isOfOperators(url) && isListedOrigin(origins, origin) ? true : [],
        methods: ['GET', 'POST'],
        exposedHeaders: EXPOSED,
        maxAge: ONE_DAY_SECONDS,
      }),
  });
}

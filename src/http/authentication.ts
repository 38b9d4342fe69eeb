import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authenticate, type AuthenticationParts } from '../auth/authenticate.js';
import type { Viewer } from '../access/viewer.js';

declare module 'fastify' {
  interface FastifyRequest {
    viewer: Viewer | undefined;
    /** When `viewer` was established, on the clock of `performance.now()`. */
    authenticatedAt: number;
  }
  interface FastifyContextConfig {
    /** The route answers authenticated callers only. */
    authenticated?: boolean;
  }
}

/** An answer that is older than this was given before the body came, and is asked for again. */
const AUTHENTICATED_FOR_MS = 500;

/**
 * Authenticates before the body is read: a stranger costs a look at two headers. And again when the body was long in
 * coming: whoever lost their membership meanwhile must not act on it.
 */
export function installAuthentication(app: FastifyInstance, parts: AuthenticationParts): void {
  app.decorateRequest('viewer', undefined);
  app.decorateRequest('authenticatedAt', 0);
  const admit = async (request: FastifyRequest): Promise<void> => {
    request.viewer = await authenticate(parts, request.headers);
    request.authenticatedAt = performance.now();
  };
  app.addHook('onRequest', async (request) => {
    if (!request.routeOptions.config.authenticated) return;
    await admit(request);
  });
  app.addHook('preHandler', async (request) => {
    if (!request.routeOptions.config.authenticated) return;
    if (performance.now() - request.authenticatedAt > AUTHENTICATED_FOR_MS) await admit(request);
  });
}

/** The caller of an authenticated route. */
export function viewerOf(request: FastifyRequest): Viewer {
  if (!request.viewer) throw new Error(`${request.routeOptions.url} is not an authenticated route`);
  return request.viewer;
}

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authenticate, type AuthenticationParts } from '../auth/authenticate.js';
import type { Viewer } from '../access/viewer.js';

declare module 'fastify' {
  interface FastifyRequest {
    viewer: Viewer | undefined;
  }
  interface FastifyContextConfig {
    /** The route answers authenticated callers only. */
    authenticated?: boolean;
  }
}

/**
 * Authenticates before the body is read: a stranger costs a look at two headers. From then on the log lines of the
 * request carry its tenant.
 */
export function installAuthentication(app: FastifyInstance, parts: AuthenticationParts): void {
  app.decorateRequest('viewer', undefined);
  app.addHook('onRequest', async (request) => {
    if (!request.routeOptions.config.authenticated) return;
    request.viewer = await authenticate(parts, request.headers);
    request.log = request.log.child({ tenant: request.viewer.tenantSlug, actor: request.viewer.actor.id });
  });
}

/** The caller of an authenticated route. */
export function viewerOf(request: FastifyRequest): Viewer {
  if (!request.viewer) throw new Error(`${request.routeOptions.url} is not an authenticated route`);
  return request.viewer;
}

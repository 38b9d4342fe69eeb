import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authenticate, GuestError, type AuthenticationParts } from '../kernel/auth/authenticate.js';
import type { Viewer } from '../kernel/vocabulary/viewer.js';
import { isGuestMutation, mayBringGuestMutation } from './guest.js';

declare module 'fastify' {
  interface FastifyRequest {
    viewer: Viewer | undefined;
    /** Instead of `viewer`: the refusal of a user whose body may still be a mutation that needs no membership. */
    guest: GuestError | undefined;
    /** When `viewer` was determined, on the clock of `performance.now()`. */
    authenticatedAt: number;
  }
  interface FastifyContextConfig {
    /** The route requires authentication. */
    authenticated?: boolean;
  }
}

/** If the viewer was determined longer ago than this before the body was complete, it is determined again. */
const AUTHENTICATED_FOR_MS = 500;

/**
 * Authenticates before the body is read, so that unauthenticated callers only cost the check of two headers.
 * Authenticates again when the body arrived slowly, because the user may have lost their membership meanwhile.
 */
export function installAuthentication(
  app: FastifyInstance,
  parts: AuthenticationParts,
  guestMutations: ReadonlySet<string>,
): void {
  app.decorateRequest('viewer', undefined);
  app.decorateRequest('guest', undefined);
  app.decorateRequest('authenticatedAt', 0);
  const admit = async (request: FastifyRequest): Promise<void> => {
    request.viewer = request.guest = undefined;
    try {
      request.viewer = await authenticate(parts, request.headers);
    } catch (error) {
      if (!(error instanceof GuestError) || !mayBringGuestMutation(request)) throw error;
      request.guest = error;
    }
    request.authenticatedAt = performance.now();
  };
  app.addHook('onRequest', async (request) => {
    if (!request.routeOptions.config.authenticated) return;
    await admit(request);
  });
  app.addHook('preHandler', async (request) => {
    if (!request.routeOptions.config.authenticated) return;
    if (performance.now() - request.authenticatedAt > AUTHENTICATED_FOR_MS) await admit(request);
    if (request.guest && !isGuestMutation(request.body, guestMutations)) throw request.guest;
  });
}

/** The caller of an authenticated route; none for a mutation that needs no membership. */
export function viewerOf(request: FastifyRequest): Viewer {
  if (!request.viewer) throw new Error(`${request.routeOptions.url} has no member of a tenant as its caller`);
  return request.viewer;
}

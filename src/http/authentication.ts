import type { FastifyInstance, FastifyRequest } from 'fastify';
import { authenticate, GuestError, type AuthenticationParts } from '../kernel/auth/authenticate.js';
import type { Viewer } from '../kernel/vocabulary/viewer.js';
import { isGuestMutation, mayBringGuestMutation } from './guest.js';

declare module 'fastify' {
  interface FastifyRequest {
    viewer: Viewer | undefined;
    /** Instead of `viewer`: the refusal of somebody who may yet bring a mutation that needs no membership. */
    guest: GuestError | undefined;
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

/** The caller of an authenticated route. There is none with a mutation that needs no membership. */
export function viewerOf(request: FastifyRequest): Viewer {
  if (!request.viewer) throw new Error(`${request.routeOptions.url} has no member of a tenant as its caller`);
  return request.viewer;
}

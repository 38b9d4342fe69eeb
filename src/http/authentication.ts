import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authenticate, GuestError, SuspendedError } from '../kernel/auth/authenticate.js';
import type { Viewer } from '../kernel/vocabulary/viewer.js';
import { isOfStranger } from '../services/rates/strangers.js';
import { hasOnlyFields, isGuestMutation, mayBringGuestMutation } from './guest.js';
import { tell } from './rate-limits.js';
import type { Services } from './services.js';

declare module 'fastify' {
  interface FastifyRequest {
    viewer: Viewer | undefined;
    /** Instead of `viewer`: the refusal of a user whose body may still be a mutation that needs no membership. */
    guest: GuestError | undefined;
    /** Beside `viewer`: the refusal of an owner of a suspended tenant, which may be waiting for its erasure. */
    suspended: SuspendedError | undefined;
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
 * Authenticates before the body is read, so that unauthenticated callers only cost the check of two headers. Their
 * requests are counted by address. An address that has exceeded its limit is still believed a valid token; it cannot make
 * the server look up API keys in the database.
 *
 * Authenticates again when the body arrived slowly, because the user may have lost their membership meanwhile.
 */
export function installAuthentication(
  app: FastifyInstance,
  {
    authentication: parts,
    api,
    rates,
    addressOf,
    accessRecords,
    tenantExports,
    whileErasing,
  }: Pick<
    Services,
    'authentication' | 'api' | 'rates' | 'addressOf' | 'accessRecords' | 'tenantExports' | 'whileErasing'
  >,
): void {
  app.decorateRequest('viewer', undefined);
  app.decorateRequest('guest', undefined);
  app.decorateRequest('suspended', undefined);
  app.decorateRequest('authenticatedAt', 0);
  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    request.viewer = request.guest = request.suspended = undefined;
    try {
      const determine = () =>
        authenticate(parts, request.headers, () => rates.refuseExhausted(addressOf(request.raw)));
      const { trace } = request;
      request.viewer = await (trace ? trace.step('authenticate', {}, determine) : determine());
      accessRecords.admitted(request.viewer, addressOf(request.raw), request.id);
    } catch (error) {
      accessRecords.refused(error, request.id);
      if (isOfStranger(error)) {
        const refusal = tell(reply, await rates.stranger(addressOf(request.raw)));
        if (refusal) throw refusal;
      }
      if (!mayBringGuestMutation(request)) throw error;
      if (error instanceof SuspendedError && error.owner) {
        request.viewer = error.owner;
        request.suspended = error;
      } else if (error instanceof GuestError) request.guest = error;
      else throw error;
    }
    request.authenticatedAt = performance.now();
  };
  /** An owner of a tenant that waits for its erasure may cancel it, and take the data. */
  const mayDoNevertheless = async ({ viewer, body, id }: FastifyRequest): Promise<boolean> =>
    viewer !== undefined &&
    hasOnlyFields(body, whileErasing) &&
    (await tenantExports.awaitsErasure(viewer, id));
  const admitAgain = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (isLongAgo(request)) await admit(request, reply);
    if (request.suspended && !(await mayDoNevertheless(request))) throw request.suspended;
    if (request.guest && !isGuestMutation(request.body, api.guestMutations)) throw request.guest;
  };
  app.addHook('onRequest', async (request, reply) => {
    if (!request.routeOptions.config.authenticated) return;
    await admit(request, reply);
  });
  // Without a promise: nearly every request passes at once.
  app.addHook('preHandler', (request, reply, done) => {
    const { authenticated } = request.routeOptions.config;
    if (!authenticated || !(isLongAgo(request) || request.suspended || request.guest)) done();
    else admitAgain(request, reply).then(() => done(), done);
  });
}

const isLongAgo = ({ authenticatedAt }: FastifyRequest): boolean =>
  performance.now() - authenticatedAt > AUTHENTICATED_FOR_MS;

/** The caller of an authenticated route; none for a mutation that needs no membership. */
export function viewerOf(request: FastifyRequest): Viewer {
  if (!request.viewer) throw new Error(`${request.routeOptions.url} has no member of a tenant as its caller`);
  return request.viewer;
}

/**
 * Sets the deadline of each authenticated request. The time to receive the body does not count: it has a separate
 * limit, and depends on the client.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Deadline } from '../kernel/request/deadline.js';
import { whenClosed } from './when-closed.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined on routes without authentication, and until the body has arrived. */
    deadline: Deadline | undefined;
    /** When its headers arrived, on the clock of `performance.now()`. */
    arrivedAt: number;
  }
}

/** Install it before the authentication, which counts towards the request's time. */
export function installDeadline(app: FastifyInstance, timeoutMs: number): void {
  app.decorateRequest('deadline', undefined);
  app.decorateRequest('arrivedAt', 0);
  app.addHook('onRequest', (request, _reply, done) => {
    request.arrivedAt = performance.now();
    done();
  });
  app.addHook('preHandler', (request, reply, done) => {
    if (request.routeOptions.config.authenticated) {
      const atTheDoor = Math.max(0, request.authenticatedAt - request.arrivedAt);
      request.deadline = Deadline.after(timeoutMs, atTheDoor);
      endWith(reply, request.deadline);
    }
    done();
  });
}

/** Ends the deadline with the answer. A client that closes its connection early no longer needs one. */
export function endWith({ raw }: FastifyReply, deadline: Deadline): void {
  whenClosed(raw, () => {
    if (raw.writableFinished) deadline.finish();
    else deadline.cancel();
  });
}

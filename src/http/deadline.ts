/**
 * Gives each request that is answered for a caller its deadline. The time that the body takes to arrive does not count:
 * it has a limit of its own, and is the client's.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Deadline } from '../kernel/request/deadline.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined on routes that need no caller, and until the body has arrived. */
    deadline: Deadline | undefined;
    /** When its headers arrived, on the clock of `performance.now()`. */
    arrivedAt: number;
  }
}

/** Install it before the authentication, which belongs to the time of the request. */
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
      cancelWhenGone(reply, request.deadline);
    }
    done();
  });
}

/** A client that closes its connection before it has the answer does not want it any more. */
function cancelWhenGone({ raw }: FastifyReply, deadline: Deadline): void {
  raw.once('close', () => {
    if (!raw.writableFinished) deadline.cancel();
  });
}

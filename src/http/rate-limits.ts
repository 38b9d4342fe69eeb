/**
 * Counts the requests of authenticated routes, and tells every answer how its caller stands: `RateLimit-Policy` and
 * `RateLimit`. A request beyond a limit is refused before its body is read.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Rates } from '../services/rates/rates.js';
import type { Standing } from '../services/rates/standing.js';

/** Install it behind the authentication, which counts requests without access. */
export function installRateLimits(app: FastifyInstance, rates: Rates): void {
  // With `done`, because a promise would cost something for each request, and in memory there is nothing to wait for.
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.viewer) return done();
    const standing = rates.admit(request.viewer);
    if (standing instanceof Promise) {
      standing.then(
        (found) => done(tell(reply, found)),
        (error: unknown) => done(error as Error),
      );
    } else {
      done(tell(reply, standing));
    }
  });
}

/** Writes the header fields. @returns the error when the request is refused */
export function tell(reply: FastifyReply, { policies, remaining, refusal }: Standing): Error | undefined {
  void reply.header('ratelimit-policy', policies).header('ratelimit', remaining);
  return refusal;
}

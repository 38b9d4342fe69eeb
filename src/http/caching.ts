/**
 * Who may keep an answer. By default nobody: answers depend on the caller and contain data of a tenant. Only the answer
 * to a query by document id and GET has an ETag, so that the client's own cache can ask whether it still holds.
 */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** Of an answer that depends on its caller. */
export const KEPT_BY_NOBODY = 'private, no-store';

/** The headers on which the answers of authenticated routes depend, besides the host, which is part of the URL. */
export const VARY = 'authorization, accept, accept-encoding';

const REVALIDATED = 'private, no-cache';

/** Lets the caller's cache keep this answer, if it has no errors, and ask each time whether it still holds. */
export function mayRevalidate(reply: FastifyReply): void {
  void reply.header('cache-control', REVALIDATED);
}

/** Install it after everything that changes the text of an answer, and before what compresses it. */
export function installCaching(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('cache-control', KEPT_BY_NOBODY);
    if (request.routeOptions.config.authenticated) void reply.header('vary', VARY);
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (reply.getHeader('cache-control') !== REVALIDATED) return done(null, payload);
    // Apollo Server writes errors first.
    if (reply.statusCode !== 200 || !Buffer.isBuffer(payload) || !payload.subarray(0, 7).equals(DATA_FIRST)) {
      void reply.header('cache-control', KEPT_BY_NOBODY);
      return done(null, payload);
    }
    // Weak: the same data may be compressed or not.
    const etag = `W/"${createHash('sha256').update(lastingPart(payload)).digest('base64url')}"`;
    void reply.header('etag', etag);
    if (!isNamed(etag, request.headers['if-none-match'])) return done(null, payload);
    void reply.code(304).removeHeader('content-type').removeHeader('content-length');
    done(null, null);
  });
}

const DATA_FIRST = Buffer.from('{"data"');

/** The state of the tenant's budget is another in each answer, and the last part of it (documents-of-requests.ts). */
const BUDGET = Buffer.from(',"throttle":');

function lastingPart(payload: Buffer): Buffer {
  const at = payload.lastIndexOf(BUDGET);
  return at === -1 ? payload : payload.subarray(0, at);
}

/** Whether `If-None-Match` names the ETag. The comparison is weak, as for every GET. */
function isNamed(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((item) => {
    const named = item.trim();
    return named === '*' || named === etag || `W/${named}` === etag;
  });
}

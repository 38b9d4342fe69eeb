/**
 * `GET /audit-log/export?link=…`: downloads the audit log of a tenant, by a link that a member has asked for. The link is
 * signed and expires; the member's access is looked up as for every other request, and again while the answer is sent.
 */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { PublicError, forbidden, tenantSuspended } from '../kernel/vocabulary/errors.js';
import { EXPORT_PATH, type ExportLink } from '../services/audit-trail/export-links.js';
import { MEDIA_TYPES } from '../services/audit-trail/export-trail.js';
import { stopping, type Drain } from './drain.js';
import { tell } from './rate-limits.js';
import type { Services } from './services.js';
import { whenClosed } from './when-closed.js';

/** A client that has read nothing for this time is disconnected. */
const STALLED_MS = 60_000;

/** Installs the route. A tenant has one download at a time on each server, which reads the log page by page. */
export function installAuditExports(
  app: FastifyInstance,
  {
    auditTrail,
    authentication,
    rates,
    addressOf,
  }: Pick<Services, 'auditTrail' | 'authentication' | 'rates' | 'addressOf'>,
  drain: Drain,
): void {
  const running = new Set<string>();

  /** @returns the slug of the tenant; throws when the member may not export its log, or no longer */
  async function confirm({ tenantId, userId }: ExportLink): Promise<string> {
    const { access, roles } = authentication;
    const found = await access.resolve(tenantId, userId);
    const isAllowed = found?.role !== undefined && roles.of(found.role).has('audit:export');
    if (!found || !isAllowed) throw forbidden('audit:export');
    if (found.status !== 'active') throw tenantSuspended(found.suspensionReason);
    return found.slug;
  }

  async function* pieces(link: ExportLink, requestId: string): AsyncGenerator<string> {
    for await (const piece of auditTrail.export(link, requestId)) {
      await confirm(link);
      yield piece;
    }
  }

  /**
   * The pieces of the only download of the tenant. It ends with the answer, also when the client disconnects before the
   * first piece is read: then nothing else would end what reads the log.
   */
  function begin(link: ExportLink, requestId: string, answer: ServerResponse): AsyncGenerator<string> {
    const text = pieces(link, requestId);
    const end = () => {
      text
        .return(undefined)
        .catch(() => undefined)
        .finally(() => running.delete(link.tenantId));
    };
    running.add(link.tenantId);
    whenClosed(answer, end);
    answer.setTimeout(STALLED_MS);
    return text;
  }

  app.get(EXPORT_PATH, { exposeHeadRoute: false }, async (request, reply) => {
    if (drain.isDraining) throw stopping();
    const refusal = tell(reply, await rates.stranger(addressOf(request.raw)));
    if (refusal) throw refusal;
    const { link: token } = request.query as { readonly link?: unknown };
    const link = typeof token === 'string' ? auditTrail.readLink(token) : undefined;
    if (!link) throw new PublicError('NOT_FOUND', 'This link is not valid, or no longer.');
    const slug = await confirm(link);
    if (running.has(link.tenantId)) {
      throw new PublicError(
        'UNAVAILABLE',
        'Another export of this tenant is being downloaded. Try again later.',
      );
    }
    const text = begin(link, request.id, reply.raw);
    // A failure before the first piece is answered like every other one. Afterwards the connection is cut.
    const first = await text.next();
    const name = `audit-log-${slug}-${new Date().toISOString().slice(0, 10)}.${link.format}`;
    void reply.type(MEDIA_TYPES[link.format]);
    void reply.header('content-disposition', `attachment; filename="${name}"`);
    return reply.send(Readable.from(startingWith(first, text), { objectMode: false }));
  });
}

async function* startingWith(
  first: IteratorResult<string, void>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<string> {
  if (!first.done) yield first.value;
  yield* rest;
}

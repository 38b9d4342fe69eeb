/**
 * `GET /tenant-exports/download?link=…`: downloads an archive of a tenant, by a link that a member has asked for. The link is
 * signed and expires; the member's access is looked up as for every other request, and again while the answer is sent. A
 * download that was cut off goes on where it ended (`Range`).
 */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { PublicError, forbidden } from '../kernel/vocabulary/errors.js';
import { DOWNLOAD_PATH, type DownloadLink } from '../services/lifecycle/download-links.js';
import { stopping, type Drain } from './drain.js';
import { tell } from './rate-limits.js';
import type { Services } from './services.js';
import { whenClosed } from './when-closed.js';

/** A client that has read nothing for this time is disconnected. */
const STALLED_MS = 60_000;
/** The most downloads of a tenant at once on each server. */
const MOST_AT_ONCE = 4;

/** Installs the route. */
export function installTenantExports(
  app: FastifyInstance,
  {
    tenantExports,
    authentication,
    rates,
    addressOf,
  }: Pick<Services, 'tenantExports' | 'authentication' | 'rates' | 'addressOf'>,
  drain: Drain,
): void {
  const running = new Map<string, number>();

  /** @returns the slug of the tenant; throws when the member may not export it, or no longer */
  async function confirm(link: DownloadLink, requestId: string): Promise<string> {
    const { access, roles } = authentication;
    const found = await access.resolve(link.tenantId, link.userId);
    const isAllowed = found?.role !== undefined && roles.of(found.role).has('tenant:export');
    if (!found || !isAllowed) throw forbidden('tenant:export');
    if (found.status !== 'active' && !(await tenantExports.awaitsErasure(link, requestId))) {
      throw forbidden('tenant:export');
    }
    return found.slug;
  }

  async function* pieces(link: DownloadLink, requestId: string, range: Range): AsyncGenerator<Buffer> {
    running.set(link.tenantId, (running.get(link.tenantId) ?? 0) + 1);
    try {
      for await (const piece of tenantExports.read(link, requestId, range)) {
        await confirm(link, requestId);
        yield piece;
      }
    } finally {
      const others = running.get(link.tenantId)! - 1;
      if (others > 0) running.set(link.tenantId, others);
      else running.delete(link.tenantId);
    }
  }

  app.get(DOWNLOAD_PATH, { exposeHeadRoute: false }, async (request, reply) => {
    if (drain.isDraining) throw stopping();
    const refusal = tell(reply, await rates.stranger(addressOf(request.raw)));
    if (refusal) throw refusal;
    const { link: token } = request.query as { readonly link?: unknown };
    const link = typeof token === 'string' ? tenantExports.readLink(token) : undefined;
    if (!link) throw new PublicError('NOT_FOUND', 'This link is not valid, or no longer.');
    const slug = await confirm(link, request.id);
    const found = await tenantExports.find(link, request.id);
    if (!found) throw new PublicError('NOT_FOUND', 'There is no such archive, or no longer.');
    if ((running.get(link.tenantId) ?? 0) >= MOST_AT_ONCE) {
      throw new PublicError('UNAVAILABLE', 'Archives of this tenant are being downloaded. Try again later.');
    }
    const name = `${slug}-${found.createdAt.toISOString().slice(0, 10)}.tar.gz`;
    // An archive never changes, so its id is its version.
    void reply.headers({
      'accept-ranges': 'bytes',
      etag: `"${link.exportId}"`,
      'content-disposition': `attachment; filename="${name}"`,
    });
    const range = rangeOf(
      request.headers.range,
      request.headers['if-range']?.toString(),
      link.exportId,
      found.size,
    );
    if (range === 'unsatisfiable') {
      return reply
        .code(416)
        .header('content-range', `bytes */${String(found.size)}`)
        .send();
    }
    const { start, end } = range ?? { start: 0, end: found.size };
    if (range) {
      const bounds = `${String(start)}-${String(end - 1)}/${String(found.size)}`;
      void reply.code(206).header('content-range', `bytes ${bounds}`);
    }
    const text = pieces(link, request.id, { start, end });
    whenClosed(reply.raw, () => void text.return(undefined).catch(() => undefined));
    reply.raw.setTimeout(STALLED_MS);
    // A failure before the first piece is answered like every other one. Afterwards the connection is cut.
    const first = await text.next();
    void reply.type('application/gzip').header('content-length', end - start);
    return reply.send(Readable.from(startingWith(first, text), { objectMode: false }));
  });
}

interface Range {
  readonly start: number;
  /** The byte behind the last one. */
  readonly end: number;
}

/**
 * The range that a client asks for (RFC 9110, 14). Several ranges at once, another unit, and a range of another version
 * are answered with everything.
 */
export function rangeOf(
  range: string | undefined,
  ifRange: string | undefined,
  version: string,
  size: number,
): Range | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (ifRange !== undefined && ifRange !== `"${version}"`) return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size : Math.min(size, Number(to) + 1);
  return start < end ? { start, end } : 'unsatisfiable';
}

async function* startingWith(
  first: IteratorResult<Buffer, void>,
  rest: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  if (!first.done) yield first.value;
  yield* rest;
}

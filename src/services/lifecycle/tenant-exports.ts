/**
 * Archives that owners ask for through the API. A job writes one into rows of its tenant, in pieces of 1 MiB, from one
 * snapshot; a job that was cut off begins anew. A member downloads it by a link that expires.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Prisma } from '../../generated/prisma/client.js';
import { signContext } from '../../kernel/database/context-signature.js';
import { SessionClient } from '../../kernel/database/session.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import type { TenantContext } from '../../kernel/request/tenant-context.js';
import type { SealKeys } from '../audit-trail/seal-keys.js';
import { LINK_MS, downloadUrl, readDownloadLink, type DownloadLink } from './download-links.js';
import { exportTenant } from './export-tenant.js';
import type { Disguise } from './manifest.js';
import type { LifeQuery } from './walk.js';

declare module '../../kernel/graphql/module.js' {
  interface ServerParts {
    readonly tenantExports: TenantExports;
  }
}

/** Bytes of a piece, but for the last one. */
export const CHUNK_BYTES = 2 ** 20;
const CONNECT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10 * 60_000;
const ACTOR = { type: 'system', id: 'tenant-export' } as const;

export interface WrittenExport {
  readonly size: number;
  readonly sha256: string;
  readonly rows: number;
}

export interface StoredExport {
  readonly size: number;
  readonly createdAt: Date;
}

export interface TenantExportsParts {
  readonly database: Pick<Database, 'sign' | 'forTenant'>;
  /** The URL of the server's role in the database of a tenant. */
  readonly urlOf: (tenantId: string) => string;
  /** Sign links; undefined: there are no downloads. */
  readonly keys: SealKeys | undefined;
}

export class TenantExports {
  readonly #database: TenantExportsParts['database'];
  readonly #urlOf: TenantExportsParts['urlOf'];
  readonly #keys: SealKeys | undefined;

  constructor({ database, urlOf, keys }: TenantExportsParts) {
    this.#database = database;
    this.#urlOf = urlOf;
    this.#keys = keys;
  }

  /**
   * Writes the archive of the client's tenant. What an earlier attempt has left is removed first.
   *
   * @throws TenantLifeError when a table cannot be placed; QUOTA_EXCEEDED; the errors of the database, also when the signal
   * is aborted
   */
  async write(
    db: TenantClient,
    exportId: string,
    {
      slug,
      disguise,
      signal,
    }: { readonly slug: string; readonly disguise: Disguise; readonly signal: AbortSignal },
  ): Promise<WrittenExport> {
    const { tenantId } = db.context;
    await removeChunks(db, exportId);
    return this.#inSnapshot(tenantId, signal, async (query) => {
      let rows = 0;
      const { sign } = this.#database;
      async function* bytes(): AsyncGenerator<Buffer> {
        const manifest = yield* exportTenant(query, { tenantId, slug, disguise, sign });
        rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      }
      const hash = createHash('sha256');
      let size = 0;
      let number = 0;
      const source = Readable.from(bytes());
      const gzip = createGzip();
      source.on('error', (error) => gzip.destroy(error));
      for await (const chunk of chunksOf(source.pipe(gzip))) {
        signal.throwIfAborted();
        hash.update(chunk);
        size += chunk.length;
        await db.$executeRaw(Prisma.sql`
          INSERT INTO public.tenant_export_chunks (export_id, number, bytes)
          VALUES (${exportId}::uuid, ${number++}, decode(${chunk.toString('base64')}, 'base64'))`);
      }
      return { size, sha256: hash.digest('hex'), rows };
    });
  }

  /** A link for the caller of `db`; undefined when this server has no keys. */
  linkOf(db: TenantClient, exportId: string): { readonly url: string; readonly expiresAt: Date } | undefined {
    if (!this.#keys) return undefined;
    const { tenantId, actor } = db.context;
    const expires = Date.now() + LINK_MS;
    const url = downloadUrl({ tenantId, exportId, userId: actor.id, expires }, this.#keys);
    return { url, expiresAt: new Date(expires) };
  }

  /** What a link says; undefined when it is not good, or no longer. */
  readLink(token: string): DownloadLink | undefined {
    return this.#keys && readDownloadLink(token, this.#keys);
  }

  /** The archive of a link; undefined when it is not ready, or has expired. @throws the errors of the database */
  async find(link: DownloadLink, requestId: string): Promise<StoredExport | undefined> {
    const [found] = await this.#clientOf(link, requestId).$queryRaw<StoredExport>(Prisma.sql`
      SELECT size::float8 AS size, created_at AS "createdAt" FROM public.tenant_exports
      WHERE tenant_id = ${link.tenantId}::uuid AND id = ${link.exportId}::uuid AND status = 'ready' AND expires_at > now()`);
    return found;
  }

  /** Whether the tenant waits for its erasure: then its owner may still take its data. */
  async awaitsErasure(link: Pick<DownloadLink, 'tenantId' | 'userId'>, requestId: string): Promise<boolean> {
    const [found] = await this.#clientOf(link, requestId).$queryRaw<{ waits: boolean }>(
      Prisma.sql`SELECT EXISTS (SELECT FROM tenantry.erasures WHERE subject = ${link.tenantId}::uuid AND state = 'requested') AS waits`,
    );
    return found!.waits;
  }

  /**
   * The bytes of an archive from `start` to before `end`. That they were asked for is recorded in the audit log first.
   *
   * @throws the errors of the database, also while it is read
   */
  async *read(
    link: DownloadLink,
    requestId: string,
    { start, end }: { readonly start: number; readonly end: number },
  ): AsyncGenerator<Buffer> {
    const db = this.#clientOf(link, requestId);
    await db.transaction((tx) =>
      tx.$executeRaw(Prisma.sql`SELECT tenantry.record_audit(
        'tenant_export.downloaded', 'TenantExport', ${link.exportId}, NULL, ${JSON.stringify({ start, end })}::jsonb)`),
    );
    for (let at = start; at < end;) {
      const number = Math.floor(at / CHUNK_BYTES);
      const from = at - number * CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - from, end - at);
      const [piece] = await db.$queryRaw<{ bytes: string }>(Prisma.sql`
        SELECT encode(substr(bytes, ${from + 1}, ${length}), 'base64') AS bytes FROM public.tenant_export_chunks
        WHERE tenant_id = ${link.tenantId}::uuid AND export_id = ${link.exportId}::uuid AND number = ${number}`);
      if (!piece) throw new Error('a piece of an archive is missing');
      yield Buffer.from(piece.bytes, 'base64');
      at += length;
    }
  }

  #clientOf(
    { tenantId, userId }: Pick<DownloadLink, 'tenantId' | 'userId'>,
    requestId: string,
  ): TenantClient {
    const context: TenantContext = { tenantId, actor: { type: 'user', id: userId }, requestId };
    return this.#database.forTenant(context);
  }

  /** Runs `work` on a connection of its own, in one read-only snapshot that is bound to the tenant. */
  async #inSnapshot<Result>(
    tenantId: string,
    signal: AbortSignal,
    work: (query: LifeQuery) => Promise<Result>,
  ): Promise<Result> {
    const client = new SessionClient({
      connectionString: this.#urlOf(tenantId),
      application_name: 'tenantry tenant export',
      connectionTimeoutMillis: CONNECT_MS,
    });
    client.on('error', () => undefined);
    const leave = () => void client.end().catch(() => undefined);
    signal.addEventListener('abort', leave);
    try {
      await client.connect();
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      const { expires, signature } = signContext(this.#database.sign, {
        tenantId,
        actor: ACTOR,
        requestId: '',
      });
      await client.query('SELECT tenantry.bind_placed($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL)', [
        tenantId,
        ACTOR.id,
        ACTOR.type,
        null,
        STATEMENT_TIMEOUT_MS,
        true,
        expires,
        signature,
      ]);
      return await work(
        async <Row extends Record<string, unknown>>(sql: string, values: readonly unknown[] = []) =>
          (await client.query<Row>(sql, [...values])).rows,
      );
    } finally {
      signal.removeEventListener('abort', leave);
      await client.end().catch(() => undefined);
    }
  }
}

/** Removes the pieces of an archive, a few at a time. */
export async function removeChunks(db: TenantClient, exportId: string): Promise<void> {
  const most = 50;
  let removed: number;
  do {
    removed = await db.$executeRaw(Prisma.sql`
      DELETE FROM public.tenant_export_chunks WHERE tenant_id = ${db.context.tenantId}::uuid AND id IN (
        SELECT id FROM public.tenant_export_chunks
        WHERE tenant_id = ${db.context.tenantId}::uuid AND export_id = ${exportId}::uuid LIMIT ${most})`);
  } while (removed === most);
}

async function* chunksOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let length = 0;
  for await (const piece of bytes) {
    held.push(piece);
    length += piece.length;
    while (length >= CHUNK_BYTES) {
      const all = Buffer.concat(held);
      yield all.subarray(0, CHUNK_BYTES);
      held = [all.subarray(CHUNK_BYTES)];
      length -= CHUNK_BYTES;
    }
  }
  if (length > 0) yield Buffer.concat(held);
}

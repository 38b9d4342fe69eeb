/** What modules do with the audit trail: verify it, prove entries, delete values. */
import type { Proof, Seal, SealedEntry } from 'tenantry-verify';
import { Prisma } from '../../generated/prisma/client.js';
import type { TenantContext } from '../../kernel/request/tenant-context.js';
import { PublicError } from '../../kernel/vocabulary/errors.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import { exportTrail, type ExportFormat } from './export-trail.js';
import { LINK_MS, exportUrl, readExportLink, type ExportLink } from './export-links.js';
import { proveEntries } from './prove-entries.js';
import type { SealKeys } from './seal-keys.js';
import type { TrailQuery } from './trail-rows.js';
import { TrailDroppedError, verifyTrail, type TrailVerification } from './verify-trail.js';

declare module '../../kernel/graphql/module.js' {
  interface ServerParts {
    readonly auditTrail: AuditTrail;
  }
}

/** Which values are deleted, and why. */
export interface RedactionOrder {
  /** All values of these entries. */
  readonly entryIds?: readonly string[] | undefined;
  /** Whether the actors of these entries are deleted, too. Default: no. */
  readonly deleteActors?: boolean | undefined;
  /** What concerns this user: see `tenantry.redact_audit`. */
  readonly userId?: string | undefined;
  readonly reason: string;
}

export interface RedactionResult {
  /** The number of entries that lost values. */
  readonly redacted: number;
  /** Whether there are more than one call deletes. */
  readonly remain: boolean;
}

/** The most entries of one redaction. */
const MOST_REDACTED = 1_000;

export class AuditTrail {
  readonly #database: Pick<Database, 'forTenant' | 'sign'>;
  readonly #keys: SealKeys | undefined;
  /** The tenants whose whole trails are being verified here. */
  readonly #verifying = new Set<string>();

  /** @param keys undefined: nothing is sealed */
  constructor(database: Pick<Database, 'forTenant' | 'sign'>, keys: SealKeys | undefined) {
    this.#database = database;
    this.#keys = keys;
  }

  /** Whether this server has keys to seal the audit log. */
  get isSealed(): boolean {
    return this.#keys !== undefined;
  }

  /**
   * Verifies the whole trail of the caller's tenant, one at a time on this server. The rows do not count as bytes of the answer.
   *
   * @param head a head that was kept elsewhere
   * @returns undefined when this server has no keys
   * @throws UNAVAILABLE when it is being verified already, or entries are dropped meanwhile; the errors of the database, and those of the deadline of the
   * request
   */
  async verify(context: TenantContext, head?: Seal): Promise<TrailVerification | undefined> {
    if (!this.#keys) return undefined;
    if (this.#verifying.has(context.tenantId)) {
      throw new PublicError('UNAVAILABLE', 'The log is already being verified. Try again later.');
    }
    this.#verifying.add(context.tenantId);
    try {
      return await verifyTrail(this.#queryOf(context), context.tenantId, { keys: this.#keys.trusted, head });
    } catch (error) {
      if (!(error instanceof TrailDroppedError)) throw error;
      throw new PublicError('UNAVAILABLE', 'Entries were dropped while the log was read. Try again.');
    } finally {
      this.#verifying.delete(context.tenantId);
    }
  }

  /** @see proveEntries */
  prove(
    context: TenantContext,
    entryIds: readonly string[],
    isShown: (entry: SealedEntry, path: string) => boolean,
  ): Promise<Map<string, Proof>> {
    return proveEntries(this.#queryOf(context), context.tenantId, entryIds, isShown);
  }

  /**
   * Deletes values from the audit log, and records that in it.
   *
   * @param db the client of the request, whose transaction it is done in
   * @throws the errors of the database
   */
  async redact(
    db: TenantClient,
    { entryIds = [], deleteActors = false, userId, reason }: RedactionOrder,
  ): Promise<RedactionResult> {
    const { tenantId, actor } = db.context;
    const { expires, signature } = this.#database.sign(
      'redact_audit',
      tenantId.toLowerCase(),
      actor.id,
      entryIds.join(','),
      String(deleteActors),
      userId ?? null,
      reason,
    );
    return db.transaction(async (tx) => {
      const [result] = await tx.$queryRaw<RedactionResult>(Prisma.sql`
        SELECT redacted, remain FROM tenantry.redact_audit(
          ${[...entryIds]}::uuid[], ${deleteActors}, ${userId ?? null}, ${reason}, ${MOST_REDACTED}, ${expires}::bigint, ${signature})`);
      return result!;
    });
  }

  /**
   * A link to an export of the caller's tenant, for the member who calls. Recorded in the audit log.
   *
   * @param db the client of the request, whose transaction records it
   * @returns undefined when this server has no keys
   * @throws the errors of the database
   */
  async linkExport(
    db: TenantClient,
    format: ExportFormat,
  ): Promise<{ readonly url: string; readonly expiresAt: Date } | undefined> {
    if (!this.#keys) return undefined;
    const { tenantId, actor } = db.context;
    const expires = Date.now() + LINK_MS;
    await recordExport(db, 'audit_log.export_requested', format);
    const url = exportUrl({ tenantId, userId: actor.id, format, expires }, this.#keys);
    return { url, expiresAt: new Date(expires) };
  }

  /** What a link says; undefined when it is not good, or no longer. */
  readLink(token: string): ExportLink | undefined {
    return this.#keys && readExportLink(token, this.#keys);
  }

  /**
   * The text of an export, in pieces. That it was opened is recorded in the audit log first, so it is not in the export.
   *
   * @throws the errors of the database, also while it is read
   */
  async *export({ tenantId, userId, format }: ExportLink, requestId: string): AsyncGenerator<string> {
    const context = { tenantId, actor: { type: 'user', id: userId }, requestId } as const;
    await recordExport(this.#database.forTenant(context), 'audit_log.exported', format);
    yield* exportTrail(this.#queryOf(context), tenantId, format);
  }

  #queryOf({ tenantId, actor, requestId, deadline }: TenantContext): TrailQuery {
    const db = this.#database.forTenant({ tenantId, actor, requestId, deadline });
    return (sql) => db.$queryRaw(sql);
  }
}

const recordExport = (db: TenantClient, action: string, format: ExportFormat): Promise<unknown> =>
  db.transaction((tx) =>
    tx.$executeRaw(
      Prisma.sql`SELECT tenantry.record_audit(${action}, 'AuditLog', NULL, NULL, ${JSON.stringify({ format })}::jsonb)`,
    ),
  );

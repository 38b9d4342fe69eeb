/**
 * Records in a tenant's audit log what its owners should see although nothing was changed: an API key is used from a new
 * address, a mutation is refused for a missing permission, a credential of the tenant is presented at another tenant's
 * host. Entries are written after the request, and are limited per tenant, so that nobody can flood the log. A record that
 * cannot be written is reported and lost; it never fails a request.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Prisma } from '../../generated/prisma/client.js';
import { TenantMismatchError } from '../../kernel/auth/authenticate.js';
import type { AccessResolver } from '../../kernel/auth/resolve-access.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { Actor } from '../../kernel/vocabulary/actor.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { Viewer } from '../../kernel/vocabulary/viewer.js';

/** The most entries of a tenant that one server writes in a minute. The next one after them tells how many were left out. */
export const MOST_PER_MINUTE = 20;
const MINUTE_MS = 60_000;
/** The same thing by the same actor is recorded again after this time. */
const REPEATED_AFTER_MS = 10 * MINUTE_MS;
/** A host is what a client sent; the names of tenants are not longer. */
const LONGEST_HOST = 63;
/** What is remembered of each kind, at most. */
const MOST_REMEMBERED = 10_000;

/** Who did it, and where it is recorded. */
interface Caller {
  readonly tenantId: string;
  readonly actor: Actor;
  readonly requestId: string;
}

interface AccessRecord {
  readonly action: string;
  readonly entity: 'Access' | 'ApiKey';
  readonly entityId?: string;
  readonly details: Readonly<Record<string, string>>;
  /** Whether an entry with the same action, entity, id and address is enough, however old it is. */
  readonly once?: boolean;
}

/** What the recorder needs of the server. */
export interface AccessRecordsParts {
  readonly database: Pick<Database, 'forTenant'>;
  readonly access: AccessResolver;
  readonly warn: (problem: string) => void;
  /** False: nothing is recorded. */
  readonly enabled: boolean;
}

/** What is remembered has a fixed size: the claims of a token may be long. */
const hashOf = (what: readonly unknown[]): string => hash('sha256', JSON.stringify(what), 'base64');

export class AccessRecords {
  readonly #parts: AccessRecordsParts;
  /** What was recorded a short time ago. */
  readonly #recent: LRUCache<string, true>;
  /** The addresses of API keys that are known to be recorded. */
  readonly #addresses = new LRUCache<string, true>({ max: MOST_REMEMBERED });
  /** How many entries each tenant has had in its present minute. */
  readonly #written: LRUCache<string, { count: number }>;
  /** How many were left out since the last entry, by tenant. */
  readonly #leftOut = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  readonly #writing = new Set<Promise<void>>();

  /** @param clock tells the time in milliseconds, from any beginning */
  constructor(parts: AccessRecordsParts, clock: { now(): number } = performance) {
    this.#parts = parts;
    this.#recent = new LRUCache({
      max: MOST_REMEMBERED,
      ttl: REPEATED_AFTER_MS,
      ttlResolution: 0,
      perf: clock,
    });
    this.#written = new LRUCache({ max: MOST_REMEMBERED, ttl: MINUTE_MS, ttlResolution: 0, perf: clock });
  }

  /**
   * A caller was admitted. Records the address of an API key the first time that the key is used from there.
   *
   * @param address see `clientAddress`: of IPv6, the network
   */
  admitted(
    { tenantId, actor }: Pick<Viewer, 'tenantId' | 'actor'>,
    address: string,
    requestId: string,
  ): void {
    if (!this.#parts.enabled || actor.type !== 'api_key') return;
    const known = `${actor.id} ${address}`;
    if (this.#addresses.has(known)) return;
    const isBegun = this.#note(
      { tenantId, actor, requestId },
      {
        action: 'api_key.used_from_new_address',
        entity: 'ApiKey',
        entityId: actor.id,
        details: { address },
        once: true,
      },
    );
    if (isBegun) this.#addresses.set(known, true);
  }

  /**
   * A credential was refused. Records in the credential's own tenant that it was presented at another tenant's host; only
   * when it gives access to its own tenant, and never in the other one.
   */
  refused(error: unknown, requestId: string): void {
    if (!this.#parts.enabled || !(error instanceof TenantMismatchError)) return;
    const { presented } = error;
    const host = error.host.slice(0, LONGEST_HOST);
    const record: AccessRecord = { action: 'access.tenant_mismatch', entity: 'Access', details: { host } };
    if ('tenantId' in presented) {
      this.#note({ ...presented, requestId }, record);
      return;
    }
    // Remembered before the look-up, so that many such requests cause one.
    const same = hashOf([presented, host]);
    if (this.#recent.has(same)) return;
    this.#recent.set(same, true);
    this.#inBackground(() => this.#ofMember(presented, requestId, record));
  }

  /** A mutation was refused because its caller lacks a permission. */
  mutationRefused(caller: Caller, mutation: string, requires: string): void {
    if (!this.#parts.enabled) return;
    this.#note(caller, {
      action: 'access.mutation_refused',
      entity: 'Access',
      details: { mutation, requires },
    });
  }

  /** Waits for the entries that are being written. Call it before the database is closed. */
  async close(): Promise<void> {
    while (this.#writing.size > 0) await Promise.all(this.#writing);
  }

  async #ofMember(
    { tenantRef, userId }: { readonly tenantRef: string; readonly userId: string },
    requestId: string,
    record: AccessRecord,
  ): Promise<void> {
    const access = await this.#parts.access.resolve(tenantRef, userId);
    if (!access?.role || access.status !== 'active') return;
    this.#note({ tenantId: access.tenantId, actor: { type: 'user', id: userId }, requestId }, record);
  }

  /** @returns whether the entry is being written */
  #note(caller: Caller, record: AccessRecord): boolean {
    const { tenantId, actor } = caller;
    const same = hashOf([tenantId, actor.type, actor.id, record.action, record.details]);
    if (this.#recent.has(same)) return false;
    const written = this.#written.get(tenantId) ?? { count: 0 };
    if (written.count === 0) this.#written.set(tenantId, written);
    if (written.count >= MOST_PER_MINUTE) {
      this.#leftOut.set(tenantId, (this.#leftOut.get(tenantId) ?? 0) + 1);
      return false;
    }
    written.count++;
    this.#recent.set(same, true);
    const leftOut = this.#leftOut.get(tenantId);
    this.#leftOut.delete(tenantId);
    this.#inBackground(() => this.#write(caller, record, leftOut));
    return true;
  }

  #inBackground(work: () => Promise<void>): void {
    const writing: Promise<void> = work()
      .catch((error: unknown) => {
        // Without the text of the failure: what is recorded comes from callers whom nobody knows.
        const why = sqlState(error) ?? (error instanceof Error ? error.name : 'unknown');
        this.#parts.warn(`an attempt to get access could not be recorded in the audit log (${why})`);
      })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  async #write(
    { tenantId, actor, requestId }: Caller,
    { action, entity, entityId, details, once = false }: AccessRecord,
    leftOut: number | undefined,
  ): Promise<void> {
    const db = this.#parts.database.forTenant({ tenantId, actor, requestId });
    const value = JSON.stringify(leftOut === undefined ? details : { ...details, left_out: leftOut });
    await db.transaction((tx) =>
      tx.$executeRaw(Prisma.sql`
        SELECT tenantry.record_audit(${action}, ${entity}, ${entityId ?? null}, NULL, ${value}::jsonb)
        WHERE NOT (${once} AND EXISTS (
          SELECT FROM public.audit_log
          WHERE tenant_id = ${tenantId}::uuid AND entity = ${entity} AND entity_id = ${entityId ?? null}
            AND action = ${action} AND new_value ->> 'address' = ${details['address'] ?? ''}))`),
    );
  }
}

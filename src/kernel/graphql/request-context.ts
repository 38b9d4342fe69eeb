import type { FastifyBaseLogger } from 'fastify';
import type { Guards } from '../access/guards.js';
import type { InputGuards } from '../access/input-guards.js';
import type { RecordedColumns } from '../access/recorded-columns.js';
import type { ScopedModel } from '../tenancy/data-model.js';
import type { VerifiedUser, Viewer } from '../vocabulary/viewer.js';
import type { RoleMatrix } from '../vocabulary/permissions.js';
import type { AnswerBytes } from '../request/answer-bytes.js';
import type { Deadline } from '../request/deadline.js';
import type { TenantChanges } from '../notifications/change-events.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import type { Loaders } from './loaders.js';

/**
 * What modules add to the context of every request, by declaration merging: see platform/invitation/invitation-context.ts.
 * A module that is deleted takes its part with it.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- modules add to it
export interface ModuleContext {}

/**
 * What a resolver is given. One per request or event of a subscription, bound to one tenant. In a mutation with
 * `@authenticated(member: false)` there may be no tenant: `viewer`, `db` and `changes` then throw.
 */
export interface RequestContext extends ModuleContext {
  readonly viewer: Viewer;
  /** Who signed in, a member of the tenant or not; undefined for an API key. */
  readonly user: VerifiedUser | undefined;
  /** The tenant-bound client. Reads that are issued together share a transaction. */
  readonly db: TenantClient;
  /**
   * The client of the transaction that the whole mutation runs in, when it was sent with an idempotency key. What changes
   * something past `db` has to use it: it is undone with the rest.
   */
  readonly unit?: TenantClient | undefined;
  /** For subscription fields, see `changesOf`: what changes in the tenant. */
  readonly changes: TenantChanges;
  /** Batching loaders of this request; nothing of them outlives it. */
  readonly loaders: Loaders;
  readonly roles: RoleMatrix;
  /** What each field demands, for what shows a field's value elsewhere. */
  readonly guards: Guards;
  readonly inputGuards: InputGuards;
  /** The same for the rows of the audit log, and the data model that they are of. */
  readonly recorded: RecordedColumns;
  readonly models: ReadonlyMap<string, ScopedModel>;
  readonly requestId: string;
  /** When the request has to be over. Give its `signal` to what a resolver waits for beside the database. */
  readonly deadline?: Deadline | undefined;
  /** What may be read for the request, and answered to it. A resolver that fetches large values from elsewhere counts them. */
  readonly bytes: AnswerBytes;
  /** The `Idempotency-Key` header, as it came. */
  readonly idempotencyKey?: string | undefined;
  /** Its lines carry the request's id, tenant and actor. */
  readonly log: FastifyBaseLogger;
}

import type { FastifyBaseLogger } from 'fastify';
import type { GraphQLResolveInfo } from 'graphql';
import type { Guards } from '../access/guards.js';
import type { InputGuards } from '../access/input-guards.js';
import type { RecordedColumns } from '../access/recorded-columns.js';
import type { ScopedModel } from '../tenancy/data-model.js';
import type { VerifiedUser, Viewer } from '../vocabulary/viewer.js';
import type { Plans } from '../vocabulary/plan.js';
import type { RoleMatrix } from '../vocabulary/permissions.js';
import type { AnswerBytes } from '../request/answer-bytes.js';
import type { RequestUsage } from '../request/request-usage.js';
import type { Deadline } from '../request/deadline.js';
import type { TenantChanges } from '../notifications/change-events.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import type { Below } from './below.js';
import type { Loaders } from './loaders.js';

/**
 * What modules add to the context of every request, by declaration merging: see
 * platform/invitation/invitation-context.ts. Deleting a module removes its part.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- modules add to it
export interface ModuleContext {}

/** Objects by their ids alone: see node-reader.ts, which cannot be imported here. */
export interface Nodes {
  /**
   * The object with this id, or null.
   *
   * @param field the argument or the field that has the id, for the error
   * @throws BAD_USER_INPUT for what is no id; FORBIDDEN when the caller may not read objects of this type
   */
  load(id: string, field: string, context: RequestContext): Promise<object | null>;
}

/** Finds what documents ask for below lists: see look-ahead.ts, which cannot be imported here. */
export interface ReadsAhead {
  /**
   * What the field that is being resolved needs of the rows of its list.
   *
   * @param model that of the rows
   */
  below(info: GraphQLResolveInfo, model: string, context: Pick<RequestContext, 'viewer' | 'models'>): Below;
}

/**
 * The context of resolvers: one per request or event of a subscription, bound to one tenant. In a mutation with
 * `@authenticated(member: false)` there may be no tenant: then `viewer`, `db` and `changes` throw.
 */
export interface RequestContext extends ModuleContext {
  readonly viewer: Viewer;
  /** Whether there is no tenant. */
  readonly isGuest?: boolean | undefined;
  /** The signed-in user, a member of the tenant or not; undefined for an API key. */
  readonly user: VerifiedUser | undefined;
  /** The tenant-bound client. Reads issued in the same tick share a transaction. */
  readonly db: TenantClient;
  /**
   * The client of the transaction of the whole mutation, when it has an idempotency key. Code that changes data without
   * `db` must use it, so that the change is rolled back with the rest.
   */
  readonly unit?: TenantClient | undefined;
  /** The changes in the tenant, for subscription fields: see `changesOf`. */
  readonly changes: TenantChanges;
  /** The batching loaders of this request. */
  readonly loaders: Loaders;
  readonly roles: RoleMatrix;
  /** The plans that a tenant can have; the tenant's own is `viewer.plan`. */
  readonly plans: Plans;
  /** The guards of all fields, for code that shows a field's value elsewhere. */
  readonly guards: Guards;
  readonly inputGuards: InputGuards;
  /** The same for rows of the audit log, and their data model. */
  readonly recorded: RecordedColumns;
  readonly models: ReadonlyMap<string, ScopedModel>;
  /** Reads objects by their ids alone. */
  readonly nodes: Nodes;
  /** What a document needs of the rows of a list, for `listOf`. */
  readonly lookAhead: ReadsAhead;
  readonly requestId: string;
  /** When the request must end. Pass its `signal` to anything that a resolver waits for besides the database. */
  readonly deadline?: Deadline | undefined;
  /**
   * Counts the bytes of the request's rows and answer. A resolver that fetches large values from elsewhere must count
   * them.
   */
  readonly bytes: AnswerBytes;
  /** What the request has used so far. */
  readonly usage: RequestUsage;
  /** The `Idempotency-Key` header, unchecked. */
  readonly idempotencyKey?: string | undefined;
  /** Its lines have the request's id, tenant and actor. */
  readonly log: FastifyBaseLogger;
}

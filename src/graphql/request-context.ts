import type { FastifyBaseLogger } from 'fastify';
import type { Guards } from '../access/guards.js';
import type { InputGuards } from '../access/input-guards.js';
import type { Viewer } from '../access/viewer.js';
import type { RoleMatrix } from '../access/permissions.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import type { Loaders } from './loaders.js';

/** What a resolver is given. One per request, bound to one tenant. */
export interface RequestContext {
  readonly viewer: Viewer;
  /** The tenant-bound client. Reads that are issued together share a transaction. */
  readonly db: TenantClient;
  /** Batching loaders of this request; nothing of them outlives it. */
  readonly loaders: Loaders;
  readonly roles: RoleMatrix;
  /** What each field demands, for what shows a field's value elsewhere. */
  readonly guards: Guards;
  readonly inputGuards: InputGuards;
  readonly requestId: string;
  /** The `Idempotency-Key` header, as it came. */
  readonly idempotencyKey?: string | undefined;
  /** Its lines carry the request's id, tenant and actor. */
  readonly log: FastifyBaseLogger;
}

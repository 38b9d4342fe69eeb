import type { FastifyBaseLogger } from 'fastify';
import type { Guards } from '../access/guards.js';
import type { Viewer } from '../access/viewer.js';
import type { RoleMatrix } from '../access/permissions.js';
import type { TenantChanges } from '../tenancy/change-news.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import type { Loaders } from './loaders.js';

/** What a resolver is given. One per request or event of a subscription, bound to one tenant. */
export interface RequestContext {
  readonly viewer: Viewer;
  /** The tenant-bound client. Reads that are issued together share a transaction. */
  readonly db: TenantClient;
  /** For subscription fields, see `changesOf`: what changes in the tenant. */
  readonly changes: TenantChanges;
  /** Batching loaders of this request; nothing of them outlives it. */
  readonly loaders: Loaders;
  readonly roles: RoleMatrix;
  /** What each field demands, for what shows a field's value elsewhere. */
  readonly guards: Guards;
  readonly requestId: string;
  /** Its lines carry the request's id, tenant and actor. */
  readonly log: FastifyBaseLogger;
}

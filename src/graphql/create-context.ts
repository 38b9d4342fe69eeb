import type { FastifyBaseLogger } from 'fastify';
import type { Viewer } from '../access/viewer.js';
import type { ChangeNews } from '../tenancy/change-news.js';
import type { Database } from '../tenancy/database.js';
import { Loaders } from './loaders.js';
import type { RequestContext } from './request-context.js';
import type { Api } from './schema.js';

/** What a context is made from. */
export interface ContextParts {
  readonly api: Api;
  readonly database: Database;
  readonly changes: ChangeNews;
}

/** A request, or an event of a subscription. */
export interface ContextOf {
  readonly viewer: Viewer;
  readonly requestId: string;
  readonly log: FastifyBaseLogger;
}

/** What a resolver is given: made anew for each request and for each event, and thrown away with it. */
export const createContext = (
  { api, database, changes }: ContextParts,
  { viewer, requestId, log }: ContextOf,
): RequestContext => ({
  viewer,
  db: database.forTenant({ tenantId: viewer.tenantId, actor: viewer.actor, requestId }),
  changes: changes.forTenant(viewer.tenantId),
  loaders: new Loaders(),
  roles: api.roles,
  guards: api.guards,
  requestId,
  log,
});

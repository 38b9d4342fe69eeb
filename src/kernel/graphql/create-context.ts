import type { FastifyBaseLogger } from 'fastify';
import type { Viewer } from '../vocabulary/viewer.js';
import type { Config } from '../config/config.js';
import { AnswerBytes } from '../request/answer-bytes.js';
import type { Deadline } from '../request/deadline.js';
import type { ChangeEvents } from '../notifications/change-events.js';
import type { Database } from '../tenancy/database.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import { Loaders } from './loaders.js';
import type { ModuleContext, RequestContext } from './request-context.js';
import type { Api } from './schema.js';

/** What a context is made from. */
export interface ContextParts {
  readonly api: Api;
  readonly database: Database;
  readonly changes: ChangeEvents;
  readonly moduleContext: ModuleContext;
  readonly config: Pick<Config, 'maxAnswerBytes'>;
}

/** A request, or an event of a subscription. */
export interface ContextOf {
  readonly viewer: Viewer;
  readonly requestId: string;
  readonly deadline?: Deadline | undefined;
  readonly idempotencyKey?: string | undefined;
  /** What counts the rows that `db` reads. Undefined: one is made. */
  readonly bytes?: AnswerBytes | undefined;
  /** A client of this viewer and request that reads for other contexts as well. Undefined: one is made. */
  readonly db?: TenantClient | undefined;
  /** Made when there is something to log. */
  readonly log: () => FastifyBaseLogger;
}

/** What a resolver is given: made anew for each request and for each event, and thrown away with it. */
export const createContext = (
  { api, database, changes, moduleContext, config }: ContextParts,
  {
    viewer,
    requestId,
    deadline,
    idempotencyKey,
    bytes = new AnswerBytes(config.maxAnswerBytes),
    db,
    log,
  }: ContextOf,
): RequestContext => {
  const { tenantId, actor } = viewer;
  return {
    ...moduleContext,
    viewer,
    user: actor.type === 'user' ? viewer : undefined,
    db: db ?? database.forTenant({ tenantId, actor, requestId, deadline, bytes }),
    changes: changes.forTenant(tenantId),
    loaders: new Loaders(),
    roles: api.roles,
    guards: api.guards,
    inputGuards: api.inputGuards,
    recorded: api.recorded,
    models: database.models,
    requestId,
    deadline,
    idempotencyKey,
    bytes,
    get log() {
      return log();
    },
  };
};

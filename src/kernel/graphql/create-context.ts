import type { FastifyBaseLogger } from 'fastify';
import type { Plans } from '../vocabulary/plan.js';
import type { Viewer } from '../vocabulary/viewer.js';
import type { Config } from '../config/config.js';
import { AnswerBytes } from '../request/answer-bytes.js';
import { RequestUsage } from '../request/request-usage.js';
import type { Freshness } from '../request/freshness.js';
import type { Deadline } from '../request/deadline.js';
import type { ChangeEvents } from '../notifications/change-events.js';
import type { Database } from '../tenancy/database.js';
import type { TenantClient } from '../tenancy/tenant-client.js';
import { lazyLog } from './lazy-log.js';
import { Loaders } from './loaders.js';
import type { ModuleContext, RequestContext } from './request-context.js';
import type { Api } from './schema.js';

/** The server's parts of a context. */
export interface ContextParts {
  readonly api: Api;
  readonly database: Database;
  readonly plans: Plans;
  readonly changes: ChangeEvents;
  readonly moduleContext: ModuleContext;
  readonly config: Pick<Config, 'maxAnswerBytes'>;
}

/** The request or event of a context. */
export interface ContextOf {
  readonly viewer: Viewer;
  readonly requestId: string;
  readonly deadline?: Deadline | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Looks the caller's access up again. @throws the refusal, as a rejection, when it has changed */
  readonly confirmAccess?: (() => Promise<void>) | undefined;
  /** Counts the rows that `db` reads. Default: a new counter. */
  readonly bytes?: AnswerBytes | undefined;
  /** What the request uses. Default: a new one, which nobody reads. */
  readonly usage?: RequestUsage | undefined;
  /** How old the data may be that `db` reads. Default: not at all. */
  readonly freshness?: Freshness | undefined;
  /** A client of this viewer and request, shared with other contexts. Default: a new client. */
  readonly db?: TenantClient | undefined;
  /** Creates the logger at its first use. */
  readonly log: () => FastifyBaseLogger;
}

/** Creates the context of resolvers, one for each request and each event. */
export const createContext = (
  { api, database, plans, changes, moduleContext, config }: ContextParts,
  {
    viewer,
    requestId,
    deadline,
    idempotencyKey,
    confirmAccess,
    bytes = new AnswerBytes(config.maxAnswerBytes),
    usage = new RequestUsage(),
    freshness,
    db,
    log,
  }: ContextOf,
): RequestContext => {
  const { tenantId, actor, plan } = viewer;
  return {
    ...moduleContext,
    viewer,
    user: actor.type === 'user' ? viewer : undefined,
    db:
      db ??
      database.forTenant({
        tenantId,
        actor,
        plan,
        requestId,
        deadline,
        bytes,
        usage,
        freshness,
        access: confirmAccess && { memberId: viewer.memberId, confirm: confirmAccess },
      }),
    changes: changes.forTenant(tenantId),
    loaders: new Loaders(),
    roles: api.roles,
    plans,
    guards: api.guards,
    inputGuards: api.inputGuards,
    recorded: api.recorded,
    models: database.models,
    nodes: api.nodes,
    lookAhead: api.lookAhead,
    requestId,
    deadline,
    idempotencyKey,
    bytes,
    usage,
    log: lazyLog(log),
  };
};

import type { FastifyBaseLogger } from 'fastify';
import { Loaders } from '../kernel/graphql/loaders.js';
import type { RequestContext } from '../kernel/graphql/request-context.js';
import { AnswerBytes } from '../kernel/request/answer-bytes.js';
import type { RequestUsage } from '../kernel/request/request-usage.js';
import type { Deadline } from '../kernel/request/deadline.js';
import type { VerifiedUser } from '../kernel/vocabulary/viewer.js';
import type { Services } from './services.js';

/** The data of a guest's request. */
export interface GuestRequest {
  readonly user: VerifiedUser;
  readonly requestId: string;
  readonly deadline: Deadline | undefined;
  readonly usage: RequestUsage;
  readonly log: FastifyBaseLogger;
}

/**
 * The context of a guest's mutation (guest.ts): like a member's, but without a tenant. A field that needs a tenant
 * fails, and the failure is logged.
 */
export function createGuestContext(
  {
    api,
    database,
    plans,
    config,
    moduleContext,
  }: Pick<Services, 'api' | 'database' | 'plans' | 'config' | 'moduleContext'>,
  { user, requestId, deadline, usage, log }: GuestRequest,
): RequestContext {
  const { roles, guards, inputGuards, recorded, nodes, lookAhead } = api;
  const rest = {
    ...moduleContext,
    isGuest: true,
    user,
    loaders: new Loaders(),
    roles,
    plans,
    guards,
    inputGuards,
    recorded,
    models: database.models,
    nodes,
    lookAhead,
    requestId,
    deadline,
    bytes: new AnswerBytes(config.maxAnswerBytes),
    usage,
    log,
  };
  return Object.assign(new NoTenant(), rest);
}

/**
 * Throws when the tenant is read. A class, because Apollo copies contexts and would read the object's own properties.
 */
class NoTenant implements Pick<RequestContext, 'viewer' | 'db' | 'changes'> {
  get viewer(): never {
    throw new Error('a guest has no tenant');
  }

  get db(): never {
    throw new Error('a guest has no tenant');
  }

  get changes(): never {
    throw new Error('a guest has no tenant');
  }
}

import type { AnswerBytes } from './answer-bytes.js';
import type { Freshness } from './freshness.js';
import type { AccessCheck } from '../vocabulary/access-check.js';
import type { Actor } from '../vocabulary/actor.js';
import type { Plan } from '../vocabulary/plan.js';
import type { RequestUsage } from './request-usage.js';
import type { Deadline } from './deadline.js';

/**
 * The tenant, the actor and the request of an operation. Each request, job, subscription event or command has exactly
 * one. It is made only from verified facts (see resolve-access.ts), never from unverified data of a client.
 */
export interface TenantContext {
  /** The tenant's id, a UUID. */
  readonly tenantId: string;
  readonly actor: Actor;
  /**
   * The tenant's plan, whose time limits hold for its transactions. Undefined for commands, which have those of the
   * database.
   */
  readonly plan?: Plan | undefined;
  /** Correlates the answer, the log lines and the audit entries of one request. */
  readonly requestId: string;
  /**
   * When the request must end: running statements are then cancelled, and nothing else begins. Without one, as in
   * background work, only the time limits of each transaction apply.
   */
  readonly deadline?: Deadline | undefined;
  /** Confirms the access of an operation that waits for a connection. Undefined: it is not confirmed. */
  readonly access?: AccessCheck | undefined;
  /** Counts the rows that are read. Undefined for commands and jobs, whose rows are not counted. */
  readonly bytes?: AnswerBytes | undefined;
  /** Counts what a request uses. Undefined for other work. */
  readonly usage?: RequestUsage | undefined;
  /** How old the data may be that the request reads. Undefined: everything is read from the primary. */
  readonly freshness?: Freshness | undefined;
}

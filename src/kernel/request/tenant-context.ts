import type { AnswerBytes } from './answer-bytes.js';
import type { Actor } from '../vocabulary/actor.js';
import type { Deadline } from './deadline.js';

/**
 * Who acts, in which tenant, in answer to what. One request, job, subscription event or command has exactly one.
 * It is made from verified facts only (see resolve-access.ts) and never from what a client merely says.
 */
export interface TenantContext {
  /** The tenant's id, a UUID. */
  readonly tenantId: string;
  readonly actor: Actor;
  /** Correlates the answer, the log lines and the audit entries of one request. */
  readonly requestId: string;
  /**
   * When the request has to be over: what still runs then is cancelled, and nothing else begins. Without one, as for work
   * in the background, each operation has the time limits of transactions to itself.
   */
  readonly deadline?: Deadline | undefined;
  /** Counts the rows that are read. Undefined: they are not counted, as for commands and jobs. */
  readonly bytes?: AnswerBytes | undefined;
}

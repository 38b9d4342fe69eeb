/** Decides who may take a connection of the pool. */
import type { Trace } from '../tracing/trace.js';
import type { Release } from '../fair-share/fair-share.js';
import type { AccessCheck } from '../vocabulary/access-check.js';
import type { Actor } from '../vocabulary/actor.js';
import type { Plan } from '../vocabulary/plan.js';

/** The remaining time of a request. */
export interface RequestLimit {
  /** In milliseconds. */
  readonly remaining: number;
  /** The error for the caller when the time has passed. */
  readonly error: Error;
  /** Calls `listener` when the time has passed, at once when it already has. @returns stops waiting; must be called */
  whenOver(listener: () => void): () => void;
}

/** For whom a connection is requested. */
export interface Applicant {
  readonly tenantId: string;
  readonly actor: Actor;
  readonly plan?: Plan | undefined;
  readonly deadline?: RequestLimit | undefined;
  readonly access?: AccessCheck | undefined;
  /** Counts how long the connection is held. */
  readonly usage?:
    { addDatabaseTime(milliseconds: number): void; readonly trace: Trace | undefined } | undefined;
}

export interface Admission {
  /**
   * Requests one connection.
   *
   * @returns the release, without a promise when there is no wait, which saves time
   * @throws RATE_LIMITED, as a rejection
   */
  admit(applicant: Applicant): Release | Promise<Release>;
}

/** Runs `work` when it may take a connection. */
export async function admitted<Result>(
  admission: Admission,
  applicant: Applicant,
  work: () => Promise<Result>,
): Promise<Result> {
  const { usage } = applicant;
  const trace = usage?.trace;
  const asked = admission.admit(applicant);
  const release =
    typeof asked === 'function'
      ? asked
      : await (trace ? trace.step('wait for a connection', {}, () => asked) : asked);
  const transaction = trace?.child('transaction');
  const heldAt = usage ? performance.now() : 0;
  try {
    return await work();
  } finally {
    usage?.addDatabaseTime(performance.now() - heldAt);
    transaction?.end();
    release();
  }
}

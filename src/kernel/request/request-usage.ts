import type { Trace } from '../tracing/trace.js';

/** What one request or job has used, for its line in the access log and for metrics, and its trace. */
export class RequestUsage {
  /** The name of the executed operation, if it has one. */
  operation: string | undefined;
  /** The cost of the operation, in points. */
  cost: number | undefined;
  /** The codes of the errors in the answer, each once. */
  codes: readonly string[] = [];
  /** What the client calls itself; empty when it does not say. */
  client = '';
  /** The step that is under way; undefined when it is not traced. */
  trace: Trace | undefined;
  #databaseMs = 0;

  constructor(trace?: Trace) {
    this.trace = trace;
  }

  /** How long the request's transactions held connections to the database, in milliseconds. */
  get databaseMs(): number {
    return this.#databaseMs;
  }

  addDatabaseTime(milliseconds: number): void {
    this.#databaseMs += milliseconds;
  }
}

/** The pool's connections and the operations that wait for them, for metrics. */
export interface PoolState {
  readonly total: number;
  readonly idle: number;
  /** Operations that may take a connection and wait until one is free. */
  readonly waiting: number;
  /**
   * Operations that wait in a queue: of their tenant, for its limit or its turn, or of their caller; or for the limit
   * of look-ups before the tenant is known (`door`).
   */
  readonly waitingForShare: { readonly tenant: number; readonly caller: number; readonly door: number };
  /** Operations that were refused so far, because they waited too long or the queue was full. */
  readonly refused: { readonly tenant: number; readonly caller: number; readonly door: number };
}

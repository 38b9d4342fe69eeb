/**
 * Knows which code runs inside a transaction that is open: that of a unit of work, or of `db.transaction`. There a second
 * connection must not be taken. Whoever waits for one while holding another waits for others who do the same, and when
 * enough of them do, no connection is ever given back.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** A transaction, or a part of one. */
export interface OpenTransaction {
  /** Set by {@link insideTransaction}. */
  ended?: boolean;
  /** What it is a part of. */
  readonly whole?: OpenTransaction | undefined;
}

const storage = new AsyncLocalStorage<OpenTransaction>();
let open = 0;

/** Runs `work` as a part of `transaction`. */
export async function insideTransaction<Result>(
  transaction: OpenTransaction,
  work: () => Promise<Result>,
): Promise<Result> {
  open++;
  try {
    return await storage.run(transaction, work);
  } finally {
    transaction.ended = true;
    // Before Node 24, a storage in use makes every promise of the process cost twice as much.
    if (--open === 0) storage.disable();
  }
}

/** What the calling code was started in; it may have ended since. Costs next to nothing while nothing is open. */
export const currentTransaction = (): OpenTransaction | undefined =>
  open === 0 ? undefined : storage.getStore();

/** What outlives its transaction is no longer inside. */
function isInside(): boolean {
  let transaction = currentTransaction();
  while (transaction?.ended) transaction = transaction.whole;
  return transaction !== undefined;
}

/** Code that holds a connection asks for another one. A defect of that code, whatever becomes of it. */
export class SecondConnectionError extends Error {
  override readonly name = 'SecondConnectionError';

  /** @param what asks for it */
  constructor(what: string) {
    super(
      `${what} would take a second connection while the transaction it was called in holds one: many requests that do so ` +
        'wait for each other. Inside db.transaction use the tx that it is given; in a mutation with an Idempotency-Key the ' +
        'db of the context that the resolver is given; or call it before the transaction or after it.',
    );
  }
}

/** Called before a connection is taken. `what` is for the message. */
export type RefuseSecondConnection = (what: string) => void;

const REPORTED_EVERY_MS = 60_000;

/**
 * @param report told of a second connection, at most once a minute, instead of its being refused
 * @returns what throws a {@link SecondConnectionError} when it is called inside an open transaction
 */
export function refuseSecondConnection(
  report?: (error: SecondConnectionError) => void,
): RefuseSecondConnection {
  let reportedAt = -Infinity;
  return (what) => {
    if (!isInside()) return;
    const error = new SecondConnectionError(what);
    if (!report) throw error;
    if (performance.now() - reportedAt < REPORTED_EVERY_MS) return;
    reportedAt = performance.now();
    report(error);
  };
}

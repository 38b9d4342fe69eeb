/**
 * Knows which code runs inside a transaction that is open: that of a unit of work, or of `db.transaction`. There a second
 * connection must not be taken. Whoever waits for one while holding another waits for others who do the same, and when
 * enough of them do, no connection is ever given back.
 */
import { OpenTransactions, SecondConnectionError } from '@tenantry/prisma-tenancy/parts';

export { SecondConnectionError };

/** Those of this process. */
export const openTransactions = new OpenTransactions();

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
    if (!openTransactions.isInside) return;
    const error = new SecondConnectionError(
      `${what} would take a second connection while the transaction it was called in holds one: many requests that do so ` +
        'wait for each other. Inside db.transaction use the tx that it is given; in a mutation with an Idempotency-Key the ' +
        'db of the context that the resolver is given; or call it before the transaction or after it.',
    );
    if (!report) throw error;
    if (performance.now() - reportedAt < REPORTED_EVERY_MS) return;
    reportedAt = performance.now();
    report(error);
  };
}

/**
 * Detects code that runs inside an open transaction: of a unit of work, or of `db.transaction`. Such code must not take
 * a second connection: when enough transactions hold one connection and wait for another, they wait for each other
 * forever.
 */
import { OpenTransactions, SecondConnectionError } from '@tenantry/prisma-tenancy/parts';

export { SecondConnectionError };

/** The open transactions of this process. */
export const openTransactions = new OpenTransactions();

/** Must be called before a connection is taken. `what` is part of the message. */
export type RefuseSecondConnection = (what: string) => void;

const REPORTED_EVERY_MS = 60_000;

/**
 * @param report called at most once a minute with the error, instead of throwing it
 * @returns a function that throws a {@link SecondConnectionError} inside an open transaction
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

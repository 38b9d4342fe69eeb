/**
 * Transactions that end for everybody.
 *
 * An operation of Prisma may be several statements. When its transaction ends before it does (the time was up, or a sibling in
 * Promise.all failed), Prisma gives the connection back to the pool, and the operation goes on sending its statements: into
 * whatever transaction the connection is used for next, which is bound to another tenant. An extension does not see that;
 * the driver adapter does.
 */
import {
  DriverAdapterError,
  type SqlDriverAdapterFactory,
  type SqlQuery,
  type Transaction,
} from '@prisma/driver-adapter-utils';

const ENDS_THE_TRANSACTION = /^(COMMIT|ROLLBACK)$/;

/**
 * For the adapter that a Prisma client is given: `new PrismaClient({ adapter: endingTransactions(new PrismaPg(…)) })`.
 *
 * @returns the same adapter, whose transactions take no further statement once they have ended
 */
export function endingTransactions<Factory extends SqlDriverAdapterFactory>(factory: Factory): Factory {
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    const start = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) => endForEverybody(await start(isolationLevel));
    return adapter;
  };
  return factory;
}

/** The same transaction, which rejects each statement after its COMMIT or ROLLBACK. */
export function endForEverybody(transaction: Transaction): Transaction {
  let ended = false;
  const queryRaw = transaction.queryRaw.bind(transaction);
  const executeRaw = transaction.executeRaw.bind(transaction);
  const refuse = () =>
    Promise.reject(
      new DriverAdapterError({ kind: 'TransactionAlreadyClosed', cause: 'its transaction has ended' }),
    );
  transaction.queryRaw = (query: SqlQuery) => (ended ? refuse() : queryRaw(query));
  transaction.executeRaw = (query: SqlQuery) => {
    if (ended) return refuse();
    ended = ENDS_THE_TRANSACTION.test(query.sql);
    return executeRaw(query);
  };
  return transaction;
}

/**
 * Makes transactions refuse statements after their end.
 *
 * An operation of Prisma may send several statements. When its transaction ends first (at the time limit, or because
 * another operation in Promise.all failed), Prisma returns the connection to the pool, but the operation continues to
 * send statements. They would run in the connection's next transaction, which may belong to another tenant. An
 * extension cannot prevent this; the driver adapter can.
 */
import {
  DriverAdapterError,
  type SqlDriverAdapterFactory,
  type SqlQuery,
  type Transaction,
} from '@prisma/driver-adapter-utils';

const ENDS_THE_TRANSACTION = /^(COMMIT|ROLLBACK)$/;

/**
 * Wraps the adapter of a Prisma client: `new PrismaClient({ adapter: endingTransactions(new PrismaPg(…)) })`.
 *
 * @returns the same adapter, whose transactions refuse statements after their end
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

/** Makes the transaction reject each statement after its COMMIT or ROLLBACK. @returns the same transaction */
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

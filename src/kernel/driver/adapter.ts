import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  DriverAdapterError,
  type SqlQuery,
  type SqlResultSet,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import { farTime } from './column-parsers.js';
import { PipeliningClient } from './pipelining-client.js';

const ENDS_THE_TRANSACTION = /^(COMMIT|ROLLBACK)$/;

/**
 * Prisma's adapter for pg, with transactions that end for everybody.
 *
 * An operation of Prisma may be several statements. When its transaction ends before it does (a sibling in Promise.all
 * failed, or the time was up), Prisma gives the connection back to the pool, and the operation goes on sending its
 * statements: into whatever transaction the connection is used for next, which is bound to another tenant. Here a
 * transaction that has ended takes no further statement.
 *
 * A connection on which something was cancelled is given back when the cancelling is over, and only when it is in no
 * transaction then.
 *
 * And times that only PostgreSQL can write are read here as in a plain statement: see column-parsers.ts.
 */
export class TenantryAdapter extends PrismaPg {
  override async connect() {
    const adapter = await super.connect();
    const start = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) => endForEverybody(await start(isolationLevel));
    return adapter;
  }
}

function endForEverybody(transaction: Transaction): Transaction {
  let ended = false;
  const queryRaw = transaction.queryRaw.bind(transaction);
  const executeRaw = transaction.executeRaw.bind(transaction);
  const refuse = () =>
    Promise.reject(
      new DriverAdapterError({ kind: 'TransactionAlreadyClosed', cause: 'its transaction has ended' }),
    );
  transaction.queryRaw = (query: SqlQuery) => (ended ? refuse() : queryRaw(query).then(withReadableTimes));
  transaction.executeRaw = (query: SqlQuery) => {
    if (ended) return refuse();
    ended = ENDS_THE_TRANSACTION.test(query.sql);
    return executeRaw(query);
  };
  // Prisma calls one of them at the end, and both do the same: they give the connection back.
  for (const end of ['commit', 'rollback'] as const) {
    const giveBack = transaction[end].bind(transaction);
    transaction[end] = async () => {
      const client = clientOf(transaction);
      if (client.cancelling) await client.cancelling;
      // A COMMIT that failed has not always ended the transaction. The end of one that only read is not waited for.
      if (!client.isBusy && !client.isIdle) client.discard();
      await giveBack();
    };
  }
  return transaction;
}

/** The connection of a transaction; the adapter's types hide it. */
function clientOf(transaction: Transaction): PipeliningClient {
  const { client } = transaction as unknown as { client: unknown };
  if (!(client instanceof PipeliningClient)) throw new Error('the transaction runs on a foreign connection');
  return client;
}

/** Prisma makes a Date of the text by itself, and of these an invalid one, at which a whole list fails. */
function withReadableTimes(result: SqlResultSet): SqlResultSet {
  for (const [column, type] of result.columnTypes.entries()) {
    if (type !== ColumnTypeEnum.DateTime) continue;
    for (const row of result.rows) {
      const text = row[column];
      if (typeof text === 'string' && Number.isNaN(Date.parse(text)))
        row[column] = farTime(text).toISOString();
    }
  }
  return result;
}

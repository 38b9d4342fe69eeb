import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  type SqlQuery,
  type SqlResultSet,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import { endForEverybody } from '@tenantry/prisma-tenancy/parts';
import { farTime } from './column-parsers.js';
import { PipeliningClient } from './pipelining-client.js';

/**
 * Prisma's adapter for pg, with transactions that end for everybody.
 *
 * A transaction that has ended takes no further statement: `endForEverybody` says what would happen otherwise.
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
    adapter.startTransaction = async (isolationLevel) => ofTenantry(await start(isolationLevel));
    return adapter;
  }
}

function ofTenantry(started: Transaction): Transaction {
  const transaction = endForEverybody(started);
  const queryRaw = transaction.queryRaw.bind(transaction);
  transaction.queryRaw = (query: SqlQuery) => queryRaw(query).then(withReadableTimes);
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

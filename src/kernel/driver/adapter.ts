import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  DriverAdapterError,
  type SqlQuery,
  type SqlResultSet,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import { endForEverybody } from '@tenantry/prisma-tenancy/parts';
import { columnsOfDetail } from '../vocabulary/sql-state.js';
import { farTime } from './column-parsers.js';
import { PipeliningClient } from './pipelining-client.js';

/**
 * Prisma's adapter for pg, with four changes.
 *
 * A transaction that has ended accepts no further statement; the comment of `endForEverybody` says why.
 *
 * A connection on which a statement was cancelled is returned to the pool after the cancellation, and only when no
 * transaction is open on it.
 *
 * Times that JavaScript cannot parse are read as in plain statements: see column-parsers.ts.
 *
 * The error of a unique key contains the columns of the key, not the name of its index.
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
  nameColumns(started);
  const transaction = endForEverybody(started);
  const queryRaw = transaction.queryRaw.bind(transaction);
  transaction.queryRaw = (query: SqlQuery) => queryRaw(query).then(withReadableTimes);
  // Prisma calls one of them at the end. Both do the same: they return the connection to the pool.
  for (const end of ['commit', 'rollback'] as const) {
    const giveBack = transaction[end].bind(transaction);
    transaction[end] = async () => {
      const client = clientOf(transaction);
      if (client.cancelling) await client.cancelling;
      // A failed COMMIT may leave the transaction open. The end of a read-only transaction is not awaited.
      if (!client.isBusy && !client.isIdle) client.discard();
      await giveBack();
    };
  }
  return transaction;
}

/** The connection of a transaction, which is missing in the adapter's types. */
function clientOf(transaction: Transaction): PipeliningClient {
  const { client } = transaction as unknown as { client: unknown };
  if (!(client instanceof PipeliningClient)) throw new Error('the transaction runs on a foreign connection');
  return client;
}

/** `onError`, which throws the adapter's form of an error of pg, is missing in the adapter's types. */
function nameColumns(transaction: Transaction): void {
  const failing = transaction as unknown as { onError: (error: unknown) => never };
  const onError = failing.onError.bind(transaction);
  failing.onError = (error) => {
    try {
      return onError(error);
    } catch (converted) {
      const columns = columnsOfDetail(error);
      if (
        columns.length > 0 &&
        converted instanceof DriverAdapterError &&
        converted.cause.kind === 'UniqueConstraintViolation'
      ) {
        converted.cause.constraint = { fields: [...columns] };
      }
      throw converted;
    }
  };
}

/** Replaces times that Prisma would turn into an invalid Date, at which a whole list fails. */
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

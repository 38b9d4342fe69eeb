import { PrismaPg } from '@prisma/adapter-pg';
import {
  ColumnTypeEnum,
  type SqlQuery,
  type SqlResultSet,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import { endForEverybody } from '@tenantry/prisma-tenancy/parts';
import { farTime } from './column-parsers.js';
import { withExactNumbers } from './exact-json.js';
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
 * Numbers in JSON that JavaScript would round are read as strings, as in plain statements: see exact-json.ts.
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
  transaction.queryRaw = (query: SqlQuery) => queryRaw(query).then(withReadableValues);
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

/**
 * Replaces times that Prisma would turn into an invalid Date, at which a whole list fails, and numbers in JSON that it
 * would round.
 */
function withReadableValues(result: SqlResultSet): SqlResultSet {
  for (const [column, type] of result.columnTypes.entries()) {
    const readable = READABLE.get(type);
    if (!readable) continue;
    for (const row of result.rows) {
      const value = row[column];
      if (typeof value === 'string') row[column] = readable(value);
      else if (Array.isArray(value)) {
        const list = value as readonly unknown[];
        row[column] = list.map((each) => (typeof each === 'string' ? readable(each) : each));
      }
    }
  }
  return result;
}

const readableTime = (text: string): string =>
  Number.isNaN(Date.parse(text)) ? farTime(text).toISOString() : text;

const READABLE: ReadonlyMap<number, (text: string) => string> = new Map([
  [ColumnTypeEnum.DateTime, readableTime],
  [ColumnTypeEnum.DateTimeArray, readableTime],
  [ColumnTypeEnum.Json, withExactNumbers],
  [ColumnTypeEnum.JsonArray, withExactNumbers],
]);

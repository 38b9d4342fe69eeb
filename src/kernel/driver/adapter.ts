import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import {
  ColumnTypeEnum,
  type SqlQuery,
  type SqlResultSet,
  type Transaction,
} from '@prisma/driver-adapter-utils';
import { endForEverybody } from '@tenantry/prisma-tenancy/parts';
import { farTime } from './column-parsers.js';
import { withExactNumbers } from './exact-json.js';
import { sqlAttributes } from './sql-attributes.js';
import { BINDING, PipeliningClient } from './pipelining-client.js';

/** Told after each statement in a tenant's transaction how many rows it has read or written. */
type OnRows = (tenantId: string, rows: number) => void;

/**
 * Prisma's adapter for pg, with five changes.
 *
 * A transaction that has ended accepts no further statement; the comment of `endForEverybody` says why.
 *
 * A connection on which a statement was cancelled is returned to the pool after the cancellation, and only when no
 * transaction is open on it.
 *
 * Times that JavaScript cannot parse are read as in plain statements: see column-parsers.ts.
 *
 * Numbers in JSON that JavaScript would round are read as strings, as in plain statements: see exact-json.ts.
 *
 * Rows are counted for the tenant of their transaction, and statements of traced transactions are steps of the trace.
 */
export class TenantryAdapter extends PrismaPg {
  readonly #onRows: OnRows | undefined;

  constructor(pool: pg.Pool, options: ConstructorParameters<typeof PrismaPg>[1], onRows?: OnRows) {
    super(pool, options);
    this.#onRows = onRows;
  }

  override async connect() {
    const adapter = await super.connect();
    const start = adapter.startTransaction.bind(adapter);
    adapter.startTransaction = async (isolationLevel) =>
      ofTenantry(await start(isolationLevel), this.#onRows);
    return adapter;
  }
}

function ofTenantry(started: Transaction, onRows: OnRows | undefined): Transaction {
  const transaction = endForEverybody(started);
  traceStatements(transaction);
  if (onRows) countRows(transaction, onRows);
  const queryRaw = transaction.queryRaw.bind(transaction);
  transaction.queryRaw = (query: SqlQuery) => queryRaw(query).then(withReadableValues);
  // Prisma calls one of them at the end. Both do the same: they return the connection to the pool.
  for (const end of ['commit', 'rollback'] as const) {
    const giveBack = transaction[end].bind(transaction);
    transaction[end] = async () => {
      const client = clientOf(transaction);
      if (client.cancelling) await client.cancelling;
      // A failed COMMIT may leave the transaction open. The end of a read-only transaction is not awaited.
      if ((!client.isBusy && !client.isIdle) || client.isWorn) client.discard();
      await giveBack();
    };
  }
  return transaction;
}

/** Each statement of a traced transaction is a step. */
function traceStatements(transaction: Transaction): void {
  const queryRaw = transaction.queryRaw.bind(transaction);
  const executeRaw = transaction.executeRaw.bind(transaction);
  const traced = <Result>(query: SqlQuery, work: () => Promise<Result>): Promise<Result> => {
    const { trace } = clientOf(transaction);
    return trace ? trace.step('SQL', sqlAttributes([query.sql]), work) : work();
  };
  transaction.queryRaw = (query: SqlQuery) => traced(query, () => queryRaw(query));
  transaction.executeRaw = (query: SqlQuery) => traced(query, () => executeRaw(query));
}

/** The first statement says which tenant it is. */
function countRows(transaction: Transaction, onRows: OnRows): void {
  const queryRaw = transaction.queryRaw.bind(transaction);
  const executeRaw = transaction.executeRaw.bind(transaction);
  let tenantId: string | undefined;
  const count = (rows: number): void => {
    if (tenantId !== undefined) onRows(tenantId, rows);
  };
  transaction.queryRaw = async (query: SqlQuery) => {
    const result = await queryRaw(query);
    count(result.rows.length);
    return result;
  };
  transaction.executeRaw = async (query: SqlQuery) => {
    const rows = await executeRaw(query);
    if (query.sql.startsWith(BINDING)) tenantId = query.args[0] as string;
    else count(rows);
    return rows;
  };
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

/** What `$forTenant` returns, in the types of the client that was extended. */
import type { Sql, Types, TypedSql } from '@prisma/client/runtime/client';
import type { TransactionOptions } from './options.js';

type PrismaPromise<Result> = Types.Public.PrismaPromise<Result>;

/** The names of the properties that are models. */
type ModelsOf<Client> = Exclude<Extract<keyof Client, string>, `$${string}` | `_${string}`>;

/** Raw statements. Those that are put together from text (`$queryRawUnsafe`, `$executeRawUnsafe`) are not offered. */
interface RawStatements {
  $queryRaw<Rows = unknown>(
    query: TemplateStringsArray | Sql,
    ...values: readonly unknown[]
  ): PrismaPromise<Rows>;
  $queryRawTyped<Row>(query: TypedSql<unknown[], Row>): PrismaPromise<Row[]>;
  $executeRaw(query: TemplateStringsArray | Sql, ...values: readonly unknown[]): PrismaPromise<number>;
}

/**
 * An open transaction that is bound to a tenant. What is done through it is committed together, or undone together.
 *
 * Prisma's fluent API (`findUnique(…).posts()`) is not there: ask with `include`.
 */
export type TenantTransaction<Client> = Readonly<Pick<Client, ModelsOf<Client>>> & RawStatements;

/** A client that is bound to one tenant. It opens nothing until its first operation. */
export type TenantClient<Client> = TenantTransaction<Client> & {
  /**
   * Runs `work` in one transaction. Everything done through `tx` is committed together, or undone together when `work`
   * throws. A serialization failure or a deadlock repeats all of `work`: it must not have effects outside the database.
   *
   * @throws what `work` throws, and the errors of the database. An operation of the client itself that is called in `work`
   * is rejected with a SecondConnectionError, for it would not be undone with the rest.
   */
  $transaction<Result>(
    work: (tx: TenantTransaction<Client>) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>;
  /**
   * Runs operations of this client in one transaction, in order. When one fails, none is kept.
   *
   * @returns their results, in the same order
   * @throws the error of the first that failed; TypeError for anything that is not an operation of this client
   */
  $transaction<Operations extends readonly PrismaPromise<unknown>[]>(
    operations: readonly [...Operations],
    options?: TransactionOptions,
  ): Promise<{ -readonly [Index in keyof Operations]: Awaited<Operations[Index]> }>;
};

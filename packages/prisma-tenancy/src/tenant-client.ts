/** The types of bound clients, derived from the type of the extended client. */
import type { Sql, Types, TypedSql } from '@prisma/client/runtime/client';
import type { TransactionOptions } from './options.js';

type PrismaPromise<Result> = Types.Public.PrismaPromise<Result>;

/** The names of the model properties. */
type ModelsOf<Client> = Exclude<Extract<keyof Client, string>, `$${string}` | `_${string}`>;

/** Raw statements. `$queryRawUnsafe` and `$executeRawUnsafe`, which concatenate text, are missing. */
interface RawStatements {
  $queryRaw<Rows = unknown>(
    query: TemplateStringsArray | Sql,
    ...values: readonly unknown[]
  ): PrismaPromise<Rows>;
  $queryRawTyped<Row>(query: TypedSql<unknown[], Row>): PrismaPromise<Row[]>;
  $executeRaw(query: TemplateStringsArray | Sql, ...values: readonly unknown[]): PrismaPromise<number>;
}

/**
 * An open transaction that is bound to a tenant. Its operations are committed together or rolled back together.
 *
 * Prisma's fluent API (`findUnique(…).posts()`) is missing: use `include`.
 */
export type TenantTransaction<Client> = Readonly<Pick<Client, ModelsOf<Client>>> & RawStatements;

/** A client that is bound to one tenant. It takes no connection before its first operation. */
export type TenantClient<Client> = TenantTransaction<Client> & {
  /**
   * Runs `work` in one transaction. All operations of `tx` are committed together, or rolled back when `work` throws. A
   * serialization failure or a deadlock repeats all of `work`, so it must have no effects outside the database.
   *
   * @throws what `work` throws, and the errors of the database. `work` must not call operations of the client itself:
   * they are rejected with a SecondConnectionError, because they would not be rolled back with the rest.
   */
  $transaction<Result>(
    work: (tx: TenantTransaction<Client>) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>;
  /**
   * Runs operations of this client in one transaction, in order. When one fails, all are rolled back.
   *
   * @returns their results, in the same order
   * @throws the error of the first failed operation; TypeError when an element is not an operation of this client
   */
  $transaction<Operations extends readonly PrismaPromise<unknown>[]>(
    operations: readonly [...Operations],
    options?: TransactionOptions,
  ): Promise<{ -readonly [Index in keyof Operations]: Awaited<Operations[Index]> }>;
};

/**
 * The tenant-bound client, as resolvers use it: the only way from application code to tenant data.
 *
 * Every operation runs in a transaction that is bound to the tenant by its first statement, and is narrowed to the
 * tenant by the application's filter. Prisma's own client is never handed out, and no setting outlives its transaction.
 */
import type { Prisma, PrismaClient } from '../../generated/prisma/client.js';
import type { TenantContext } from '../request/tenant-context.js';

/**
 * The model delegates of the Prisma client: `conversation`, `membership`, … Without the fluent API: what Prisma's types
 * say of `findUnique(…).messages()` does not hold here; ask with `include`, or in a loader.
 */
export type Models = {
  readonly [Model in Uncapitalize<Prisma.ModelName>]: Omit<PrismaClient[Model], 'fields'>;
};

declare const bound: unique symbol;

/** What a client and a transaction have in common. */
export interface Bound {
  readonly context: TenantContext;
  /** The primary key of a row of this tenant. Throws NOT_FOUND for an id that is no UUID, as for an absent row. */
  key(id: string): { readonly tenantId_id: { readonly tenantId: string; readonly id: string } };
  /** Runs a statement inside the tenant and returns its rows. Outside `transaction` it may only read. */
  $queryRaw<Row>(sql: Prisma.Sql): Promise<Row[]>;
  /** Runs a statement inside the tenant and returns the number of rows it touched. */
  $executeRaw(sql: Prisma.Sql): Promise<number>;
}

/**
 * An open transaction bound to a tenant. Branded, so that code which demands one cannot be given anything else;
 * only {@link TenantClient.transaction} makes it. Its operations are undone together when the transaction is.
 */
export interface TenantTx extends Models, Bound {
  readonly [bound]: 'TenantTx';
}

/** A client bound to one tenant for one request. */
export interface TenantClient extends Models, Bound {
  /**
   * Runs `work` in one transaction, at read committed. Everything done through `tx` is committed together, or
   * undone together when `work` throws. A serialization failure or deadlock repeats all of `work`, a bounded number
   * of times: it must not have effects outside the database.
   *
   * What `work` calls must not take a second connection: no operation of this client, and no other transaction.
   *
   * @throws whatever `work` throws, and the errors of the database; RATE_LIMITED when the tenant, or the caller, has more
   *   under way than its share of the connections for too long.
   */
  transaction<Result>(work: (tx: TenantTx) => Promise<Result>): Promise<Result>;
}

/** Time limits of a tenant's transactions, in milliseconds. */
export interface TransactionLimits {
  /** How long a transaction may wait for a connection of the pool. */
  readonly maxWait: number;
  /** How long a transaction may last. */
  readonly timeout: number;
  /** How long one statement may run before PostgreSQL cancels it. */
  readonly statementTimeout: number;
}

/** What binds clients to tenants. */
export interface TenantBinder {
  /** A client for one request. It opens nothing until its first operation. */
  forTenant(context: TenantContext): TenantClient;
  /**
   * Runs `work` with a client whose every operation, `transaction` included, is part of one transaction, committed when
   * `work` succeeds and undone when it throws. Each operation is still all or nothing by itself: one that fails leaves
   * the others as they are. A serialization failure or deadlock that `work` throws repeats all of it, a bounded number
   * of times.
   *
   * @param work is also given the transaction itself, in which an operation that fails fails all
   * @throws whatever `work` throws, and the errors of the database; those of COMMIT among them.
   */
  unitOfWork<Result>(
    context: TenantContext,
    work: (db: TenantClient, tx: TenantTx) => Promise<Result>,
  ): Promise<Result>;
}

/**
 * The tenant-bound client that resolvers use. Application code has no other access to tenant data.
 *
 * Every operation runs in a transaction whose first statement binds it to the tenant, and the application's filter
 * narrows it to the tenant. Prisma's own client is never exported, and no setting outlives its transaction.
 */
import type { Prisma, PrismaClient } from '../../generated/prisma/client.js';
import type { TenantContext } from '../request/tenant-context.js';
import type { EnqueueOptions, JobPayloads, JobTask } from '../vocabulary/job.js';

/**
 * The model delegates of the Prisma client: `conversation`, `membership`, … The fluent API is missing:
 * `findUnique(…).messages()` compiles with Prisma's types but fails here. Use `include` or a loader.
 */
export type Models = {
  readonly [Model in Uncapitalize<Prisma.ModelName>]: Omit<PrismaClient[Model], 'fields'>;
};

declare const bound: unique symbol;

/** The methods that a client and a transaction share. */
export interface Bound {
  readonly context: TenantContext;
  /** The primary key of a row of this tenant. @throws NOT_FOUND when the id is not a UUID, as for a missing row */
  key(id: string): { readonly tenantId_id: { readonly tenantId: string; readonly id: string } };
  /** Runs a statement in the tenant and returns its rows. Outside `transaction` it may only read. */
  $queryRaw<Row>(sql: Prisma.Sql): Promise<Row[]>;
  /** Runs a statement in the tenant and returns the number of affected rows. */
  $executeRaw(sql: Prisma.Sql): Promise<number>;
  /**
   * Queues a job for this tenant: in the transaction, which queues nothing when it is rolled back; outside of one, at
   * once. The database records the tenant, the actor and the request. A worker runs the job after the commit, at least
   * once.
   *
   * @returns the id of the job, which is that of the queued job with the same key when there is one
   */
  enqueue<Task extends JobTask>(
    task: Task,
    payload: JobPayloads[Task],
    options?: EnqueueOptions,
  ): Promise<string>;
}

/**
 * An open transaction that is bound to a tenant. The type is branded, so that code which requires a transaction accepts
 * nothing else; only {@link TenantClient.transaction} creates one. A rollback undoes all of its operations.
 */
export interface TenantTx extends Models, Bound {
  readonly [bound]: 'TenantTx';
}

/** A client bound to one tenant for one request. */
export interface TenantClient extends Models, Bound {
  /**
   * Runs `work` in one transaction at read committed. All operations of `tx` are committed together, or rolled back
   * when `work` throws. A serialization failure or deadlock repeats all of `work`, a limited number of times, so `work`
   * must have no effects outside the database.
   *
   * `work` must not take a second connection: it must not call operations of this client or start another transaction.
   *
   * @throws whatever `work` throws, and the errors of the database; RATE_LIMITED when it waited too long for the share
   * of connections of the tenant or the caller
   */
  transaction<Result>(work: (tx: TenantTx) => Promise<Result>): Promise<Result>;
  /**
   * Reads what belongs to the rows of a `findMany` that is called in the same tick, in the same round trip.
   *
   * @param model the property of the client
   * @param args the arguments of the `findMany`
   * @param statement makes the statement from the one that finds those rows, narrowed to the tenant
   * @returns undefined when the two cannot be sent together: then nothing is read
   */
  readBelow<Row>(
    model: string,
    args: Readonly<Record<string, unknown>>,
    statement: (found: Prisma.Sql) => Prisma.Sql,
  ): Promise<Row[] | undefined>;
}

/** The time limits of a tenant's transactions, in milliseconds. */
export interface TransactionLimits {
  /** The longest wait for a connection of the pool, and the longest look-up before a tenant is known. */
  readonly maxWait: number;
  /** The longest duration of a transaction. */
  readonly timeout: number;
  /** The longest duration of a statement; then PostgreSQL cancels it. */
  readonly statementTimeout: number;
}

/** Binds clients to tenants. */
export interface TenantBinder {
  /** A client for one request. It takes no connection before its first operation. */
  forTenant(context: TenantContext): TenantClient;
  /**
   * Runs `work` with a client whose operations, including `transaction`, all belong to one transaction. It is committed
   * when `work` succeeds and rolled back when `work` throws. Each operation is still atomic: when one fails, the others
   * keep their effect. A serialization failure or deadlock that `work` throws repeats all of it, a limited number of
   * times.
   *
   * @param work also receives the transaction itself, in which one failed operation fails the whole transaction
   * @throws whatever `work` throws, and the errors of the database, including those of COMMIT
   */
  unitOfWork<Result>(
    context: TenantContext,
    work: (db: TenantClient, tx: TenantTx) => Promise<Result>,
  ): Promise<Result>;
}

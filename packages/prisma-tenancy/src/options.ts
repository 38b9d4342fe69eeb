import type { Sql } from '@prisma/client/runtime/client';

/** The limits of a transaction, in milliseconds, as in Prisma. */
export interface TransactionLimits {
  /** The longest wait for a connection. */
  readonly maxWait?: number | undefined;
  /** The longest duration. */
  readonly timeout?: number | undefined;
}

/** The options of one transaction. */
export interface TransactionOptions extends TransactionLimits {
  readonly isolationLevel?:
    'ReadUncommitted' | 'ReadCommitted' | 'RepeatableRead' | 'Serializable' | undefined;
}

/** The purpose of a bound transaction. */
export interface Binding {
  /** It only runs operations that read, so the binding statement may make it read-only. */
  readonly readOnly: boolean;
}

/** Is called with the progress of one try of a transaction. An error that it throws rolls the transaction back. */
export interface TransactionCourse {
  /** The transaction is bound. `touched` is the number of affected rows that Prisma reports for the binding. */
  bound(touched: number): void;
  /** The work is done, and the transaction is about to be committed. */
  ending(): void;
}

interface CommonOptions<Context> extends TransactionLimits {
  /**
   * The most tries of a transaction that PostgreSQL refuses because of a conflict (a serialization failure or a
   * deadlock). By default 4. The whole transaction is repeated, including the work that was passed to `$transaction`.
   */
  readonly attempts?: number | undefined;
  /** The limits of this tenant's transactions, if tenants have different limits. */
  readonly limits?: ((context: Context) => TransactionLimits) | undefined;
  /** Whether another try may succeed after this error. By default, after a conflict. */
  readonly isTransient?: ((error: unknown) => boolean) | undefined;
  /** Whether there is no time for another try. */
  readonly isOver?: ((context: Context) => boolean) | undefined;
  /**
   * Called for each try, before a connection is taken. It must run the try, and ends after the connection was returned.
   */
  readonly around?:
    | (<Result>(context: Context, attempt: (course: TransactionCourse) => Promise<Result>) => Promise<Result>)
    | undefined;
}

/** Binds by settings, which the policies read. */
interface BySettings<Context> extends CommonOptions<Context> {
  /** The settings of a tenant's transactions, such as `{ 'app.current_tenant': tenantId }`. No value may be empty. */
  readonly settings: (context: Context) => Readonly<Record<string, string>>;
  readonly bind?: undefined;
}

/** Binds by a statement, such as a call of a database function. */
interface ByStatement<Context> extends CommonOptions<Context> {
  /**
   * The first statement of a tenant's transactions. Its settings must end with the transaction: use SET LOCAL, or
   * set_config with `true` as the third argument.
   */
  readonly bind: (context: Context, binding: Binding) => Sql;
  readonly settings?: undefined;
}

/**
 * How clients are bound to tenants. `Context` is the argument of `$forTenant`: a tenant's id, or an object that
 * contains it.
 */
export type TenancyOptions<Context> = BySettings<Context> | ByStatement<Context>;

import type { Sql } from '@prisma/client/runtime/client';

/** Limits of a transaction, as Prisma takes them, in milliseconds. */
export interface TransactionLimits {
  /** How long it may wait for a connection. */
  readonly maxWait?: number | undefined;
  /** How long it may last. */
  readonly timeout?: number | undefined;
}

/** How one transaction is run. */
export interface TransactionOptions extends TransactionLimits {
  readonly isolationLevel?:
    'ReadUncommitted' | 'ReadCommitted' | 'RepeatableRead' | 'Serializable' | undefined;
}

/** What a transaction is bound for. */
export interface Binding {
  /** Only operations that read are run in it. A statement that binds may make it read only. */
  readonly readOnly: boolean;
}

/** Told of the course of one try of a transaction. What it throws undoes the transaction. */
export interface TransactionCourse {
  /** It is bound. `touched` is what Prisma says of the statement that did so: how many rows it touched. */
  bound(touched: number): void;
  /** Its work is done, and it is about to be committed. */
  ending(): void;
}

interface CommonOptions<Context> extends TransactionLimits {
  /**
   * How often a transaction is tried when PostgreSQL refuses it for a conflict with another one (a serialization failure or
   * a deadlock). By default 4. It is always repeated as a whole, the work given to `$transaction` included.
   */
  readonly attempts?: number | undefined;
  /** The limits of one tenant's transactions, if they are not the same for all. */
  readonly limits?: ((context: Context) => TransactionLimits) | undefined;
  /** Whether a second try may succeed after this error. By default: after a conflict. */
  readonly isTransient?: ((error: unknown) => boolean) | undefined;
  /** Whether it is too late for another try. */
  readonly isOver?: ((context: Context) => boolean) | undefined;
  /** Called for each try, which it has to make: before a connection is taken, until it was given back. */
  readonly around?:
    | (<Result>(context: Context, attempt: (course: TransactionCourse) => Promise<Result>) => Promise<Result>)
    | undefined;
}

/** Sets what the policies read. */
interface BySettings<Context> extends CommonOptions<Context> {
  /** The settings of a tenant's transactions, such as `{ 'app.current_tenant': tenantId }`. None may be empty. */
  readonly settings: (context: Context) => Readonly<Record<string, string>>;
  readonly bind?: undefined;
}

/** Calls a function of the database. */
interface ByStatement<Context> extends CommonOptions<Context> {
  /**
   * The first statement of a tenant's transactions. What it sets must end with the transaction: SET LOCAL, or set_config
   * with `true` as its third argument.
   */
  readonly bind: (context: Context, binding: Binding) => Sql;
  readonly settings?: undefined;
}

/** How clients are bound to tenants. `Context` is what `$forTenant` takes: a tenant's id, or whatever names it. */
export type TenancyOptions<Context> = BySettings<Context> | ByStatement<Context>;

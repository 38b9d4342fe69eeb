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

interface CommonOptions extends TransactionLimits {
  /**
   * How often a transaction is tried when PostgreSQL refuses it for a conflict with another one (a serialization failure or
   * a deadlock). By default 4. It is always repeated as a whole, the work given to `$transaction` included.
   */
  readonly attempts?: number | undefined;
}

/** Sets what the policies read. */
interface BySettings<Context> extends CommonOptions {
  /** The settings of a tenant's transactions, such as `{ 'app.current_tenant': tenantId }`. None may be empty. */
  readonly settings: (context: Context) => Readonly<Record<string, string>>;
  readonly bind?: undefined;
}

/** Calls a function of the database. */
interface ByStatement<Context> extends CommonOptions {
  /**
   * The first statement of a tenant's transactions. What it sets must end with the transaction: SET LOCAL, or set_config
   * with `true` as its third argument.
   */
  readonly bind: (context: Context) => Sql;
  readonly settings?: undefined;
}

/** How clients are bound to tenants. `Context` is what `$forTenant` takes: a tenant's id, or whatever names it. */
export type TenancyOptions<Context> = BySettings<Context> | ByStatement<Context>;

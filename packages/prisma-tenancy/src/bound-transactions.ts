/** Runs the transactions of tenants. The first statement of each binds it to its tenant. */
import type { Sql } from '@prisma/client/runtime/client';
import type { TransactionClient } from './operation.js';
import type { Binding, TenancyOptions, TransactionCourse, TransactionOptions } from './options.js';
import { isConflict, retry } from './retry.js';
import { setLocal } from './set-local.js';

/** The parts of Prisma's client that this package uses. */
export interface PrismaClientBase {
  $transaction<Result>(work: (tx: TransactionClient) => Promise<Result>, options: object): Promise<Result>;
}

/** The options of a tenant's transaction. */
export interface BoundTransactionOptions extends TransactionOptions {
  /** Nothing in the transaction writes. Passed to the binding. */
  readonly readOnly?: boolean | undefined;
}

const ATTEMPTS = 4;
/** Longer than Prisma's limits for transactions, 2 and 5 seconds, because here every operation is in a transaction. */
const MAX_WAIT_MS = 10_000;
const TIMEOUT_MS = 30_000;

/** The transactions of all tenants on one Prisma client. */
export class BoundTransactions<Context> {
  readonly #prisma: PrismaClientBase;
  readonly #options: TenancyOptions<Context>;
  readonly #binding: (context: Context, binding: Binding) => Sql;

  /** @throws TypeError when the options have no binding */
  constructor(prisma: PrismaClientBase, options: TenancyOptions<Context>) {
    this.#prisma = prisma;
    this.#options = options;
    this.#binding = bindingOf(options);
  }

  /**
   * Runs `work` in a transaction whose first statement binds it to the tenant, and repeats it after a conflict.
   *
   * @throws what `work` throws, and the errors of the database
   */
  run<Result>(
    context: Context,
    work: (tx: TransactionClient) => Promise<Result>,
    options: BoundTransactionOptions = {},
  ): Promise<Result> {
    const { attempts = ATTEMPTS, isTransient = isConflict, isOver, around } = this.#options;
    const attempt = around
      ? () => around(context, (course) => this.#attempt(context, work, options, course))
      : () => this.#attempt(context, work, options);
    return retry({ attempts, isTransient, isOver: isOver && (() => isOver(context)) }, attempt);
  }

  #attempt<Result>(
    context: Context,
    work: (tx: TransactionClient) => Promise<Result>,
    { readOnly = false, ...options }: BoundTransactionOptions,
    course?: TransactionCourse,
  ): Promise<Result> {
    const limits = this.#options.limits?.(context) ?? this.#options;
    return this.#prisma.$transaction(
      async (tx) => {
        const touched = await tx.$executeRaw(this.#binding(context, { readOnly }));
        course?.bound(touched);
        const result = await work(tx);
        course?.ending();
        return result;
      },
      { maxWait: limits.maxWait ?? MAX_WAIT_MS, timeout: limits.timeout ?? TIMEOUT_MS, ...given(options) },
    );
  }
}

function bindingOf<Context>(options: TenancyOptions<Context>): (context: Context, binding: Binding) => Sql {
  if (options.bind) return options.bind;
  const { settings } = options as {
    readonly settings?: (context: Context) => Readonly<Record<string, string>>;
  };
  if (!settings)
    throw new TypeError('tenancy() has to be told how a transaction is bound: by settings, or by bind');
  return (context) => setLocal(settings(context));
}

/** Removes undefined options, which Prisma would treat as values. */
const given = (options: TransactionOptions): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** The transactions of tenants: the first statement of each binds it to its tenant. */
import type { Sql } from '@prisma/client/runtime/client';
import type { TransactionClient } from './operation.js';
import type { Binding, TenancyOptions, TransactionCourse, TransactionOptions } from './options.js';
import { isConflict, retry } from './retry.js';
import { setLocal } from './set-local.js';

/** Prisma's client, as far as this package uses it. */
export interface PrismaClientBase {
  $transaction<Result>(work: (tx: TransactionClient) => Promise<Result>, options: object): Promise<Result>;
}

/** A transaction of one tenant. */
export interface BoundTransactionOptions extends TransactionOptions {
  /** That nothing in it writes; told to the binding. */
  readonly readOnly?: boolean | undefined;
}

const ATTEMPTS = 4;
/** Prisma's own limits, 2 and 5 seconds, are for transactions; here each operation is in one. */
const MAX_WAIT_MS = 10_000;
const TIMEOUT_MS = 30_000;

/** All tenants' transactions on one Prisma client. */
export class BoundTransactions<Context> {
  readonly #prisma: PrismaClientBase;
  readonly #options: TenancyOptions<Context>;
  readonly #binding: (context: Context, binding: Binding) => Sql;

  /** @throws TypeError when the options do not say how a transaction is bound */
  constructor(prisma: PrismaClientBase, options: TenancyOptions<Context>) {
    this.#prisma = prisma;
    this.#options = options;
    this.#binding = bindingOf(options);
  }

  /**
   * Runs `work` in a transaction that is bound to the tenant before anything else; again when it met a conflict.
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

/** Without what is undefined: Prisma takes that for a value. */
const given = (options: TransactionOptions): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

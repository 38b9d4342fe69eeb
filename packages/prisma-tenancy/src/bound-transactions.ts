/** The transactions of a tenant: their first statement binds them, and nothing of them is left when they end. */
import type { Sql } from '@prisma/client/runtime/client';
import type { BoundSurface, Runner } from './bound-surface.js';
import { OpenTransactions, SecondConnectionError } from './open-transactions.js';
import type { Operation, TransactionClient } from './operation.js';
import type { TenancyOptions, TransactionOptions } from './options.js';
import { PendingOperation } from './pending-operation.js';
import { isConflict, retry } from './retry.js';
import { setLocal } from './set-local.js';

/** Prisma's client, as far as this package uses it. */
export interface PrismaClientBase {
  $transaction<Result>(work: (tx: TransactionClient) => Promise<Result>, options: object): Promise<Result>;
}

const ATTEMPTS = 4;
/** Prisma's own limits, 2 and 5 seconds, are for transactions; here each operation is in one. */
const MAX_WAIT_MS = 10_000;
const TIMEOUT_MS = 30_000;

/** All tenants' transactions on one Prisma client. */
export class BoundTransactions<Context> {
  readonly #prisma: PrismaClientBase;
  readonly #options: TenancyOptions<Context>;
  readonly #binding: (context: Context) => Sql;
  readonly #open = new OpenTransactions();

  /** @throws TypeError when the options do not say how a transaction is bound */
  constructor(prisma: PrismaClientBase, options: TenancyOptions<Context>) {
    this.#prisma = prisma;
    this.#options = options;
    this.#binding = bindingOf(options);
  }

  /**
   * Runs `work` in a transaction that is bound to the tenant before anything else, again when it met a conflict.
   *
   * @throws SecondConnectionError inside `work` of another one, as a rejection
   */
  async run<Result>(
    context: Context,
    work: (tx: TransactionClient) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    this.refuseInside('An operation');
    const { attempts = ATTEMPTS, maxWait = MAX_WAIT_MS, timeout = TIMEOUT_MS } = this.#options;
    return retry({ attempts, isTransient: isConflict }, () =>
      this.#prisma.$transaction(
        async (tx) => {
          await tx.$executeRaw(this.#binding(context));
          return work(tx);
        },
        { maxWait, timeout, ...given(options) },
      ),
    );
  }

  /** Runs `work` with the surface of a transaction, which ends with everything that was begun in it. */
  interactive<Result>(
    Surface: typeof BoundSurface,
    context: Context,
    work: (tx: BoundSurface) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result> {
    return this.run(
      context,
      async (tx) => {
        const inside = new InnerRunner(tx);
        try {
          return await this.#open.run({}, () => work(new Surface(inside)));
        } finally {
          await inside.end();
        }
      },
      options,
    );
  }

  /** @throws SecondConnectionError when the calling code is inside an open transaction */
  refuseInside(what: string): void {
    if (!this.#open.isInside) return;
    throw new SecondConnectionError(
      `${what} of the client was called inside its $transaction: it would run on a second connection, and not be undone with ` +
        'the rest. Use the tx that the work is given.',
    );
  }
}

function bindingOf<Context>(options: TenancyOptions<Context>): (context: Context) => Sql {
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

/**
 * The operations of an open transaction. It is ended only when each of them has: an operation may be several statements, and
 * Prisma gives the connection back at the end, so that those which come later would run in the next transaction on it,
 * which is another tenant's.
 */
class InnerRunner implements Runner {
  readonly #tx: TransactionClient;
  readonly #underWay = new Set<Promise<unknown>>();
  #ended = false;

  constructor(tx: TransactionClient) {
    this.#tx = tx;
  }

  readonly read = (operation: Operation) => this.#operation(operation);
  readonly write = this.read;
  readonly query = this.read;

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.allSettled(this.#underWay);
  }

  #operation(operation: Operation): PendingOperation {
    return new PendingOperation(this, operation, () => this.#run(operation));
  }

  async #run(operation: Operation): Promise<unknown> {
    if (this.#ended) throw new Error('the transaction of this operation has ended');
    const result = Promise.resolve(operation.run(this.#tx));
    this.#underWay.add(result);
    try {
      return await result;
    } finally {
      this.#underWay.delete(result);
    }
  }
}

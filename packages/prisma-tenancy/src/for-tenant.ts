/** The clients of `tenancy`. Each operation runs in an interactive transaction of Prisma. */
import { BoundSurface, type Runner } from './bound-surface.js';
import type { BoundTransactions } from './bound-transactions.js';
import { offeredModels } from './offered-models.js';
import { OpenTransactions, SecondConnectionError } from './open-transactions.js';
import type { Operation, TransactionClient } from './operation.js';
import type { TransactionOptions } from './options.js';
import { PendingOperation } from './pending-operation.js';
import { ReadBatch } from './read-batch.js';

type Work = (tx: BoundSurface) => Promise<unknown>;

/**
 * Creates the clients of tenants. Everything that does not depend on the tenant is created here, once, so a client is
 * cheap.
 */
export function createForTenant<Context>(
  transactions: BoundTransactions<Context>,
  prisma: object,
): (context: Context) => object {
  const Surface = BoundSurface.offering(offeredModels(prisma), [
    '$queryRaw',
    '$queryRawTyped',
    '$executeRaw',
  ]);
  const open = new OpenTransactions();
  return (context) => {
    const runner = new TenantRunner(transactions, open, context);
    const interactive = (work: Work, limits?: TransactionOptions) =>
      runner.transaction(async (tx) => {
        const inside = new InnerRunner(tx);
        try {
          return await open.run({}, () => work(new Surface(inside)));
        } finally {
          await inside.end();
        }
      }, limits);
    return Object.assign(new Surface(runner), {
      $transaction: (work: Work | readonly unknown[], limits?: TransactionOptions) =>
        typeof work === 'function' ? interactive(work, limits) : runner.together(work, limits),
    });
  };
}

/** Runs the operations of a client: the reads of one tick share a transaction, every other operation has its own. */
class TenantRunner<Context> implements Runner {
  readonly #transactions: BoundTransactions<Context>;
  readonly #open: OpenTransactions;
  readonly #context: Context;
  readonly #reads: ReadBatch<Operation>;

  constructor(transactions: BoundTransactions<Context>, open: OpenTransactions, context: Context) {
    this.#transactions = transactions;
    this.#open = open;
    this.#context = context;
    this.#reads = new ReadBatch({
      within: (work) => transactions.run(context, work, { readOnly: true }),
    });
  }

  read(operation: Operation): PendingOperation {
    return new PendingOperation(this, operation, this.#read);
  }

  write(operation: Operation): PendingOperation {
    return new PendingOperation(this, operation, this.#write);
  }

  /** In a transaction of its own, because it may write. */
  query(operation: Operation): PendingOperation {
    return this.write(operation);
  }

  async transaction<Result>(
    work: (tx: TransactionClient) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result> {
    this.#refuseInside();
    return this.#transactions.run(this.#context, work, options);
  }

  /** Runs several operations in one transaction, in order. */
  async together(operations: readonly unknown[], options?: TransactionOptions): Promise<unknown[]> {
    const own = operations.map((each) => {
      if (each instanceof PendingOperation) return each.handOver(this);
      throw new TypeError('$transaction takes a function, or operations of this client');
    });
    return this.transaction(async (tx) => {
      const results: unknown[] = [];
      for (const each of own) results.push(await each.run(tx));
      return results;
    }, options);
  }

  readonly #read = async (operation: Operation): Promise<unknown> => {
    this.#refuseInside();
    return this.#reads.add(operation);
  };

  readonly #write = (operation: Operation): Promise<unknown> =>
    this.transaction(async (tx) => operation.run(tx));

  #refuseInside(): void {
    if (!this.#open.isInside) return;
    throw new SecondConnectionError(
      'An operation of the client was called inside its $transaction: it would run on a second connection, and not be ' +
        'undone with the rest. Use the tx that the work is given.',
    );
  }
}

/**
 * Runs the operations of an open transaction. The transaction ends only after all of them have ended: an operation may
 * send several statements, and Prisma returns the connection at the end, so later statements would run in the
 * connection's next transaction, which may belong to another tenant.
 */
class InnerRunner implements Runner {
  readonly #tx: TransactionClient;
  readonly #underWay = new Set<Promise<unknown>>();
  #ended = false;

  constructor(tx: TransactionClient) {
    this.#tx = tx;
  }

  readonly read = (operation: Operation): PendingOperation =>
    new PendingOperation(this, operation, this.#run);
  readonly write = this.read;
  readonly query = this.read;

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.allSettled(this.#underWay);
  }

  readonly #run = async (operation: Operation): Promise<unknown> => {
    if (this.#ended) throw new Error('the transaction of this operation has ended');
    const result = Promise.resolve(operation.run(this.#tx));
    this.#underWay.add(result);
    try {
      return await result;
    } finally {
      this.#underWay.delete(result);
    }
  };
}

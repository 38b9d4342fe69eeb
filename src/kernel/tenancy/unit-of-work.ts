/**
 * Runs many operations of a client in one transaction and keeps each of them atomic. A database error would abort the
 * transaction for all later operations. A savepoint before each operation prevents that, so code that handles a failure
 * and continues works here too.
 */
import type { OpenTransaction, TransactionClient } from '@tenantry/prisma-tenancy/parts';
import type { TenantContext } from '../request/tenant-context.js';
import { openTransactions } from '../driver/open-transaction.js';
import type { Runner } from './runner.js';
import type { TenantOperation } from './tenant-operation.js';
import { inTimeLimits } from '../driver/time-limits.js';

/** The runner of a client whose operations all belong to the transaction `tx`. */
export class UnitOfWork implements Runner {
  private readonly outermost = new Queue(this);

  constructor(
    private readonly tx: TransactionClient,
    private readonly limits: Pick<TenantContext, 'deadline'>,
  ) {}

  /** Without savepoints: a failed operation aborts the whole transaction. */
  readonly unprotected: Runner = {
    read: (operation) => this.outermost.next(() => this.perform(operation)),
    write: (operation) => this.outermost.next(() => this.perform(operation)),
  };

  read(operation: TenantOperation): Promise<unknown> {
    return this.apart(() => this.perform(operation));
  }

  write(operation: TenantOperation): Promise<unknown> {
    return this.apart(() => this.perform(operation));
  }

  /** Implements `TenantClient.transaction`: undoes the operations of `work`, and only those, when it throws. */
  transaction<Result>(work: (inside: Runner) => Promise<Result>): Promise<Result> {
    return this.apart(async () => {
      const queue = new Queue(this, this.outermost);
      const run = (operation: TenantOperation) => queue.next(() => this.perform(operation));
      try {
        return await openTransactions.run(queue, () => work({ read: run, write: run }));
      } finally {
        await queue.end();
      }
    });
  }

  /** Runs all of the work inside the transaction. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    return openTransactions.run(this.outermost, work);
  }

  /** Waits for running operations, and refuses later ones. */
  end(): Promise<void> {
    return this.outermost.end();
  }

  /** Savepoints can only be nested, so operations that are issued together run one after the other. */
  private apart<Result>(work: () => Promise<Result>): Promise<Result> {
    // An operation of the client that is called inside one of its transactions belongs to that transaction.
    const current = openTransactions.current;
    const queue = current instanceof Queue && current.unit === this ? current : this.outermost;
    return queue.next(async () => {
      this.limits.deadline?.throwIfOver();
      await this.tx.$executeRaw`SAVEPOINT apart`;
      try {
        const result = await work();
        await this.tx.$executeRaw`RELEASE SAVEPOINT apart`;
        return result;
      } catch (error) {
        await this.undo();
        throw error;
      }
    });
  }

  /** Runs an operation within the time limits. Every operation is run here. */
  private perform(operation: TenantOperation): Promise<unknown> {
    return inTimeLimits(this.limits, () => operation.run(this.tx));
  }

  private async undo(): Promise<void> {
    try {
      await this.tx.$executeRaw`ROLLBACK TO SAVEPOINT apart`;
      await this.tx.$executeRaw`RELEASE SAVEPOINT apart`;
    } catch {
      // The transaction is lost, and COMMIT will fail; the caller gets the original error.
    }
  }
}

/** Runs work in order, one at a time. */
class Queue implements OpenTransaction {
  ended = false;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly unit: UnitOfWork,
    readonly whole?: Queue,
  ) {}

  next<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.ended) return Promise.reject(new Error('its transaction has ended'));
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.last;
  }
}

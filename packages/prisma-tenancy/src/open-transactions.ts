/**
 * Detects code that runs inside an open transaction. Such code must not take a second connection: the transaction's
 * rollback would not undo what runs there, and when enough transactions hold one connection and wait for another, they
 * wait for each other forever.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** A transaction or a part of one. */
export interface OpenTransaction {
  /** Set by {@link OpenTransactions.run}. */
  ended?: boolean;
  /** The transaction that it is a part of. */
  readonly whole?: OpenTransaction | undefined;
}

/** Code inside a transaction asks for a second connection. This is a defect of that code, even when it does no harm. */
export class SecondConnectionError extends Error {
  override readonly name = 'SecondConnectionError';
}

/** The open transactions of one client. */
export class OpenTransactions {
  readonly #storage = new AsyncLocalStorage<OpenTransaction>();
  #open = 0;

  /** Runs `work` inside `transaction`. */
  async run<Result>(transaction: OpenTransaction, work: () => Promise<Result>): Promise<Result> {
    this.#open++;
    try {
      // Awaited inside, because a lazy promise that `work` returns, such as an operation of Prisma, only begins then.
      return await this.#storage.run(transaction, async () => await work());
    } finally {
      transaction.ended = true;
      // Before Node 24, an AsyncLocalStorage in use doubles the cost of every promise of the process.
      if (--this.#open === 0) this.#storage.disable();
    }
  }

  /** The transaction in which the calling code was started; it may have ended since. Almost free while none is open. */
  get current(): OpenTransaction | undefined {
    return this.#open === 0 ? undefined : this.#storage.getStore();
  }

  /** Whether the calling code is inside a transaction that is still open. */
  get isInside(): boolean {
    let transaction = this.current;
    while (transaction?.ended) transaction = transaction.whole;
    return transaction !== undefined;
  }
}

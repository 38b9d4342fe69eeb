/**
 * Knows which code runs inside a transaction that is open. There a second connection must not be taken: what is done on it is
 * not undone with the transaction; and whoever waits for one while holding another waits for others who do the same, and
 * when enough of them do, no connection is ever given back.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** A transaction, or a part of one. */
export interface OpenTransaction {
  /** Set by {@link OpenTransactions.run}. */
  ended?: boolean;
  /** What it is a part of. */
  readonly whole?: OpenTransaction | undefined;
}

/** Code that holds a connection asks for another one. A defect of that code, whatever becomes of it. */
export class SecondConnectionError extends Error {
  override readonly name = 'SecondConnectionError';
}

/** The open transactions of one client. */
export class OpenTransactions {
  readonly #storage = new AsyncLocalStorage<OpenTransaction>();
  #open = 0;

  /** Runs `work` as a part of `transaction`. */
  async run<Result>(transaction: OpenTransaction, work: () => Promise<Result>): Promise<Result> {
    this.#open++;
    try {
      // Waited for inside: what `work` returns may begin only then, as operations of Prisma do.
      return await this.#storage.run(transaction, async () => await work());
    } finally {
      transaction.ended = true;
      // Before Node 24, a storage in use makes every promise of the process cost twice as much.
      if (--this.#open === 0) this.#storage.disable();
    }
  }

  /** What the calling code was started in; it may have ended since. Costs next to nothing while nothing is open. */
  get current(): OpenTransaction | undefined {
    return this.#open === 0 ? undefined : this.#storage.getStore();
  }

  /** Whether the calling code is inside an open transaction. What outlives its transaction is no longer inside. */
  get isInside(): boolean {
    let transaction = this.current;
    while (transaction?.ended) transaction = transaction.whole;
    return transaction !== undefined;
  }
}

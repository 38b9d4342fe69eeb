import type { Operation, TransactionClient } from './operation.js';

interface PendingRead {
  readonly operation: Operation;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Runs work in a transaction that is bound to a tenant. */
export type Within = (work: (tx: TransactionClient) => Promise<void>) => Promise<void>;

/**
 * Collects the reads that are issued in one tick and runs them in one transaction, one after the other: one BEGIN, one
 * binding and one COMMIT for all of them.
 */
export class ReadBatch {
  readonly #within: Within;
  #waiting: PendingRead[] = [];

  constructor(within: Within) {
    this.#within = within;
  }

  /** Resolves with the answer of the operation. A read that fails does not fail the others. */
  add(operation: Operation): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, resolve, reject });
      if (this.#waiting.length === 1) {
        // After the promise jobs of this tick, as DataLoader does: whatever resolvers issue together is together.
        void Promise.resolve().then(() => process.nextTick(() => void this.#flush()));
      }
    });
  }

  #flush(): Promise<void> {
    const reads = this.#waiting;
    this.#waiting = [];
    return this.#run(reads);
  }

  /**
   * A read that fails aborts the transaction for the reads behind it, though it has nothing to do with them: they are run
   * again in a transaction of their own.
   */
  async #run(reads: readonly PendingRead[]): Promise<void> {
    let next = 0;
    let begun = false as boolean;
    try {
      await this.#within(async (tx) => {
        begun = true;
        for (; next < reads.length; next++) {
          const read = reads[next]!;
          read.resolve(await read.operation.run(tx));
        }
      });
    } catch (error) {
      // Without a transaction no read has a chance. With one, the read at `next` is what failed; when there is none, all are
      // answered and only the COMMIT went wrong.
      const failed = begun ? reads.slice(next, next + 1) : reads;
      for (const read of failed) read.reject(error);
      const rest = reads.slice(next + failed.length);
      if (rest.length > 0) await this.#run(rest);
    }
  }
}

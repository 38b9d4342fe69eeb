import type { Runnable, TransactionClient } from './operation.js';

interface PendingRead<Read> {
  readonly read: Read;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Is called with the progress of reads that are sent without Prisma, in order. */
export interface ReadObserver {
  /** The transaction is bound; a later failure is the failure of a read. */
  bound(): void;
  /** The result of the next read. A function, because it may throw. */
  answered(result: () => unknown): void;
}

/** Runs batches of reads. */
export interface ReadSource<Read extends Runnable> {
  /** Runs work in a transaction that is bound to the tenant. */
  within(work: (tx: TransactionClient) => Promise<void>): Promise<void>;
  /**
   * Sends the reads without Prisma, bound to the tenant; undefined when that is not possible. Resolves when all are
   * answered, and rejects with the first failure.
   */
  readonly direct?: (reads: readonly Read[], observer: ReadObserver) => Promise<void> | undefined;
  /** Whether to repeat the failed read and the reads after it, for the `times`-th time. */
  readonly again?: (error: unknown, times: number) => boolean;
  /** The error that the caller of a failed read gets. */
  readonly explain?: (error: unknown) => unknown;
  /** The reason to begin nothing else after a failure; undefined when there is none. */
  readonly ended?: () => Error | undefined;
}

/**
 * Collects the reads that are issued in one tick and runs them in one transaction, with one BEGIN, one binding and one
 * COMMIT. They run one after the other, because Prisma does not use its plan cache when operations of a transaction are
 * issued together.
 */
export class ReadBatch<Read extends Runnable> {
  readonly #source: ReadSource<Read>;
  #waiting: PendingRead<Read>[] = [];

  constructor(source: ReadSource<Read>) {
    this.#source = source;
  }

  /** Resolves with the result of the read. A failed read does not fail the others. */
  add(read: Read): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ read, resolve, reject });
      if (this.#waiting.length === 1) {
        // After the promise jobs of this tick, like DataLoader, so that reads that resolvers issue together share a
        // batch.
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
   * A failed read aborts the transaction for the reads after it. These are run again in another transaction, unless the
   * source has ended.
   */
  async #run(reads: readonly PendingRead<Read>[], times = 0): Promise<void> {
    const source = this.#source;
    let next = 0;
    let begun = false as boolean;
    const observer: ReadObserver = {
      bound: () => (begun = true),
      answered: (result) => settle(reads[next++]!, result),
    };
    try {
      const sent = source.direct?.(
        reads.map(({ read }) => read),
        observer,
      );
      if (sent) await sent;
      else {
        await source.within(async (tx) => {
          begun = true;
          for (; next < reads.length; next++) {
            const { read, resolve } = reads[next]!;
            resolve(await read.run(tx));
          }
        });
      }
    } catch (error) {
      if (source.again?.(error, times + 1)) {
        await this.#run(reads.slice(next), times + 1);
        return;
      }
      // Without a transaction, all reads fail. With one, the read at `next` failed; if there is no such read, all are
      // answered and only the COMMIT of a read-only transaction failed.
      const failed = begun ? reads.slice(next, next + 1) : reads;
      for (const { reject } of failed) reject(source.explain ? source.explain(error) : error);
      const rest = reads.slice(next + failed.length);
      if (rest.length === 0) return;
      const reason = source.ended?.();
      if (!reason) await this.#run(rest);
      else for (const { reject } of rest) reject(reason);
    }
  }
}

function settle(read: PendingRead<unknown>, result: () => unknown): void {
  try {
    read.resolve(result());
  } catch (error) {
    read.reject(error);
  }
}

import type { Runnable, TransactionClient } from './operation.js';

interface PendingRead<Read> {
  readonly read: Read;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Told of the course of reads that are sent without Prisma, in order. */
export interface ReadObserver {
  /** The transaction is bound: from here on a failure is that of a read. */
  bound(): void;
  /** The answer of the next read. A function, for it may be an error. */
  answered(result: () => unknown): void;
}

/** Where a batch of reads goes. */
export interface ReadSource<Read extends Runnable> {
  /** Runs work in a transaction that is bound to the tenant. */
  within(work: (tx: TransactionClient) => Promise<void>): Promise<void>;
  /**
   * Sends the reads, bound to the tenant, without Prisma; undefined when they cannot be. Resolves when all are answered, and
   * rejects with the first failure.
   */
  readonly direct?: (reads: readonly Read[], observer: ReadObserver) => Promise<void> | undefined;
  /** Whether the read that failed, and those behind it, are to be run again, which is the `times`-th time. */
  readonly again?: (error: unknown, times: number) => boolean;
  /** What the caller of a read is told of its failure. */
  readonly explain?: (error: unknown) => unknown;
  /** Why nothing else is begun after a failure. */
  readonly ended?: () => Error | undefined;
}

/**
 * Collects the reads that are issued in one tick and runs them in one transaction, one after the other: one BEGIN, one
 * binding and one COMMIT for all of them. One after the other, for Prisma leaves its plan cache when operations of a
 * transaction are issued together.
 */
export class ReadBatch<Read extends Runnable> {
  readonly #source: ReadSource<Read>;
  #waiting: PendingRead<Read>[] = [];

  constructor(source: ReadSource<Read>) {
    this.#source = source;
  }

  /** Resolves with the answer of the read. One that fails does not fail the others. */
  add(read: Read): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ read, resolve, reject });
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
   * A failed read aborts the transaction for the reads behind it, though it has nothing to do with them; they are run
   * again in a transaction of their own, unless the source has ended.
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
      // Without a transaction no read has a chance. With one, the read at `next` is what failed; when there is none, all are
      // answered and only the COMMIT of a read-only transaction went wrong.
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

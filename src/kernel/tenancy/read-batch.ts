import { LRUCache } from 'lru-cache';
import type { Prisma } from '../../generated/prisma/client.js';
import { sqlState } from '../vocabulary/sql-state.js';
import { READ_ONLY, WriteInReadError } from '../vocabulary/errors.js';
import { UnsupportedColumnError } from '../driver/column-parsers.js';
import type { SendBatch } from '../driver/statement-batch.js';
import type { PlainStatement } from './plain-statement.js';
import type { TenantContext } from '../request/tenant-context.js';
import { isStalePlan } from '../driver/stale-plans.js';

/** A read that Prisma runs in a transaction it is given. */
export type Call = (tx: Prisma.TransactionClient) => Promise<unknown>;

export interface ReadBatchOptions {
  readonly context: TenantContext;
  readonly sendBatch: SendBatch;
  /** Runs work in a read-only transaction of Prisma's that is bound to the tenant. */
  readonly within: (work: Call) => Promise<unknown>;
}

/** So often a batch is run again because a plan was stale: after the first time all connections prepare anew. */
const STALE_PLANS = 2;

/**
 * Statements that only Prisma can read the answer of. There are as many as the code has of them, times the lengths of
 * their lists: those that were not seen for longest are found out again.
 */
const onlyPrisma = new LRUCache<string, true>({
  maxSize: 1024 * 1024,
  sizeCalculation: (_true, text) => 200 + 2 * text.length,
});

/**
 * Collects the reads that are issued in one tick and runs them in one read-only transaction, which is bound once and
 * sees one snapshot. When each of them is a plain statement, they leave in one batch. Otherwise they run one after the
 * other in a transaction of Prisma's, for it leaves its plan cache when operations of a transaction are issued together.
 */
export class ReadBatch {
  private waiting: PendingRead[] = [];

  constructor(private readonly options: ReadBatchOptions) {}

  /** @param plain the same read without Prisma, if it can be had. */
  add(call: Call, plain?: PlainStatement): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ call, plain, resolve, reject });
      if (this.waiting.length === 1) {
        // After the promise jobs of this tick, as DataLoader does: whatever resolvers issue together is together.
        void Promise.resolve().then(() => process.nextTick(() => void this.flush()));
      }
    });
  }

  private flush(): Promise<void> {
    const reads = this.waiting;
    this.waiting = [];
    return this.run(reads);
  }

  /**
   * A failed read aborts the transaction for the reads behind it, though it has nothing to do with them; they are run
   * again in a transaction of their own, as long as there is time. A read whose plan was stale is run once more.
   */
  private async run(reads: readonly PendingRead[], stalePlans = 0): Promise<void> {
    const { context, sendBatch, within } = this.options;
    const { deadline, bytes } = context;
    const statements = plainStatements(reads);
    let next = 0;
    let begun = false as boolean;
    try {
      if (statements) {
        await sendBatch(context, 'read', statements, {
          bound: () => (begun = true),
          answered: (rows) => {
            settle(reads[next]!, () => statements[next]!.result(rows));
            next++;
          },
        });
      } else {
        await within(async (tx) => {
          begun = true;
          for (; next < reads.length; next++) {
            const read = reads[next]!;
            read.resolve(await read.call(tx));
          }
        });
      }
    } catch (error) {
      if (error instanceof UnsupportedColumnError) {
        onlyPrisma.set(error.statement, true);
        await this.run(reads.slice(next));
        return;
      }
      if (stalePlans < STALE_PLANS && isStalePlan(error) && !deadline?.isOver) {
        await this.run(reads.slice(next), stalePlans + 1);
        return;
      }
      // Without a transaction no read has a chance. With one, the read at `next` is what failed; when there is none,
      // all are answered and only the COMMIT of a read-only transaction went wrong.
      const failed = begun ? reads.slice(next, next + 1) : reads;
      for (const read of failed)
        read.reject(sqlState(error) === READ_ONLY ? new WriteInReadError(error) : error);
      const rest = reads.slice(next + failed.length);
      if (rest.length === 0) return;
      if (deadline?.isOver) for (const read of rest) read.reject(deadline.error);
      else if (bytes?.isOver) for (const read of rest) read.reject(bytes.error);
      else await this.run(rest);
    }
  }
}

interface PendingRead {
  readonly call: Call;
  readonly plain: PlainStatement | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

function plainStatements(reads: readonly PendingRead[]): readonly PlainStatement[] | undefined {
  const statements = reads.map(({ plain }) => plain);
  const canFly = (plain: PlainStatement | undefined): plain is PlainStatement =>
    plain !== undefined && !onlyPrisma.has(plain.text);
  return statements.every(canFly) ? statements : undefined;
}

function settle(read: PendingRead, result: () => unknown): void {
  try {
    read.resolve(result());
  } catch (error) {
    read.reject(error);
  }
}

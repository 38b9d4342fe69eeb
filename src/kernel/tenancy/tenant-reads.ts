/** Runs the reads of one tick: as plain statements in one batch when all can be plain statements, else with Prisma. */
import type { ReadObserver, ReadSource, TransactionClient } from '@tenantry/prisma-tenancy/parts';
import { LRUCache } from 'lru-cache';
import { sqlState } from '../vocabulary/sql-state.js';
import { READ_ONLY, WriteInReadError } from '../vocabulary/errors.js';
import { UnsupportedColumnError } from '../driver/column-parsers.js';
import type { SendBatch } from '../driver/statement-batch.js';
import { isMisplaced } from '../driver/placements.js';
import { isStalePlan } from '../driver/stale-plans.js';
import type { TenantContext } from '../request/tenant-context.js';
import type { PlainStatement } from './plain-statement.js';
import type { TenantOperation } from './tenant-operation.js';

/**
 * The most repetitions of a batch because of stale plans, after the first of which all connections prepare their
 * statements again, and because of the tenant's schema.
 */
const STALE_PLANS = 2;

/**
 * Statements whose result only Prisma can read. Their number grows with the lengths of lists, so the least recently
 * used are forgotten, and detected again.
 */
const onlyPrisma = new LRUCache<string, true>({
  maxSize: 1024 * 1024,
  sizeCalculation: (_true, text) => 200 + 2 * text.length,
});

/** Whether the result of a statement is known to be one that only Prisma can read. */
export const isOnlyForPrisma = ({ text }: PlainStatement): boolean => onlyPrisma.has(text);

/** The reads of one client. */
export class TenantReads implements ReadSource<TenantOperation> {
  readonly #context: TenantContext;
  readonly #sendBatch: SendBatch;
  readonly #within: ReadSource<TenantOperation>['within'];

  /** @param within runs work in a read-only Prisma transaction that is bound to the tenant */
  constructor(context: TenantContext, sendBatch: SendBatch, within: ReadSource<TenantOperation>['within']) {
    this.#context = context;
    this.#sendBatch = sendBatch;
    this.#within = within;
  }

  /** Prisma is connected to the primary, and what is read later must not be older than this. */
  within(work: (tx: TransactionClient) => Promise<void>): Promise<void> {
    this.#context.freshness?.forbidLag();
    return this.#within(work);
  }

  direct(reads: readonly TenantOperation[], observer: ReadObserver): Promise<void> | undefined {
    const statements = plainStatements(reads);
    if (!statements) return undefined;
    let next = 0;
    return this.#sendBatch(this.#context, 'read', statements, {
      bound: () => observer.bound(),
      answered: (rows) => {
        const { result } = statements[next++]!;
        observer.answered(() => result(rows));
      },
    });
  }

  again(error: unknown, times: number): boolean {
    if (error instanceof UnsupportedColumnError) {
      onlyPrisma.set(error.statement, true);
      return true;
    }
    return (
      times <= STALE_PLANS && (isStalePlan(error) || isMisplaced(error)) && !this.#context.deadline?.isOver
    );
  }

  explain(error: unknown): unknown {
    return sqlState(error) === READ_ONLY ? new WriteInReadError(error) : error;
  }

  ended(): Error | undefined {
    const { deadline, bytes } = this.#context;
    if (deadline?.isOver) return deadline.error;
    return bytes?.isOver ? bytes.error : undefined;
  }
}

function plainStatements(reads: readonly TenantOperation[]): readonly PlainStatement[] | undefined {
  const statements = reads.map(({ plain }) => plain);
  const canBeSent = (plain: PlainStatement | undefined): plain is PlainStatement =>
    plain !== undefined && !isOnlyForPrisma(plain);
  return statements.every(canBeSent) ? statements : undefined;
}

import { LRUCache } from 'lru-cache';
import { UnsupportedColumnError } from '../driver/column-parsers.js';
import type { SendBatch, BatchObserver } from '../driver/statement-batch.js';
import { retryOnConflict } from '../driver/retry.js';
import type { TenantContext } from '../request/tenant-context.js';
import type { PlainStatement } from './plain-statement.js';

/**
 * Whether the result columns of a write can be read without Prisma. This must be known before the write. Each set of
 * columns is checked once.
 */
export function knowsReadableAnswers(
  sendBatch: SendBatch,
): (context: TenantContext, plain: PlainStatement) => Promise<boolean> {
  const known = new LRUCache<string, boolean>({
    maxSize: 1024 * 1024,
    sizeCalculation: (_isReadable, answers) => 200 + 2 * answers.length,
  });
  return async (context, { answers }) => {
    if (answers === undefined) return false;
    const before = known.get(answers);
    if (before !== undefined) return before;
    const probe = () => sendBatch(context, 'read', [{ text: answers, values: [] }], IGNORE);
    const isReadable = await retryOnConflict(context.deadline, probe).then(
      () => true,
      (error: unknown) => {
        if (error instanceof UnsupportedColumnError) return false;
        throw error;
      },
    );
    known.set(answers, isReadable);
    return isReadable;
  };
}

const IGNORE: BatchObserver = { bound: () => undefined, answered: () => undefined };

/** Repeats transactions whose failure may not occur again. */
import { setTimeout as wait } from 'node:timers/promises';

const CONFLICTS: ReadonlySet<unknown> = new Set([
  // serialization_failure, deadlock_detected
  '40001',
  '40P01',
]);
/** Prisma's code for both. */
const CONFLICT_OF_PRISMA = 'P2034';

/** An error of the driver adapter. */
interface DriverFailure {
  readonly originalCode?: unknown;
}

/**
 * Whether PostgreSQL refused a transaction because of a conflict with another one. It may succeed when all of it is
 * repeated.
 */
export function isConflict(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, meta, cause } = error as Error & {
    readonly code?: unknown;
    readonly meta?: { readonly driverAdapterError?: { readonly cause?: DriverFailure } };
    readonly cause?: DriverFailure;
  };
  // The error of a failed COMMIT is the adapter's own error.
  const state = meta?.driverAdapterError?.cause?.originalCode ?? cause?.originalCode;
  return code === CONFLICT_OF_PRISMA || CONFLICTS.has(state);
}

export interface RetryOptions {
  /** The most tries. */
  readonly attempts: number;
  /** Whether another try may succeed. */
  readonly isTransient: (error: unknown) => boolean;
  /** Called after each pause: whether there is no time for another try. By default there is always time. */
  readonly isOver?: (() => boolean) | undefined;
}

/**
 * Runs `transaction`, and repeats it after transient failures. Always repeats the whole transaction. The pauses grow
 * and vary, so that two transactions that conflicted do not conflict again.
 *
 * @throws the error of the last try
 */
export async function retry<Result>(
  { attempts, isTransient, isOver }: RetryOptions,
  transaction: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error;
      await wait(Math.random() * 10 * 2 ** attempt);
      if (isOver?.()) throw error;
    }
  }
}

/** Repeats transactions that PostgreSQL refused for a reason which a second try removes. */
import { setTimeout as wait } from 'node:timers/promises';

const CONFLICTS: ReadonlySet<unknown> = new Set([
  // serialization_failure, deadlock_detected
  '40001',
  '40P01',
]);
/** What Prisma says of both. */
const CONFLICT_OF_PRISMA = 'P2034';

/** What the driver adapter reports. */
interface DriverFailure {
  readonly originalCode?: unknown;
}

/** Whether PostgreSQL refused a transaction for a conflict with another one: it may well succeed when all of it is repeated. */
export function isConflict(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, meta, cause } = error as Error & {
    readonly code?: unknown;
    readonly meta?: { readonly driverAdapterError?: { readonly cause?: DriverFailure } };
    readonly cause?: DriverFailure;
  };
  // A failed COMMIT reaches the caller as the adapter reported it.
  const state = meta?.driverAdapterError?.cause?.originalCode ?? cause?.originalCode;
  return code === CONFLICT_OF_PRISMA || CONFLICTS.has(state);
}

export interface RetryOptions {
  /** How often it is tried at the most. */
  readonly attempts: number;
  /** Whether a second try may succeed. */
  readonly isTransient: (error: unknown) => boolean;
  /** Asked after each pause: whether there is time for another try. By default there is. */
  readonly isOver?: (() => boolean) | undefined;
}

/**
 * Runs `transaction`, and again when it failed for a reason that a second try removes. It is always the whole transaction that
 * is repeated. The pauses between grow and vary, so that two transactions that collided do not collide again.
 *
 * @throws what the last try threw
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

/** Repeats transactions whose failure may not occur again. */
import { retry } from '@tenantry/prisma-tenancy/parts';
import { sqlState } from '../vocabulary/sql-state.js';
import type { Deadline } from '../request/deadline.js';
import { isMisplaced } from './placements.js';
import { isStalePlan } from './stale-plans.js';

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';

/** The most tries of a transaction. */
export const ATTEMPTS = 4;

/** Whether the transaction may succeed when all of it is repeated. */
export const isTransient = (error: unknown): boolean =>
  [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].includes(sqlState(error) ?? '') ||
  isStalePlan(error) ||
  isMisplaced(error);

/**
 * Runs `transaction`, and repeats it after a serialization failure, a deadlock, a stale plan or a wrong schema: at most four tries, and
 * none after the deadline. Always repeats the whole transaction.
 */
export const retryOnConflict = <Result>(
  deadline: Deadline | undefined,
  transaction: () => Promise<Result>,
): Promise<Result> =>
  retry({ attempts: ATTEMPTS, isTransient, isOver: () => deadline?.isOver ?? false }, transaction);

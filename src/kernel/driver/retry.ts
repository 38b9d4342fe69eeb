/** Repeats transactions that PostgreSQL refused for a reason which a second try removes. */
import { retry } from '@tenantry/prisma-tenancy/parts';
import { sqlState } from '../vocabulary/sql-state.js';
import type { Deadline } from '../request/deadline.js';
import { isStalePlan } from './stale-plans.js';

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';

/** How often a transaction is tried at the most. */
export const ATTEMPTS = 4;

/** Whether PostgreSQL refused a transaction that may well succeed when all of it is repeated. */
export const isTransient = (error: unknown): boolean =>
  [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].includes(sqlState(error) ?? '') || isStalePlan(error);

/**
 * Runs `transaction`, and again when it failed by a serialization failure, a deadlock or a stale plan, four times at the
 * most, and not after the deadline. It is always the whole transaction that is repeated.
 */
export const retryOnConflict = <Result>(
  deadline: Deadline | undefined,
  transaction: () => Promise<Result>,
): Promise<Result> =>
  retry({ attempts: ATTEMPTS, isTransient, isOver: () => deadline?.isOver ?? false }, transaction);

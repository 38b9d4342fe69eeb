/** Repeats transactions that PostgreSQL refused for a reason which a second try removes. */
import { setTimeout as wait } from 'node:timers/promises';
import { sqlState } from '../vocabulary/sql-state.js';
import type { Deadline } from '../request/deadline.js';
import { isStalePlan } from './stale-plans.js';

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const ATTEMPTS = 4;

/** Whether PostgreSQL refused a transaction that may well succeed when all of it is repeated. */
export const isTransient = (error: unknown): boolean =>
  [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].includes(sqlState(error) ?? '') || isStalePlan(error);

/**
 * Runs `transaction`, and again when it failed by a serialization failure, a deadlock or a stale plan, four times at the
 * most, and not after the deadline. It is always the whole transaction that is repeated. The pauses between grow and
 * vary, so that two transactions that collided do not collide again.
 */
export async function retryOnConflict<Result>(
  deadline: Deadline | undefined,
  transaction: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt === ATTEMPTS || !isTransient(error)) throw error;
      await wait(Math.random() * 10 * 2 ** attempt);
      if (deadline?.isOver) throw error;
    }
  }
}

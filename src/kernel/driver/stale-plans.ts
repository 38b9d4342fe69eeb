/**
 * Detects prepared statements that can no longer be executed, because the type of a column has changed (0A000) or
 * because the connection has lost them (26000). After one failure, all connections prepare their statements again,
 * since they would fail too.
 */
import pg from 'pg';
import { driverCause, sqlState } from '../vocabulary/sql-state.js';

const FEATURE_NOT_SUPPORTED = '0A000';
const INVALID_SQL_STATEMENT_NAME = '26000';
/** PostgreSQL's message for 0A000 in English. Other unsupported features have the same code. */
const STALE = 'cached plan must not change result type';
/** PostgreSQL's function that reports it. Unlike the message, it does not depend on the server's language. */
const SAYS_STALE = 'RevalidateCachedQuery';

let generation = 0;

/** Increases whenever all earlier prepared statements may be stale. */
export const generationOfPlans = (): number => generation;

/** Must be called with each failure that pg reports. Marks a stale plan for {@link isStalePlan}. */
export function noticeStalePlan(error: unknown): void {
  if (!(error instanceof pg.DatabaseError)) return;
  if (error.code === FEATURE_NOT_SUPPORTED && error.routine === SAYS_STALE) error.message = STALE;
  else if (error.code !== INVALID_SQL_STATEMENT_NAME) return;
  generation++;
}

/** Whether a statement was not executed because its plan was stale or lost. A second try prepares it again. */
export function isStalePlan(error: unknown): boolean {
  const state = sqlState(error);
  if (state === INVALID_SQL_STATEMENT_NAME) return true;
  if (state !== FEATURE_NOT_SUPPORTED) return false;
  const message = driverCause(error)?.originalMessage ?? (error instanceof Error ? error.message : '');
  return message === STALE;
}

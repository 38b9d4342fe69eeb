/**
 * Statements that a connection keeps prepared and that can no longer be executed: the type of a column has changed since
 * (0A000), or the connection has lost them (26000). What happens on one connection awaits all others, so that all
 * prepare their statements anew.
 */
import pg from 'pg';
import { driverCause, sqlState } from '../vocabulary/sql-state.js';

const FEATURE_NOT_SUPPORTED = '0A000';
const INVALID_SQL_STATEMENT_NAME = '26000';
/** What PostgreSQL says with 0A000, in English. Other features that it does not support have the same code. */
const STALE = 'cached plan must not change result type';
/** The function of PostgreSQL that says so: its message is in the language of the server, this is not. */
const SAYS_STALE = 'RevalidateCachedQuery';

let generation = 0;

/** Grows when everything that was prepared before is in doubt. */
export const generationOfPlans = (): number => generation;

/** To be told of each failure, as pg reports it. A stale plan is known by {@link isStalePlan} from then on. */
export function noticeStalePlan(error: unknown): void {
  if (!(error instanceof pg.DatabaseError)) return;
  if (error.code === FEATURE_NOT_SUPPORTED && error.routine === SAYS_STALE) error.message = STALE;
  else if (error.code !== INVALID_SQL_STATEMENT_NAME) return;
  generation++;
}

/** Whether a statement was not executed because its plan was stale, or lost. A second try prepares it anew. */
export function isStalePlan(error: unknown): boolean {
  const state = sqlState(error);
  if (state === INVALID_SQL_STATEMENT_NAME) return true;
  if (state !== FEATURE_NOT_SUPPORTED) return false;
  const message = driverCause(error)?.originalMessage ?? (error instanceof Error ? error.message : '');
  return message === STALE;
}

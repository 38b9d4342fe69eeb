/**
 * Runs a migration's script without blocking others for long: a statement that waits for a strong lock blocks all later
 * ones, so it waits only briefly, and others continue between its attempts.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { codeOf } from '../migration-error.js';
import { statementsIn, type Statement } from './statements.js';

/** How long a script waits for locks, and how often it is repeated. */
export interface Patience {
  readonly attempts: number;
  /** The wait for each lock, in milliseconds. Earlier locks of the script are held meanwhile. */
  readonly lockMs: number;
  /** The occasional longer wait, in milliseconds: autovacuum only gives way after deadlock_timeout, a second. */
  readonly longLockMs: number;
  /** The pause after the first attempt, in milliseconds. Later pauses grow in proportion, up to five seconds. */
  readonly pauseMs: number;
}

/** About three and a half minutes in all. */
export const PATIENCE: Patience = { attempts: 60, lockMs: 200, longLockMs: 1_200, pauseMs: 100 };

const LONG_EVERY = 5;
const LONGEST_PAUSE_MS = 5_000;

/** The script could not get its locks, and has changed nothing. */
export class LocksHeldError extends Error {
  override readonly name = 'LocksHeldError';
}

/** Runs one or more SQL statements, always on the same connection. */
type Run = (sql: string) => Promise<unknown>;

/**
 * Repeats a script that is one transaction until it gets its locks. A script that ends transactions itself, or cannot
 * run in one, is run once without a limit, because half of it may be done.
 *
 * @throws LocksHeldError after the last attempt; any other failure of the script passes unchanged
 */
export async function runPatiently(run: Run, script: string, patience: Patience = PATIENCE): Promise<void> {
  if (!isOneTransaction(script)) {
    await run(script);
    return;
  }
  for (let attempt = 1; ; attempt++) {
    const lockMs = attempt % LONG_EVERY === 0 ? patience.longLockMs : patience.lockMs;
    try {
      await run(`SET lock_timeout = ${String(lockMs)}`);
      await run(script);
      return;
    } catch (error) {
      if (!isForWantOfALock(error)) throw error;
      if (attempt >= patience.attempts) {
        throw new LocksHeldError(`gave up after ${String(attempt)} attempts`, { cause: error });
      }
    } finally {
      // A lost connection has no settings to reset.
      await run('RESET lock_timeout').catch(() => undefined);
    }
    await wait(Math.min(patience.pauseMs * attempt, LONGEST_PAUSE_MS));
  }
}

/** lock_not_available and deadlock_detected: PostgreSQL has rolled the transaction back. */
const isForWantOfALock = (error: unknown): boolean => ['55P03', '40P01'].includes(codeOf(error));

/**
 * Whether PostgreSQL runs the script, one message with several statements, as one transaction. It does unless a
 * statement ends the transaction; false for every command that is not known to be safe.
 */
export function isOneTransaction(script: string): boolean {
  const statements = statementsIn(script);
  if (statements === undefined) return false;
  // It has its own retries.
  if (/\bpatiently\s*\(/i.test(script)) return false;
  if (!statements.every(staysInTransaction)) return false;
  // A block may commit if it is the only statement.
  const [only, ...others] = statements;
  const mayCommit = others.length === 0 && only?.words[0] === 'do';
  return !(mayCommit && /\b(commit|rollback)\b/i.test(script));
}

/** Commands that can run in a transaction and do not end it. */
const WITHIN_TRANSACTIONS = new Set(
  (
    'alter analyze comment create delete do drop grant import insert lock merge notify reassign refresh reset revoke ' +
    'security select set table truncate update values with'
  ).split(' '),
);

/** Objects that cannot always be created, altered or dropped in a transaction. */
const OUTSIDE_OF_TRANSACTIONS = new Set(['database', 'subscription', 'system', 'tablespace']);

function staysInTransaction({ words }: Statement): boolean {
  const [command = '', object = ''] = words;
  return (
    WITHIN_TRANSACTIONS.has(command) &&
    !(['create', 'alter', 'drop'].includes(command) && OUTSIDE_OF_TRANSACTIONS.has(object)) &&
    !words.includes('concurrently')
  );
}

/**
 * Runs a migration's script without making a queue: whoever waits for a strong lock makes everybody wait who comes
 * after it, so that no wait is long. In between, the others go on.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { codeOf } from '../migration-error.js';
import { statementsIn, type Statement } from './statements.js';

/** How long a script waits for locks, and how often it begins again. */
export interface Patience {
  readonly attempts: number;
  /** For each lock, in milliseconds. Everything the script has locked before stays locked meanwhile. */
  readonly lockMs: number;
  /** Now and then, in milliseconds: autovacuum makes room only for who waits longer than deadlock_timeout, a second. */
  readonly longLockMs: number;
  /** After the first attempt, in milliseconds. Later pauses are longer in proportion, up to five seconds. */
  readonly pauseMs: number;
}

/** About three and a half minutes in all. */
export const PATIENCE: Patience = { attempts: 60, lockMs: 200, longLockMs: 1_200, pauseMs: 100 };

const LONG_EVERY = 5;
const LONGEST_PAUSE_MS = 5_000;

/** The script was given up for want of a lock, and nothing of it was done. */
export class LocksHeldError extends Error {
  override readonly name = 'LocksHeldError';
}

/** Runs SQL, of one statement or many, on one and the same connection. */
type Run = (sql: string) => Promise<unknown>;

/**
 * Runs a script that is one transaction, again and again until it gets its locks. A script that ends transactions
 * itself, or cannot run inside of one, is run once and waits as long as it says itself: half of it may be done.
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
      // A connection that is gone has no settings.
      await run('RESET lock_timeout').catch(() => undefined);
    }
    await wait(Math.min(patience.pauseMs * attempt, LONGEST_PAUSE_MS));
  }
}

/** lock_not_available and deadlock_detected: PostgreSQL has undone all of the transaction. */
const isForWantOfALock = (error: unknown): boolean => ['55P03', '40P01'].includes(codeOf(error));

/**
 * Whether PostgreSQL runs the script as one transaction, which it does with a message of several statements unless one
 * of them says otherwise. In doubt it does not: false for every command that is not known to be harmless.
 */
export function isOneTransaction(script: string): boolean {
  const statements = statementsIn(script);
  if (statements === undefined) return false;
  // It repeats itself until it has its locks.
  if (/\bpatiently\s*\(/i.test(script)) return false;
  if (!statements.every(staysInTransaction)) return false;
  // A block may commit when it is all there is.
  const [only, ...others] = statements;
  const mayCommit = others.length === 0 && only?.words[0] === 'do';
  return !(mayCommit && /\b(commit|rollback)\b/i.test(script));
}

/** Commands that run inside a transaction and do not end it. */
const WITHIN_TRANSACTIONS = new Set(
  (
    'alter analyze comment create delete do drop grant import insert lock merge notify reassign refresh reset revoke ' +
    'security select set table truncate update values with'
  ).split(' '),
);

/** What cannot be created, altered or dropped inside a transaction, or only under conditions. */
const OUTSIDE_OF_TRANSACTIONS = new Set(['database', 'subscription', 'system', 'tablespace']);

function staysInTransaction({ words }: Statement): boolean {
  const [command = '', object = ''] = words;
  return (
    WITHIN_TRANSACTIONS.has(command) &&
    !(['create', 'alter', 'drop'].includes(command) && OUTSIDE_OF_TRANSACTIONS.has(object)) &&
    !words.includes('concurrently')
  );
}

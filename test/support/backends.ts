/** Observes what PostgreSQL really runs for a server. */
import { INSPECTION } from '../../src/kernel/driver/leftovers.js';
import type { TestDatabase } from './database.js';

/**
 * The server's backends that run a statement or have an open transaction, each as its state and last statement. The
 * inspection of a connection after its use is left out: it is no work of a request, which may go on meanwhile.
 */
export async function workingBackends(database: TestDatabase): Promise<string[]> {
  const rows = await database.asSuperuser<{ backend: string }>(
    `SELECT state || ': ' || left(query, 200) AS backend FROM pg_stat_activity
     WHERE datname = $1 AND application_name = 'tenantry' AND state <> 'idle'
       AND left(query, 40) <> left($2, 40)`,
    [database.name, INSPECTION],
  );
  return rows.map(({ backend }) => backend);
}

/** How many backends wait for an advisory lock, which only the statement under test asks for. */
export async function waitingForAdvisoryLock(database: TestDatabase): Promise<number> {
  const [row] = await database.asSuperuser<{ waiting: number }>(
    `SELECT count(*)::int AS waiting FROM pg_locks
     WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = $1)`,
    [database.name],
  );
  return row!.waiting;
}

/** Looks at the working backends repeatedly while `work` runs, and returns those of the moment with the most. */
export async function mostBackendsDuring(
  database: TestDatabase,
  work: () => Promise<unknown>,
): Promise<readonly string[]> {
  let most: readonly string[] = [];
  let isOver = false as boolean;
  const counting = (async () => {
    while (!isOver) {
      const working = await workingBackends(database);
      if (working.length > most.length) most = working;
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await counting;
  }
  return most;
}

/** What PostgreSQL does for a server, whatever the server believes. */
import type { TestDatabase } from './database.js';

/** The server's backends that work on something, or hold a transaction open. */
export async function workingBackends(database: TestDatabase): Promise<number> {
  const [row] = await database.asSuperuser<{ working: number }>(
    `SELECT count(*)::int AS working FROM pg_stat_activity
     WHERE datname = $1 AND application_name = 'tenantry' AND state <> 'idle'`,
    [database.name],
  );
  return row!.working;
}

/** Counts them again and again while `work` runs, and returns the highest number. */
export async function mostBackendsDuring(
  database: TestDatabase,
  work: () => Promise<unknown>,
): Promise<number> {
  let most = 0;
  let isOver = false as boolean;
  const counting = (async () => {
    while (!isOver) most = Math.max(most, await workingBackends(database));
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await counting;
  }
  return most;
}

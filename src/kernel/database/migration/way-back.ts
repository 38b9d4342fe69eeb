/** Undoes migrations with their down.sql, and restarts interrupted ones. */
import { setTimeout as wait } from 'node:timers/promises';

import type pg from 'pg';

import { MigrationError, messageOf } from '../migration-error.js';
import { type Migration, PRISMA_FOLDER, readMigrations } from './folder.js';
import { readHistory } from './history.js';
import { runPatiently } from './patience.js';
import { MIGRATION_SESSION, actingAsOwner, withClient } from '../owner-connection.js';

// An arbitrary constant. It differs from the key of Prisma's lock, which the engine takes on another connection.
const MIGRATION_LOCK = 7_263_546_101;
const LOCK_POLL_MS = 100;
// The key of Prisma's lock: https://pris.ly/d/migrate-advisory-locking
const PRISMA_LOCK = 72_707_369;

/**
 * Undoes these migrations, newest first, with their down.sql. Skips those that are not in the history.
 *
 * @returns the names of the undone migrations
 * @throws MigrationError when one of them has no down.sql, or a later migration is not among them
 */
export async function undoMigrations(
  ownerUrl: string,
  names: readonly string[],
  prismaFolder = PRISMA_FOLDER,
): Promise<string[]> {
  const migrations = await readMigrations(prismaFolder);
  return withClient(actingAsOwner(ownerUrl), async (client) => {
    await lockMigrations(client);
    const history = await readHistory((sql) => client.query(sql));
    const applied = new Set(history.map(({ name }) => name));
    const undone: string[] = [];
    for (const { name, down } of migrations.filter((migration) => applied.has(migration.name)).reverse()) {
      if (undone.length === names.filter((wanted) => applied.has(wanted)).length) break;
      if (!names.includes(name)) {
        const remedy = down === undefined ? 'and has no way back' : 'and has to be undone first';
        throw new MigrationError(`The migration ${name} came later, ${remedy}.`);
      }
      if (down === undefined) throw new MigrationError(`The migration ${name} has no way back.`);
      await runPatiently((sql) => client.query(sql), down).catch((error: unknown) => {
        throw new MigrationError(`The way back from ${name} failed: ${messageOf(error)}.`, { cause: error });
      });
      undone.push(name);
    }
    return undone;
  });
}

/** Prepares failed or interrupted migrations with a down.sql to be started again. */
export async function clearCutOff(client: pg.Client, migrations: readonly Migration[]): Promise<void> {
  const history = await readHistory((sql) => client.query(sql));
  const unfinished = new Set(history.filter(({ finished }) => !finished).map(({ name }) => name));
  const cutOff = migrations.filter(({ name, down }) => unfinished.has(name) && down !== undefined);
  if (cutOff.length > 0) await endOrphans(client);
  for (const { name, down } of cutOff) {
    await runPatiently((sql) => client.query(sql), down!).catch((error: unknown) => {
      throw new MigrationError(
        `The migration ${name} was cut off, and its down.sql failed: ${messageOf(error)}.`,
        { cause: error },
      );
    });
  }
}

// The session of a killed process may still be running: PostgreSQL notices only when it next sends data, and the
// session holds Prisma's lock until then. This process holds our lock, so a session of ours with Prisma's lock belongs
// to a dead process.
async function endOrphans(client: pg.Client): Promise<void> {
  // As the login, which owns these sessions.
  await client.query('SET ROLE NONE');
  await client.query(
    `SELECT pg_terminate_backend(pid, 10000) FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = $1 AND datname = current_database()
       AND (application_name = $2 OR application_name LIKE 'tenantize %')`,
    [PRISMA_LOCK, MIGRATION_SESSION],
  );
  await client.query('RESET ROLE');
}

/**
 * Lets one instance at a time work on a database's migrations.
 *
 * The connection holds the lock until it closes, and must have no timeout. Waiting instances poll, because a waiting
 * statement has a snapshot, and CREATE INDEX CONCURRENTLY in the running migration would wait for that snapshot.
 */
export async function lockMigrations(client: pg.Client): Promise<void> {
  await client.query('SET idle_session_timeout = 0');
  for (;;) {
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.held === true) return;
    await wait(LOCK_POLL_MS);
  }
}

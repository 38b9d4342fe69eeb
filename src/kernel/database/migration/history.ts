/** Reads the migration history of a database, Prisma's table `_prisma_migrations`, and never writes it. */
import { MigrationError } from '../migration-error.js';
import { type Migration, type NamedMigration, hasChecksum } from './folder.js';
import { APP_ROLE, OWNER_ROLE } from '../owner-connection.js';

/** Runs one statement, usually on a client or pool of pg. */
export type Query = (sql: string) => Promise<{ rows: unknown[] }>;

/** The history of one migration, without attempts that were rolled back. */
export interface HistoryEntry {
  readonly name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

const TABLE = 'public._prisma_migrations';

/** The message for a database that has the objects, but no privileges on them. */
const RESTORED_WITHOUT_PRIVILEGES =
  `The database holds Tenantry's tables, but the roles ${OWNER_ROLE} and ${APP_ROLE} have no rights to them: it was ` +
  'restored without owners and privileges. Restore it again with them, after the roles were created: docs/backup.md.';

/**
 * The first migration of the versions before the first release. The migrations were then rewritten as three, and there
 * is no upgrade from the old ones.
 */
const BEFORE_THE_FIRST_RELEASE = '20261121000000_kernel';

const UNRELEASED =
  `The database was made by a version before the first release (it has the migration ${BEFORE_THE_FIRST_RELEASE}), and no ` +
  'migration leads from there to this version. If nobody needs its data, delete it and start again: the embedded one by ' +
  'deleting its folder (.tenantry, or TENANTRY_DATA_DIR), any other by DROP DATABASE and CREATE DATABASE.';

// Uses only the catalog, which everybody may read: looking up a name fails in a schema without USAGE. Without the
// kernel's schema, its first migration never completed.
const ACCESS = `
  SELECT coalesce(bool_or(readable), false) AS readable,
         coalesce(bool_and(NOT readable), false)
           AND EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'tenantry') AS restored
  FROM (
    SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relname = '_prisma_migrations'
  ) history`;

/**
 * The history, oldest first; empty when there is none.
 *
 * @throws MigrationError when this role may not read it, and when it began before the first release
 */
export async function readHistory(query: Query): Promise<HistoryEntry[]> {
  const { rows: access } = await query(ACCESS);
  const { readable, restored } = (access as { readable: boolean; restored: boolean }[])[0]!;
  if (restored) throw new MigrationError(RESTORED_WITHOUT_PRIVILEGES);
  if (!readable) return [];
  const { rows } = await query(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
     FROM ${TABLE} WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  const history = rows as HistoryEntry[];
  if (history.some(({ name }) => name === BEFORE_THE_FIRST_RELEASE)) throw new MigrationError(UNRELEASED);
  return history;
}

/** The names of the missing and failed migrations, in the order in which they apply. */
export function pendingAmong(
  migrations: readonly NamedMigration[],
  history: readonly HistoryEntry[],
): string[] {
  const finished = new Set(history.filter((entry) => entry.finished).map((entry) => entry.name));
  return migrations.map(({ name }) => name).filter((name) => !finished.has(name));
}

/**
 * The database's migrations that are unknown here and later than all known ones, finished or not: the database belongs
 * to a newer version.
 */
export function newerAmong(
  migrations: readonly NamedMigration[],
  history: readonly HistoryEntry[],
): string[] {
  const known = new Set(migrations.map(({ name }) => name));
  const newest = migrations.at(-1)?.name ?? '';
  return history.map(({ name }) => name).filter((name) => !known.has(name) && name > newest);
}

/**
 * Refuses a history that does not match the migrations.
 *
 * @throws MigrationError when a migration failed before, is unknown here, or was edited after it was applied
 */
export function checkHistory(migrations: readonly Migration[], history: readonly HistoryEntry[]): void {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { name, checksum, finished } of history) {
    if (!finished) throw new MigrationError(failedBefore(name));
    const migration = known.get(name);
    if (migration === undefined) {
      throw new MigrationError(
        `The database has the migration ${name}, which is unknown here: it belongs to another, probably newer, version. ` +
          'If its folder was deleted, restore it, and remove what it made by a new migration (docs/add-a-model.md).',
      );
    }
    if (!hasChecksum(migration, checksum)) {
      throw new MigrationError(
        `The migration ${name} was edited after it was applied: restore its migration.sql and make the change in a new migration.`,
      );
    }
  }
}

function failedBefore(name: string): string {
  return (
    `The migration ${name} failed before, or was cut off: correct it, undo whatever it left behind (nothing, unless ` +
    `its script ends transactions itself), and then run as ${OWNER_ROLE}: UPDATE _prisma_migrations ` +
    `SET rolled_back_at = now() WHERE migration_name = '${name.replaceAll("'", "''")}' AND finished_at IS NULL;`
  );
}

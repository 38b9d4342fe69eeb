/** What a database has of the migrations of this version. Reads its history, and changes nothing. */
import { MigrationError } from '../migration-error.js';
import { PRISMA_FOLDER, readMigrations } from './folder.js';
import { checkHistory, newerAmong, pendingAmong, readHistory, type Query } from './history.js';

export interface MigrationStatus {
  /** How many migrations of this version it has. */
  readonly applied: number;
  /** Those that are missing, or have failed, in the order in which they apply. */
  readonly missing: readonly string[];
  /** Those of a newer version. */
  readonly newer: readonly string[];
  /** Why `tenantry migrate` would refuse this database; undefined when it would not. */
  readonly problem: string | undefined;
}

/**
 * The status of a database. `query` may be the application role's.
 *
 * @throws MigrationError when the role may not read the history
 */
export async function migrationStatus(query: Query, prismaFolder = PRISMA_FOLDER): Promise<MigrationStatus> {
  const migrations = await readMigrations(prismaFolder);
  const history = await readHistory(query);
  const missing = pendingAmong(migrations, history);
  return {
    applied: migrations.length - missing.length,
    missing,
    newer: newerAmong(migrations, history),
    problem: problemOf(() => checkHistory(migrations, history)),
  };
}

function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof MigrationError) return error.message;
    throw error;
  }
}

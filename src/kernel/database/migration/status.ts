/** What a database has of the migrations of this version. Reads its history, and changes nothing. */
import { escapeLiteral } from 'pg';
import { MigrationError } from '../migration-error.js';
import { PRISMA_FOLDER, readMigrations, type Migration } from './folder.js';
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
  /** How many tenants have a schema of their own, and how many of these lack migrations of this version. */
  readonly schemas: number;
  readonly schemasBehind: number;
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
    ...(await schemasOf(query, migrations, missing)),
  };
}

/** A database that lacks migrations may lack the function, too; its schemas lack the migrations as well. */
async function schemasOf(
  query: Query,
  migrations: readonly Migration[],
  missing: readonly string[],
): Promise<Pick<MigrationStatus, 'schemas' | 'schemasBehind'>> {
  const newest = migrations.at(-1)?.name;
  if (missing.length > 0 || newest === undefined) return { schemas: 0, schemasBehind: 0 };
  const { rows } = await query(
    `SELECT schemas::int, behind::int AS "schemasBehind" FROM tenantry.schema_status(${escapeLiteral(newest)})`,
  );
  const [row] = rows as readonly Pick<MigrationStatus, 'schemas' | 'schemasBehind'>[];
  return { schemas: row?.schemas ?? 0, schemasBehind: row?.schemasBehind ?? 0 };
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

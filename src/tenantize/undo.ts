/** The way back from the first part of a conversion. */
import { PRISMA_FOLDER, readMigrations } from '../database/migration/folder.js';
import { undoMigrations } from '../database/migrations.js';

/**
 * Undoes every applied migration of conversions that have a way back, newest first: the tables are as they were. Their
 * folders stay; delete them, or they are applied again.
 *
 * @returns the names of what was undone
 * @throws {MigrationError} when the point of no return has been passed, or another migration came later
 */
export async function undoTenantize(ownerUrl: string, prismaFolder = PRISMA_FOLDER): Promise<string[]> {
  const migrations = await readMigrations(prismaFolder);
  const names = migrations.map(({ name }) => name).filter((name) => /^\d+_tenantize_/.test(name));
  return undoMigrations(ownerUrl, names, prismaFolder);
}

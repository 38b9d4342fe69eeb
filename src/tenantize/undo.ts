/** The way back from the first part of a conversion. */
import { PRISMA_FOLDER, readMigrations } from '../kernel/database/migration/folder.js';
import { MigrationError, undoMigrations } from '../kernel/database/migration/migrations.js';
import { conversionLine } from './tenantize.js';

/**
 * Undoes every applied migration of the conversion of these tables, newest first: the tables are as they were. The
 * folders stay; delete them, or they are applied again.
 *
 * @param tables in the order in which the conversion was begun
 * @returns the names of what was undone
 * @throws {MigrationError} when the point of no return has been passed, or another migration came later
 */
export async function undoTenantize(
  ownerUrl: string,
  tables: readonly string[],
  prismaFolder = PRISMA_FOLDER,
): Promise<string[]> {
  const line = conversionLine(tables);
  const migrations = await readMigrations(prismaFolder);
  const names = migrations.filter(({ down }) => down?.includes(line) === true).map(({ name }) => name);
  if (names.length === 0) {
    throw new MigrationError(
      `There are no migrations here that tenantize ${tables.join(' ')}, in this order.`,
    );
  }
  return undoMigrations(ownerUrl, names, prismaFolder);
}

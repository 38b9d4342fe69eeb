/** The way back from the first part of a conversion. */
import { TenantizeError } from './error.js';
import type { Project } from './project.js';
import { conversionLine } from './tenantize.js';

/**
 * Undoes every applied migration of the conversion of these tables, newest first: the tables are as they were. The
 * folders stay; delete them, or they are applied again.
 *
 * @param tables in the order in which the conversion was begun
 * @returns the names of what was undone
 * @throws TenantizeError when no migration here converts these tables; an error of the project when the point of no
 *   return has been passed, or another migration came later
 */
export async function undoTenantize(project: Project, tables: readonly string[]): Promise<string[]> {
  const line = conversionLine(tables);
  const migrations = await project.readMigrations();
  const names = migrations.filter(({ down }) => down?.includes(line) === true).map(({ name }) => name);
  if (names.length === 0) {
    throw new TenantizeError(
      `There are no migrations here that tenantize ${tables.join(' ')}, in this order.`,
    );
  }
  return project.undo(names);
}

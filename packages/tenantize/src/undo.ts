/** Undoes the first part of a conversion. */
import { TenantizeError } from './error.js';
import type { Project } from './project.js';
import { conversionLine } from './tenantize.js';

/**
 * Undoes every applied migration of the conversion of these tables, newest first, so that the tables are as before. The
 * folders remain; delete them, or they are applied again.
 *
 * @param tables in the order in which the conversion was begun
 * @returns the names of the undone migrations
 * @throws TenantizeError when no migration converts these tables; an error of the project after the point of no return,
 * or when another migration came later
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

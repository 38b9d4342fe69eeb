/**
 * The order in which the cells beside the default one are migrated: one alone, then the others, four at a time. Where one fails,
 * those that have begun are finished and no further one begins, so the next call goes on there.
 */
import { MigrationError } from '../kernel/database/migration-error.js';
import { explain } from '../explain.js';

/** Cells that are migrated at the same time. */
const AT_ONCE = 4;

/**
 * @param migrateOne returns what was done, for `tell`
 * @param tell hears what became of each cell, as soon as it is known
 * @throws MigrationError that names the cells which have failed, and those that were not begun
 */
export async function migrateCells<Cell extends { readonly name: string }>(
  cells: readonly Cell[],
  migrateOne: (cell: Cell) => Promise<string>,
  tell: (line: string) => void,
): Promise<void> {
  const [first, ...others] = cells;
  if (!first) return;
  const failed: string[] = [];
  const bring = async (cell: Cell): Promise<void> => {
    try {
      tell(`Cell ${cell.name}: ${await migrateOne(cell)}`);
    } catch (error) {
      failed.push(cell.name);
      tell(`Cell ${cell.name}: failed. ${explain(error)}`);
    }
  };
  await bring(first);
  const work = async (): Promise<void> => {
    while (failed.length === 0) {
      const next = others.shift();
      if (!next) return;
      await bring(next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failed.length === 0) return;
  const waiting = others.map(({ name }) => name);
  throw new MigrationError(
    `Not migrated: ${failed.join(', ')}${waiting.length > 0 ? `; not begun: ${waiting.join(', ')}` : ''}.`,
  );
}

/** Renames a tenant in its cell and in the directory. */
import type { OperatorCells } from './operator-cells.js';
import { cellOfSlug } from './operator-cells.js';
import { placeTenant } from './cells.js';
import { findTenant, renameTenant, type TenantRow } from './tenants.js';

/**
 * The slug is claimed in the directory first, so a tenant of another cell cannot take it meanwhile.
 *
 * @throws as `renameTenant`
 */
export async function renameTenantIn(
  cells: Pick<OperatorCells, 'home' | 'named'>,
  change: Parameters<typeof renameTenant>[1],
): Promise<TenantRow> {
  const cell = await cellOfSlug(cells.home, change.slug);
  const connection = cells.named(cell);
  if (cell === undefined || change.newSlug === undefined) return renameTenant(connection, change);
  const { id, slug } = await findTenant(connection, change.slug);
  await placeTenant(cells.home, { id, slug: change.newSlug }, cell);
  try {
    return await renameTenant(connection, change);
  } catch (error) {
    await placeTenant(cells.home, { id, slug }, cell);
    throw error;
  }
}

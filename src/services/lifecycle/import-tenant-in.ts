/** Imports a tenant into a cell, so that no tenant is in two cells and no two have the same slug. */
import { findCell, forgetTenant, placeTenant } from '../operator/cells.js';
import { cellOfTenant, type OperatorCells } from '../operator/operator-cells.js';
import { importTenant, type Imported, type ImportOrder } from './import-tenant.js';
import { TenantLifeError } from './life-error.js';

/**
 * Imports an archive into a cell, which the directory then names.
 *
 * @param name undefined: the default cell
 * @throws as `importTenant`; NOT_FOUND when there is no such cell; CONFLICT when another tenant has the slug; TenantLifeError when
 * the cell takes no tenants, or a cell has the tenant
 */
export async function importTenantIn(
  cells: OperatorCells,
  name: string | undefined,
  order: Omit<ImportOrder, 'claim'>,
): Promise<Imported> {
  const { home } = cells;
  if (name !== undefined && (await findCell(home, name)).draining) {
    throw new TenantLifeError(`The cell ${name} takes no tenants.`);
  }
  let placed: string | undefined;
  const claim: ImportOrder['claim'] = async ({ id, slug }) => {
    const known = (await cellOfTenant(home, id)) ?? ((await isIn(cells, id)) ? 'default' : undefined);
    if (known !== undefined) {
      throw new TenantLifeError(`The tenant is in the cell ${known} already: --new-ids makes a copy.`);
    }
    if (name === undefined) return;
    await placeTenant(home, { id, slug }, name);
    placed = id;
  };
  try {
    return await importTenant(cells.named(name), { ...order, claim });
  } catch (error) {
    if (placed !== undefined) await forgetTenant(home, placed, name!);
    throw error;
  }
}

const isIn = async ({ home }: OperatorCells, id: string): Promise<boolean> =>
  (await home.query('SELECT FROM public.tenants WHERE id = $1', [id])).length > 0;

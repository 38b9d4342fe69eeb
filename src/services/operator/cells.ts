/**
 * The cells and the directory, as operators work on them. The directory is in the default cell. A slug is claimed there before
 * a tenant is created elsewhere, so no two tenants have the same one.
 */
import { badInput, conflict, notFound } from '../../kernel/vocabulary/errors.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { OperatorConnection } from './operator-connection.js';
import type { OperatorCells } from './operator-cells.js';
import { createTenant, listTenants, type NewTenant, type TenantRow } from './tenants.js';

export interface CellRow {
  readonly name: string;
  readonly draining: boolean;
  readonly tenants: number;
}

const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';

/** The cells beside the default one, by their names, with the number of their tenants. */
export const listCells = ({ query }: Pick<OperatorConnection, 'query'>): Promise<CellRow[]> =>
  query<CellRow & Record<string, unknown>>(
    `SELECT c.name, c.draining, (SELECT count(*)::int FROM tenantry.directory d WHERE d.cell = c.name) AS tenants
     FROM tenantry.cells c ORDER BY c.name`,
  );

/**
 * Adds a cell, or says whether new tenants are placed there.
 *
 * @throws BAD_USER_INPUT for a name of another form
 */
export async function setCell(
  { query }: Pick<OperatorConnection, 'query'>,
  name: string,
  draining: boolean,
): Promise<void> {
  try {
    await query('SELECT tenantry.set_cell($1, $2)', [name, draining]);
  } catch (error) {
    if (sqlState(error) !== CHECK_VIOLATION) throw error;
    throw badInput('The name of a cell has 1 to 32 lower-case letters, digits and inner hyphens.');
  }
}

/** @throws NOT_FOUND */
export async function findCell(home: Pick<OperatorConnection, 'query'>, name: string): Promise<CellRow> {
  const found = (await listCells(home)).find((cell) => cell.name === name);
  if (!found) throw notFound(`cell ${name}`);
  return found;
}

/**
 * Creates a tenant in a cell.
 *
 * @param name undefined, or `default`: the default one
 * @throws as `createTenant`; NOT_FOUND when there is no such cell; CONFLICT when it takes no new tenants, or has some though
 * the tenant is to have a database of its own
 */
export async function createTenantIn(
  cells: Pick<OperatorCells, 'home' | 'named'>,
  name: string | undefined,
  tenant: NewTenant,
  { reason, alone = false }: { readonly reason: string; readonly alone?: boolean },
): Promise<TenantRow> {
  if (name === undefined || name === 'default') return createTenant(cells.home, tenant, reason);
  const cell = await findCell(cells.home, name);
  if (cell.draining) throw conflict(`The cell ${name} takes no new tenants.`);
  if (alone && cell.tenants > 0) {
    throw conflict(`The cell ${name} has a tenant already: a database of its own is an empty cell.`);
  }
  const id = tenant.id ?? (await newId(cells.home));
  await placeTenant(cells.home, { id, slug: tenant.slug }, name);
  try {
    return await createTenant(cells.named(name), { ...tenant, id }, reason);
  } catch (error) {
    await forgetTenant(cells.home, id, name);
    throw error;
  }
}

/** An id for a new tenant. */
export async function newId({ query }: Pick<OperatorConnection, 'query'>): Promise<string> {
  return (await query<{ id: string }>('SELECT tenantry.uuid_v7()::text AS id'))[0]!.id;
}

/**
 * Says in the directory where a tenant is.
 *
 * @param cell null for the default one
 * @throws CONFLICT when another tenant has the slug
 */
export async function placeTenant(
  { query }: Pick<OperatorConnection, 'query'>,
  { id, slug }: Pick<TenantRow, 'id' | 'slug'>,
  cell: string | null,
): Promise<void> {
  try {
    await query('SELECT tenantry.place_tenant($1, $2, $3)', [id, slug, cell]);
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) throw conflict(`The slug ${slug} is taken.`);
    throw error;
  }
}

/** Removes a tenant from the directory, if that says that it is in this cell. */
export async function forgetTenant(
  { query }: Pick<OperatorConnection, 'query'>,
  id: string,
  cell: string,
): Promise<void> {
  await query('SELECT tenantry.place_tenant($1, NULL, $2)', [id, cell]);
}

export interface Rebuilt {
  readonly tenants: number;
  readonly placed: number;
  readonly removed: number;
}

/**
 * Writes the directory anew from what the cells have. It may run again at any time. Copies of tenants that were moved do not
 * count.
 *
 * @param others every cell beside the default one, by its name
 * @throws CONFLICT when two cells have the same tenant, or two tenants the same slug
 */
export async function rebuildDirectory(
  home: Pick<OperatorConnection, 'query'>,
  others: ReadonlyMap<string, OperatorConnection>,
): Promise<Rebuilt> {
  interface Known {
    readonly id: string;
    readonly slug: string;
    readonly cell: string;
  }
  const places = new Map<string, Known>();
  for (const [cell, connection] of others) {
    for (const { id, slug } of await listTenants(connection)) {
      const other = places.get(id);
      if (other) throw conflict(`The tenant ${slug} is in ${other.cell} and in ${cell}.`);
      places.set(id, { id, slug, cell });
    }
  }
  for (const { id, slug } of await listTenants(home)) {
    const other = places.get(id);
    if (other) throw conflict(`The tenant ${slug} is in the default cell and in ${other.cell}.`);
  }
  const known = await home.query<Known & Record<string, unknown>>(
    'SELECT subject::text AS id, slug, cell FROM tenantry.directory',
  );
  let [placed, removed] = [0, 0];
  // First what is not true any more, for it may have a slug that another tenant has now.
  for (const { id, cell } of known) {
    if (places.has(id)) continue;
    await forgetTenant(home, id, cell);
    removed++;
  }
  for (const place of places.values()) {
    const former = known.find(({ id }) => id === place.id);
    if (former?.slug === place.slug && former.cell === place.cell) continue;
    await placeTenant(home, place, place.cell);
    placed++;
  }
  return { tenants: places.size, placed, removed };
}

/** Rows that point at other rows: what an input says of them, and how they are read. */
import type { Bound } from '../tenancy/tenant-client.js';
import type { Loaders } from './loaders.js';

/**
 * The id that an input names, as a column holds it. Whether there is such a row of this tenant, the foreign key decides.
 *
 * @throws NOT_FOUND for an id that is no UUID, as for a row that is not there
 */
export const referenceTo = <Id extends string | null | undefined>(db: Pick<Bound, 'key'>, id: Id): Id =>
  (id == null ? id : db.key(id).tenantId_id.id) as Id;

/**
 * The row that another one points at; null when it points at none. Many at once are one query.
 *
 * @param name tells loaders apart: that of the model
 * @param find reads the rows with these ids
 */
export async function rowById<Row extends { readonly id: string }>(
  loaders: Loaders,
  name: string,
  id: string | null,
  find: (ids: string[]) => Promise<readonly Row[]>,
): Promise<Row | null> {
  if (id === null) return null;
  const row = await loaders.load(`${name} by id`, id, async (ids) => {
    const rows = await find([...ids]);
    return new Map(rows.map((each) => [each.id, each]));
  });
  return row ?? null;
}

/** References to other rows: checks them in inputs, and reads the referenced rows. */
import type { Bound } from '../tenancy/tenant-client.js';
import type { Loaders } from './loaders.js';

/**
 * The id in an input, as the value of a column. The foreign key ensures that the row exists in this tenant.
 *
 * @throws NOT_FOUND when the id is not a UUID, as for a missing row
 */
export const referenceTo = <Id extends string | null | undefined>(db: Pick<Bound, 'key'>, id: Id): Id =>
  (id == null ? id : db.key(id).tenantId_id.id) as Id;

/**
 * The referenced row; null when there is no reference. References that are read together are one query.
 *
 * @param name the name of the loader, usually the model's
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

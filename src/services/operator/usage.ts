/** Operators' view of the counters of tenants' resources, and their repair. */
import type { OperatorConnection } from './operator-connection.js';
import type { TenantRow } from './tenants.js';

/** A counter, and the rows that it should be equal to. */
export interface CheckedUse {
  readonly slug: string;
  readonly resource: string;
  /** What the counter says; before the repair. */
  readonly used: number;
  readonly rows: number;
}

interface Counter {
  readonly resource: string;
  readonly used: number;
}

/** The counters of a tenant, in alphabetical order, without counting rows. */
export const readUse = (
  connection: Pick<OperatorConnection, 'query'>,
  { id }: Pick<TenantRow, 'id'>,
): Promise<Counter[]> =>
  connection.query<{ resource: string; used: number }>(
    `SELECT counted.resource, coalesce(held.used, 0)::float8 AS used
     FROM tenantry.limited_resources() counted
     LEFT JOIN tenantry.resource_usage held ON held.resource = counted.resource AND held.tenant_id = $1
     ORDER BY counted.resource COLLATE "C"`,
    [id],
  );

/**
 * Compares the counters of a tenant with its rows, which are counted. The two figures are of the same moment, so they are
 * equal while the tenant is in use, too.
 *
 * @param repair sets each counter that is wrong to the number of rows; requests that add rows wait meanwhile
 */
export async function checkUse(
  connection: OperatorConnection,
  { id, slug }: Pick<TenantRow, 'id' | 'slug'>,
  { repair }: { readonly repair: boolean },
): Promise<CheckedUse[]> {
  const resources = await connection.query<{ resource: string }>(
    'SELECT resource FROM tenantry.limited_resources() ORDER BY resource COLLATE "C"',
  );
  const checked: CheckedUse[] = [];
  // A transaction each, so that no lock is held while other rows are counted.
  for (const { resource } of resources) {
    const [found] = await connection.inTenant(id, (query) =>
      query<{ used: number; rows: number }>(
        'SELECT used::float8 AS used, rows::float8 AS rows FROM tenantry.check_use($1, $2)',
        [resource, repair],
      ),
    );
    checked.push({ slug, resource, ...found! });
  }
  return checked;
}

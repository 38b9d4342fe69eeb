/** The place of a copy in another cell: a tenant that arrives there, and that nobody uses. */
import type { SealKeys } from '../audit-trail/seal-keys.js';
import type { OperatorConnection } from '../operator/operator-connection.js';
import type { TenantRow } from '../operator/tenants.js';
import type { CopyPlace } from './copy-and-leave.js';
import { eraseCopy, fence, stateOf } from './move-state.js';
import { placedTables } from './placed-tables.js';

export interface CellMove {
  readonly source: OperatorConnection;
  readonly target: OperatorConnection;
  readonly tenant: TenantRow;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly keys: SealKeys | undefined;
}

/** The place of this copy. */
export function placeInCell({ source, target, tenant, from, to, keys }: CellMove): CopyPlace {
  const erase = () => eraseCopy(target, tenant.id, keys);
  return {
    open: async () => {
      let there = await stateOf(target, tenant.id);
      // Rows of a version that did not say how far its copy was.
      if (there?.through === null && (await isHere(target, tenant.id))) {
        await erase();
        there = undefined;
      }
      if (!there) await fence(target, tenant.id, 'arriving', from);
      return there?.through ?? null;
    },
    tables: () => placedTables(source, target),
    erase,
    leave: async () => {
      await fence(source, tenant.id, 'left', to);
      return true;
    },
  };
}

async function isHere({ query }: OperatorConnection, tenantId: string): Promise<boolean> {
  return (await query('SELECT FROM public.tenants WHERE id = $1', [tenantId])).length > 0;
}

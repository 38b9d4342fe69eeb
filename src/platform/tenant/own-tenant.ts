import type { Tenant } from '../../generated/prisma/client.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';

/** The tenant in which the request acts. Several places that ask for it in one operation are one read. */
export async function ownTenant({ loaders, viewer, db }: RequestContext): Promise<Tenant> {
  const tenant = await loaders.load('tenant', viewer.tenantId, async () => {
    const row = await db.tenant.findUniqueOrThrow({ where: { id: viewer.tenantId } });
    return new Map([[row.id, row]]);
  });
  if (!tenant) throw new Error('the bound tenant has no row');
  return tenant;
}

/** What holds for every change of who is a member, and as what. */
import { forbidden, PublicError } from '../../kernel/vocabulary/errors.js';
import { isRole, type Role } from '../../kernel/vocabulary/permissions.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';

/**
 * Lets one change of roles happen at a time in a tenant, by locking the tenant's row. Two requests that each remove one
 * of the last two owners would otherwise both find the other one.
 *
 * @returns the caller's role as it is now: the change that came before may have been of it
 */
export async function serializeMembershipChanges(
  tx: TenantTx,
  { viewer: { tenantId, userId }, roles }: Pick<RequestContext, 'viewer' | 'roles'>,
): Promise<Role> {
  await tx.$queryRaw(Prisma.sql`SELECT 1 FROM public.tenants WHERE id = ${tenantId}::uuid FOR NO KEY UPDATE`);
  const own = await tx.membership.findUnique({ where: { tenantId_userId: { tenantId, userId } } });
  if (!own || !isRole(own.role) || !roles.of(own.role).has('users:manage')) throw forbidden('users:manage');
  return own.role;
}

/** Nobody grants, changes or takes a role above their own. */
export const aboveOwnRole = (role: Role) =>
  new PublicError('FORBIDDEN', `Only a member with the role ${role} may do this.`, {
    requires: `role:${role}`,
  });

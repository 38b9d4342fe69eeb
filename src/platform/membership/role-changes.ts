/** Rules for every change of a membership or its role. */
import { forbidden, PublicError } from '../../kernel/vocabulary/errors.js';
import { isRole, type Role } from '../../kernel/vocabulary/permissions.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';

/**
 * Serializes changes of roles in a tenant by locking the tenant's row. Otherwise two requests could each remove one of
 * the last two owners, because each still sees the other owner.
 *
 * @returns the caller's present role, which the previous change may have changed
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

/** Nobody may grant, change or remove a role above their own. */
export const aboveOwnRole = (role: Role) =>
  new PublicError('FORBIDDEN', `Only a member with the role ${role} may do this.`, {
    requires: `role:${role}`,
  });

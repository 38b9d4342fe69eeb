import type { Resolvers } from '../../generated/graphql.js';
import { Prisma } from '../../generated/prisma/client.js';
import { conflict, forbidden, notFound, PublicError } from '../../errors.js';
import { atLeast, isRole, type Role } from '../../access/permissions.js';
import { Page } from '../../graphql/connection.js';
import type { RequestContext } from '../../graphql/request-context.js';
import type { TenantTx } from '../../tenancy/tenant-client.js';

export const resolvers: Resolvers = {
  Query: {
    members: async (_parent, { filter, ...args }, { db }) => {
      const page = new Page(args, { field: 'joinedAt', direction: 'asc' });
      const matching = {
        ...(filter?.role != null && { role: filter.role }),
        ...(filter?.userId != null && { userId: filter.userId }),
      };
      const rows = await db.membership.findMany({
        ...page.query,
        where: { ...page.query.where, ...matching },
      });
      return page.connection(rows, () => db.membership.count({ where: matching }));
    },
  },
  Mutation: {
    changeMemberRole: (_parent, { input }, { db, ...caller }) =>
      db.transaction(async (tx) => {
        const ownRole = await serializeMembershipChanges(tx, caller);
        if (!atLeast(ownRole, input.role)) throw aboveOwnRole(input.role);
        const current = await changeableMember(tx, input.membershipId, ownRole);
        if (current.role === 'owner' && input.role !== 'owner') await refuseWithoutOtherOwner(tx, current.id);
        return {
          membership: await tx.membership.update({ where: tx.key(current.id), data: { role: input.role } }),
        };
      }),
    removeMember: (_parent, { input }, { db, ...caller }) =>
      db.transaction(async (tx) => {
        const ownRole = await serializeMembershipChanges(tx, caller);
        const current = await changeableMember(tx, input.membershipId, ownRole);
        if (current.role === 'owner') await refuseWithoutOtherOwner(tx, current.id);
        await tx.membership.delete({ where: tx.key(current.id) });
        return { deletedId: current.id };
      }),
  },
};

/**
 * Lets one change of roles happen at a time in a tenant, by locking the tenant's row. Two requests that each remove one
 * of the last two owners would otherwise both find the other one.
 *
 * @returns the caller's role as it is now: the change that came before may have been of it
 */
async function serializeMembershipChanges(
  tx: TenantTx,
  { viewer: { tenantId, userId }, roles }: Pick<RequestContext, 'viewer' | 'roles'>,
): Promise<Role> {
  await tx.$queryRaw(Prisma.sql`SELECT 1 FROM tenants WHERE id = ${tenantId}::uuid FOR NO KEY UPDATE`);
  const own = await tx.membership.findUnique({ where: { tenantId_userId: { tenantId, userId } } });
  if (!own || !isRole(own.role) || !roles.of(own.role).has('users:manage')) throw forbidden('users:manage');
  return own.role;
}

async function changeableMember(tx: TenantTx, id: string, ownRole: Role) {
  const member = await tx.membership.findUnique({ where: tx.key(id) });
  if (!member) throw notFound();
  if (!atLeast(ownRole, member.role as Role)) throw aboveOwnRole(member.role as Role);
  return member;
}

const aboveOwnRole = (role: Role) =>
  new PublicError('FORBIDDEN', `Only a member with the role ${role} may do this.`, {
    requires: `role:${role}`,
  });

async function refuseWithoutOtherOwner(tx: TenantTx, id: string): Promise<void> {
  const others = await tx.membership.count({ where: { role: 'owner', id: { not: id } } });
  if (others === 0) throw conflict('A tenant keeps at least one owner.');
}

import type { Resolvers } from '../../generated/graphql.js';
import { conflict, notFound } from '../../kernel/vocabulary/errors.js';
import { atLeast, type Role } from '../../kernel/vocabulary/permissions.js';
import { Page } from '../../kernel/graphql/connection.js';
import { sortBy } from '../../kernel/graphql/sort-key.js';
import { searchable } from '../../kernel/graphql/filter.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { aboveOwnRole, serializeMembershipChanges } from './role-changes.js';

const BY_JOINED_AT = sortBy('Membership', 'joinedAt');

export const resolvers: Resolvers = {
  Query: {
    members: async (_parent, { filter: given, ...args }, { db }) => {
      const filter = searchable(given);
      const page = new Page(args, { key: BY_JOINED_AT, direction: 'asc' });
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

async function changeableMember(tx: TenantTx, id: string, ownRole: Role) {
  const member = await tx.membership.findUnique({ where: tx.key(id) });
  if (!member) throw notFound();
  if (!atLeast(ownRole, member.role as Role)) throw aboveOwnRole(member.role as Role);
  return member;
}

async function refuseWithoutOtherOwner(tx: TenantTx, id: string): Promise<void> {
  const others = await tx.membership.count({ where: { role: 'owner', id: { not: id } } });
  if (others === 0) throw conflict('A tenant keeps at least one owner.');
}

import type { MembershipFilter, MembershipOrderField, Resolvers } from '../../generated/graphql.js';
import { badInput, conflict, notFound } from '../../kernel/vocabulary/errors.js';
import { atLeast, type Role } from '../../kernel/vocabulary/permissions.js';
import { Page } from '../../kernel/graphql/connection.js';
import { sortBy, type SortKey } from '../../kernel/graphql/sort-key.js';
import { matching, searchable, within } from '../../kernel/graphql/filter.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { memberByUser } from './member-by-user.js';
import { aboveOwnRole, serializeMembershipChanges } from './role-changes.js';

const SORT_KEYS: Readonly<Record<MembershipOrderField, SortKey>> = {
  JOINED_AT: sortBy('Membership', 'joinedAt'),
};

export const resolvers: Resolvers = {
  Query: {
    members: async (_parent, { filter, orderBy, ...args }, { db }) => {
      const page = new Page(args, {
        key: SORT_KEYS[orderBy?.field ?? 'JOINED_AT'],
        direction: orderBy?.direction ?? 'asc',
      });
      const where = conditions(searchable(filter) ?? {});
      const rows = await db.membership.findMany({ ...page.query, where: { ...page.query.where, ...where } });
      return page.connection(rows, () => db.membership.count({ where }));
    },
  },
  Membership: {
    invitedByMember: ({ invitedBy }, _args, context) => memberByUser(context, invitedBy),
  },
  Mutation: {
    changeMemberRole: (_parent, { input }, { db, ...caller }) =>
      db.transaction(async (tx) => {
        const ownRole = await serializeMembershipChanges(tx, caller);
        if (!atLeast(ownRole, input.role)) throw aboveOwnRole(input.role);
        const current = await changeableMember(tx, idOf(input), ownRole);
        if (current.role === 'owner' && input.role !== 'owner') await refuseWithoutOtherOwner(tx, current.id);
        return {
          membership: await tx.membership.update({ where: tx.key(current.id), data: { role: input.role } }),
        };
      }),
    removeMember: (_parent, { input }, { db, ...caller }) =>
      db.transaction(async (tx) => {
        const ownRole = await serializeMembershipChanges(tx, caller);
        const current = await changeableMember(tx, idOf(input), ownRole);
        if (current.role === 'owner') await refuseWithoutOtherOwner(tx, current.id);
        await tx.membership.delete({ where: tx.key(current.id) });
        return { deletedId: current.id };
      }),
  },
};

interface NamesMembership {
  readonly id?: string | null | undefined;
  /** The name of `id` in older clients. */
  readonly membershipId?: string | null | undefined;
}

function idOf({ id, membershipId }: NamesMembership): string {
  const named = id ?? membershipId;
  if (named == null || (id != null && membershipId != null)) {
    throw badInput('Say which membership: by input.id.', 'input.id');
  }
  return named;
}

function conditions({ role, userId, joinedAt, email, invitedBy }: MembershipFilter) {
  return {
    ...(role != null && { role }),
    ...(userId != null && { userId }),
    ...(joinedAt != null && { joinedAt: within(joinedAt) }),
    ...(email != null && { email: matching(email) }),
    ...(invitedBy != null && { invitedBy }),
  };
}

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

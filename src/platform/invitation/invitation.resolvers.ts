import { z } from 'zod';
import { atLeast, type Role } from '../../kernel/vocabulary/permissions.js';
import { usersOnlyError } from '../../kernel/graphql/users-only.js';
import { hashSecret, isSecret, newSecret, tenantOfSecret } from '../../kernel/auth/secrets.js';
import { notFound, PublicError } from '../../kernel/vocabulary/errors.js';
import type { InvitationFilter, InvitationOrderField, Resolvers } from '../../generated/graphql.js';
import { Prisma, type Invitation } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { matching, searchable, within } from '../../kernel/graphql/filter.js';
import { sortBy, type SortKey } from '../../kernel/graphql/sort-key.js';
import { parseInput } from '../../kernel/graphql/input.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { UNKNOWN_INVITATION } from './accept-invitation.js';
import { lowerAscii } from '../../kernel/vocabulary/lower-ascii.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { memberByUser } from '../membership/member-by-user.js';
import { aboveOwnRole, serializeMembershipChanges } from '../membership/role-changes.js';
import { havingStatus, statusOf } from './invitation-status.js';

const DAY_MS = 86_400_000;

/**
 * The check of browsers for `<input type="email">`: it allows no blank, comma, quote or bracket, which have a meaning
 * in headers.
 */
const inviteInput = z.object({
  email: z
    .string()
    .max(254, 'must have at most 254 characters')
    .regex(z.regexes.html5Email, 'must be an e-mail address')
    // Changes only A to Z, like the comparison of addresses in the database: see the migration.
    .transform(lowerAscii),
});

const SORT_KEYS: Readonly<Record<InvitationOrderField, SortKey>> = {
  INVITED_AT: sortBy('Invitation', 'invitedAt'),
  EXPIRES_AT: sortBy('Invitation', 'expiresAt'),
};

export const resolvers: Resolvers = {
  InvitationStatus: { PENDING: 'pending', ACCEPTED: 'accepted', EXPIRED: 'expired', REVOKED: 'revoked' },
  Invitation: {
    status: (invitation) => statusOf(invitation),
    invitedByMember: ({ invitedBy }, _args, context) => memberByUser(context, invitedBy),
    acceptedByMember: ({ acceptedBy }, _args, context) => memberByUser(context, acceptedBy),
  },
  Query: {
    invitations: async (_parent, { filter, orderBy, ...args }, { db }) => {
      const page = new Page(args, {
        key: SORT_KEYS[orderBy?.field ?? 'INVITED_AT'],
        direction: orderBy?.direction ?? 'desc',
      });
      const where = conditions(searchable(filter) ?? {});
      // A page by `expiresAt` has conditions on the same column as a status.
      const rows = await db.invitation.findMany({
        ...page.query,
        where: { AND: [...page.query.where.AND, where] },
      });
      return page.connection(rows, () => db.invitation.count({ where }));
    },
  },
  Mutation: {
    inviteMember: async (_parent, { input }, context) => {
      const { email } = parseInput(inviteInput, input);
      const { canSend } = context.invitations.mailer;
      const invitation = await context.db.transaction(async (tx) => {
        const ownRole = await serializeMembershipChanges(tx, context);
        if (!atLeast(ownRole, input.role)) throw aboveOwnRole(input.role);
        await refuseMember(tx, email);
        const invited = await invite(tx, context, { email, role: input.role, ownRole });
        // With the key, a mail that is still to be sent is not sent twice.
        if (canSend) await tx.enqueue('invitation.mail', { invitationId: invited.id }, { key: invited.id });
        return invited;
      });
      return { invitation, emailSent: canSend };
    },
    revokeInvitation: (_parent, { input }, { db, ...caller }) =>
      db.transaction(async (tx) => {
        const ownRole = await serializeMembershipChanges(tx, caller);
        const invitation = await tx.invitation.findUnique({ where: tx.key(input.id) });
        if (!invitation) throw notFound();
        if (invitation.acceptedAt) {
          throw new PublicError('CONFLICT', 'This invitation has been accepted: remove the member instead.', {
            reason: 'accepted',
          });
        }
        if (invitation.revokedAt) return { invitation };
        refuseAbove(ownRole, invitation);
        return {
          invitation: await tx.invitation.update({
            where: tx.key(invitation.id),
            data: { revokedAt: new Date() },
          }),
        };
      }),
    acceptInvitation: async (_parent, { input }, { user, invitations, requestId, unit }) => {
      if (!user) throw usersOnlyError();
      if (!isSecret(input.token)) throw new PublicError(...UNKNOWN_INVITATION);
      return {
        membership: await invitations.accept(
          { tokenHash: hashSecret(input.token), tenantId: tenantOfSecret(input.token), user, requestId },
          unit,
        ),
      };
    },
  },
};

function conditions({ status, role, email, invitedBy, invitedAt }: InvitationFilter) {
  return {
    ...(status != null && havingStatus(status)),
    ...(role != null && { role }),
    ...(email != null && { email: matching(email) }),
    ...(invitedBy != null && { invitedBy }),
    ...(invitedAt != null && { invitedAt: within(invitedAt) }),
  };
}

/** @throws CONFLICT when a member already has this address */
async function refuseMember(tx: TenantTx, email: string): Promise<void> {
  const members = await tx.$queryRaw(Prisma.sql`
    SELECT 1 FROM public.memberships
    WHERE tenant_id = ${tx.context.tenantId}::uuid AND lower(email COLLATE "C") = ${email} LIMIT 1`);
  if (members.length > 0) {
    throw new PublicError('CONFLICT', 'A member has this e-mail address already.', { reason: 'member' });
  }
}

/**
 * Creates the invitation, or replaces it; the previous token becomes invalid. Nobody knows the new one: the job that sends
 * the mail makes another.
 */
async function invite(
  tx: TenantTx,
  { viewer, invitations }: Pick<RequestContext, 'viewer' | 'invitations'>,
  { email, role, ownRole }: { email: string; role: Role; ownRole: Role },
): Promise<Invitation> {
  const key = { tenantId_email: { tenantId: tx.context.tenantId, email } };
  const before = await tx.invitation.findUnique({ where: key });
  if (before && statusOf(before) === 'pending') refuseAbove(ownRole, before);
  const now = new Date();
  const sent = {
    role,
    invitedBy: viewer.userId,
    invitedAt: now,
    expiresAt: new Date(now.getTime() + invitations.days * DAY_MS),
    tokenHash: hashSecret(newSecret()),
    acceptedAt: null,
    acceptedBy: null,
    revokedAt: null,
  };
  return before
    ? tx.invitation.update({ where: key, data: sent })
    : tx.invitation.create({ data: { email, ...sent } });
}

function refuseAbove(ownRole: Role, { role }: Invitation): void {
  if (!atLeast(ownRole, role as Role)) throw aboveOwnRole(role as Role);
}

import { z } from 'zod';
import { atLeast, type Role } from '../../kernel/vocabulary/permissions.js';
import { usersOnlyError } from '../../kernel/graphql/users-only.js';
import { hashSecret, isSecret, newSecret } from '../../kernel/auth/secrets.js';
import { notFound, PublicError } from '../../kernel/vocabulary/errors.js';
import type { Resolvers } from '../../generated/graphql.js';
import { Prisma, type Invitation } from '../../generated/prisma/client.js';
import { Page } from '../../kernel/graphql/connection.js';
import { sortBy } from '../../kernel/graphql/sort-key.js';
import { parseInput } from '../../kernel/graphql/input.js';
import type { RequestContext } from '../../kernel/graphql/request-context.js';
import { UNKNOWN_INVITATION } from './accept-invitation.js';
import { lowerAscii } from '../../kernel/vocabulary/lower-ascii.js';
import type { TenantTx } from '../../kernel/tenancy/tenant-client.js';
import { aboveOwnRole, serializeMembershipChanges } from '../membership/role-changes.js';
import { invitationMail } from './invitation-mail.js';
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

const BY_INVITED_AT = sortBy('Invitation', 'invitedAt');

export const resolvers: Resolvers = {
  InvitationStatus: { PENDING: 'pending', ACCEPTED: 'accepted', EXPIRED: 'expired', REVOKED: 'revoked' },
  Invitation: { status: (invitation) => statusOf(invitation) },
  Query: {
    invitations: async (_parent, { filter, ...args }, { db }) => {
      const page = new Page(args, { key: BY_INVITED_AT, direction: 'desc' });
      const matching = filter?.status == null ? {} : havingStatus(filter.status);
      const rows = await db.invitation.findMany({
        ...page.query,
        where: { ...page.query.where, ...matching },
      });
      return page.connection(rows, () => db.invitation.count({ where: matching }));
    },
  },
  Mutation: {
    inviteMember: async (_parent, { input }, context) => {
      const { email } = parseInput(inviteInput, input);
      const token = newSecret();
      const [invitation, tenantName] = await context.db.transaction(async (tx) => {
        const ownRole = await serializeMembershipChanges(tx, context);
        if (!atLeast(ownRole, input.role)) throw aboveOwnRole(input.role);
        await refuseMember(tx, email);
        return [await invite(tx, context, { email, role: input.role, token, ownRole }), await nameOf(tx)];
      });
      return { invitation, emailSent: await sendMail(context, invitation, tenantName, token) };
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
        membership: await invitations.accept({ tokenHash: hashSecret(input.token), user, requestId }, unit),
      };
    },
  },
};

/** @throws CONFLICT when a member already has this address */
async function refuseMember(tx: TenantTx, email: string): Promise<void> {
  const members = await tx.$queryRaw(Prisma.sql`
    SELECT 1 FROM public.memberships
    WHERE tenant_id = ${tx.context.tenantId}::uuid AND lower(email COLLATE "C") = ${email} LIMIT 1`);
  if (members.length > 0) {
    throw new PublicError('CONFLICT', 'A member has this e-mail address already.', { reason: 'member' });
  }
}

/** Creates the invitation, or replaces it; the previous token becomes invalid. */
async function invite(
  tx: TenantTx,
  { viewer, invitations }: Pick<RequestContext, 'viewer' | 'invitations'>,
  { email, role, token, ownRole }: { email: string; role: Role; token: string; ownRole: Role },
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
    tokenHash: hashSecret(token),
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

const nameOf = async (tx: TenantTx): Promise<string> =>
  (await tx.tenant.findUniqueOrThrow({ where: { id: tx.context.tenantId } })).name;

/**
 * Called after the commit, so a failing or slow mail server does not lose the invitation. The token is never logged.
 */
async function sendMail(
  { invitations: { mailer, appUrl }, log }: Pick<RequestContext, 'invitations' | 'log'>,
  { id, email, role, expiresAt }: Invitation,
  tenantName: string,
  token: string,
): Promise<boolean> {
  try {
    const { file } = await mailer.send(
      invitationMail({ to: email, tenantName, role, token, expiresAt, appUrl }),
    );
    if (file !== undefined) log.info({ invitation: id, file }, 'SMTP_URL is not set: the mail is in a file');
    return true;
  } catch (error) {
    log.warn({ err: error, invitation: id }, 'the mail of an invitation could not be sent');
    return false;
  }
}

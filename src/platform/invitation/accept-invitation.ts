/**
 * Makes the user with an invitation's token a member. The user has no membership yet, so no tenant is bound: one
 * function of the database does everything, or nothing.
 */
import { Prisma } from '../../generated/prisma/client.js';
import type { VerifiedUser } from '../../kernel/vocabulary/viewer.js';
import { PublicError, type ErrorCode } from '../../kernel/vocabulary/errors.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { TenantClient } from '../../kernel/tenancy/tenant-client.js';
import { TenantElsewhere } from '../../kernel/graphql/tenant-elsewhere.js';
import type { ActorMembership } from '../tenant/memberships-elsewhere.js';
import type { ViewerMembership } from '../tenant/viewer-membership.js';

export interface Acceptance {
  readonly tokenHash: string;
  /** The tenant that the token names, if it does: where to ask. */
  readonly tenantId?: string | undefined;
  readonly user: VerifiedUser;
  readonly requestId: string;
}

/**
 * A user who was not invited learns only that: neither the tenant nor the state of the invitation.
 *
 * @throws NOT_FOUND for an unknown token; FORBIDDEN without a verified e-mail address (`requires: email:verified`), or
 * with another address than the invited one (`email:invited`); TENANT_SUSPENDED; QUOTA_EXCEEDED when the tenant has all
 * members that its plan allows; CONFLICT with the `reason` accepted, revoked, expired, or member
 * @param unit the client of a unit of work for the same user, in any tenant: the membership is then part of its
 * transaction. Without it the acceptance is a separate transaction.
 */
export type AcceptInvitation = (acceptance: Acceptance, unit?: TenantClient) => Promise<ViewerMembership>;

type Refusal = readonly [code: ErrorCode, message: string, details?: Readonly<Record<string, string>>];

export const UNKNOWN_INVITATION: Refusal = [
  'NOT_FOUND',
  'There is no such invitation. A newer one may have replaced it.',
];

const REFUSALS: Readonly<Record<string, Refusal>> = {
  unknown: UNKNOWN_INVITATION,
  other_email: [
    'FORBIDDEN',
    'This invitation is for another e-mail address. Sign in with the one it was sent to.',
    { requires: 'email:invited' },
  ],
  suspended: ['TENANT_SUSPENDED', 'This tenant is suspended.'],
  used: ['CONFLICT', 'This invitation has been accepted already.', { reason: 'accepted' }],
  revoked: ['CONFLICT', 'This invitation has been revoked.', { reason: 'revoked' }],
  expired: ['CONFLICT', 'This invitation has expired. Ask for a new one.', { reason: 'expired' }],
  member: ['CONFLICT', 'You are a member of this tenant already.', { reason: 'member' }],
};

interface AcceptanceRow extends ActorMembership {
  readonly outcome: string;
}

/** Without a verified address nothing is looked up. The errors are those of {@link AcceptInvitation}. */
export function createInvitationAcceptance(
  database: Pick<Database, 'at' | 'all' | 'sign'>,
): AcceptInvitation {
  return async ({ tokenHash, tenantId, user: { userId, verifiedEmail }, requestId }, unit) => {
    if (verifiedEmail === undefined) {
      throw new PublicError(
        'FORBIDDEN',
        'Your identity provider does not vouch for your e-mail address: its token needs email and email_verified.',
        { requires: 'email:verified' },
      );
    }
    const accepted = [tokenHash, userId, verifiedEmail, requestId] as const;
    const { expires, signature } = database.sign('accept_invitation', ...accepted);
    const ask = async (cell: Database): Promise<AcceptanceRow | undefined> => {
      // A transaction is in one database: in another one, the acceptance is a transaction of its own.
      const [row] =
        unit && database.at(unit.context.tenantId) === cell
          ? await unit.$queryRaw<AcceptanceRow>(
              Prisma.sql`SELECT * FROM tenantry.accept_invitation(${tokenHash}, ${userId}, ${verifiedEmail}, ${requestId}, ${expires}::bigint, ${signature})`,
            )
          : await cell.query<AcceptanceRow & Record<string, unknown>>(
              'SELECT * FROM tenantry.accept_invitation($1, $2, $3, $4, $5, $6)',
              [...accepted, expires, signature],
              { purpose: 'invitation', caller: userId },
            );
      return row;
    };
    let row: AcceptanceRow | undefined;
    for (const cell of tenantId === undefined ? database.all : [database.at(tenantId)]) {
      row = await ask(cell);
      if (row?.outcome !== 'unknown') break;
    }
    if (row?.outcome !== 'accepted') {
      const refusal = REFUSALS[row?.outcome ?? ''];
      if (!refusal) throw new Error(`accept_invitation answered ${String(row?.outcome)}`);
      throw new PublicError(...refusal);
    }
    const { tenant_id: id, slug, name, status, created_at: createdAt, version } = row;
    return {
      id: row.membership_id,
      userId,
      role: row.role,
      joinedAt: row.joined_at,
      tenant: new TenantElsewhere({ id, slug, name, status, createdAt, version }),
    };
  };
}

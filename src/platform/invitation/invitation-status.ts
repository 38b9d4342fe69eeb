import type { Invitation } from '../../generated/prisma/client.js';

export type InvitationStatus = 'pending' | 'accepted' | 'expired' | 'revoked';

type Times = Pick<Invitation, 'acceptedAt' | 'revokedAt' | 'expiresAt'>;

/** The state of an invitation at a given time. An accepted or revoked invitation does not expire. */
export function statusOf({ acceptedAt, revokedAt, expiresAt }: Times, now = new Date()): InvitationStatus {
  if (acceptedAt) return 'accepted';
  if (revokedAt) return 'revoked';
  return expiresAt <= now ? 'expired' : 'pending';
}

/** The condition for rows for which {@link statusOf} returns this status. */
export function havingStatus(status: InvitationStatus, now = new Date()) {
  switch (status) {
    case 'accepted':
      return { acceptedAt: { not: null } };
    case 'revoked':
      return { revokedAt: { not: null } };
    case 'expired':
      return { acceptedAt: null, revokedAt: null, expiresAt: { lte: now } };
    case 'pending':
      return { acceptedAt: null, revokedAt: null, expiresAt: { gt: now } };
  }
}

import type { ApiKey } from '../../generated/prisma/client.js';

export type ApiKeyStatus = 'active' | 'expired' | 'revoked';

/** The present state of a key. A revoked key stays revoked when it expires. */
export function statusOf({ revokedAt, expiresAt }: ApiKey): ApiKeyStatus {
  if (revokedAt) return 'revoked';
  return expiresAt && expiresAt <= new Date() ? 'expired' : 'active';
}

/** The condition for rows for which {@link statusOf} returns this status. */
export function havingStatus(status: ApiKeyStatus, now = new Date()) {
  switch (status) {
    case 'revoked':
      return { revokedAt: { not: null } };
    case 'expired':
      return { revokedAt: null, expiresAt: { lte: now } };
    case 'active':
      return { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] };
  }
}

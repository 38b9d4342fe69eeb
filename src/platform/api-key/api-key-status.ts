import type { ApiKey } from '../../generated/prisma/client.js';

export type ApiKeyStatus = 'active' | 'expired' | 'revoked';

/** The present state of a key. A revoked key stays revoked when it expires. */
export function statusOf({ revokedAt, expiresAt }: ApiKey): ApiKeyStatus {
  if (revokedAt) return 'revoked';
  return expiresAt && expiresAt <= new Date() ? 'expired' : 'active';
}

import type { ApiKey } from '../../generated/prisma/client.js';

export type ApiKeyStatus = 'active' | 'expired' | 'revoked';

/** The state of a key at this moment. One that was revoked stays that when it expires. */
export function statusOf({ revokedAt, expiresAt }: ApiKey): ApiKeyStatus {
  if (revokedAt) return 'revoked';
  return expiresAt && expiresAt <= new Date() ? 'expired' : 'active';
}

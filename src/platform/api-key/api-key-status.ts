import type { ApiKey } from '../../generated/prisma/client.js';

export type ApiKeyStatus = 'active' | 'expired' | 'revoked';

export function statusOf({ revokedAt, expiresAt }: ApiKey): ApiKeyStatus {
  if (revokedAt) return 'revoked';
  return expiresAt && expiresAt <= new Date() ? 'expired' : 'active';
}

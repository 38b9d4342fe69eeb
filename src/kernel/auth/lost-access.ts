import { forbidden, PublicError } from '../vocabulary/errors.js';
import type { Viewer } from '../vocabulary/viewer.js';

/**
 * Refuses a caller who was admitted as `before` and has less access now.
 *
 * @throws TENANT_MISMATCH, FORBIDDEN
 */
export function refuseLostAccess(before: Viewer, now: Viewer): void {
  // A slug may pass from one tenant to another.
  if (now.tenantId !== before.tenantId) {
    throw new PublicError('TENANT_MISMATCH', 'The tenant of this name is another one now.');
  }
  for (const permission of before.permissions) {
    if (!now.permissions.has(permission)) throw forbidden(permission);
  }
}

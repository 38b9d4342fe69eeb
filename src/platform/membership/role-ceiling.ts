import { PublicError } from '../../errors.js';
import type { Role } from '../../access/permissions.js';

/** Refuses to touch a role that stands above the caller's own. */
export const aboveOwnRole = (role: Role): PublicError =>
  new PublicError('FORBIDDEN', `Only a member with the role ${role} may do this.`, {
    requires: `role:${role}`,
  });

/** What types of this module's schema are in code: see codegen.ts. */
export type { AcceptedMembership as AcceptedMembershipMapper } from './accept-invitation.js';
export type { InvitationStatus as InvitationStatusMapper } from './invitation-status.js';

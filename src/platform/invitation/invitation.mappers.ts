/** The TypeScript types of types in this module's schema: see codegen.ts. */
export type { InvitationStatus as InvitationStatusMapper } from './invitation-status.js';

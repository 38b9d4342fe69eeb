/** The TypeScript types of types in this module's schema: see codegen.ts. */
import type { Tenant as TenantRow } from '../../generated/prisma/client.js';
import type { TenantElsewhere } from '../../kernel/graphql/tenant-elsewhere.js';

export type TenantMapper = TenantRow | TenantElsewhere;
export type { TenantStatus as TenantStatusMapper } from '../../kernel/vocabulary/tenant-status.js';
export type { Viewer as ViewerMapper } from '../../kernel/vocabulary/viewer.js';
export type { ViewerMembership as ViewerMembershipMapper } from './viewer-membership.js';

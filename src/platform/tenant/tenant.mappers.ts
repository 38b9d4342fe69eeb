/** The TypeScript types of types in this module's schema: see codegen.ts. */
export type { TenantStatus as TenantStatusMapper } from '../../kernel/vocabulary/tenant-status.js';
export type { Viewer as ViewerMapper } from '../../kernel/vocabulary/viewer.js';

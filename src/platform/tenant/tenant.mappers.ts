/** What types of this module's schema are in code: see codegen.ts. */
export type { TenantStatus as TenantStatusMapper } from '../../kernel/vocabulary/tenant-status.js';
export type { Viewer as ViewerMapper } from '../../kernel/vocabulary/viewer.js';

/** The TypeScript types of types in this module's schema: see codegen.ts. */
export type { TenantExport as TenantExportMapper } from '../../generated/prisma/client.js';
export type TenantExportStatusMapper = 'pending' | 'ready' | 'failed';

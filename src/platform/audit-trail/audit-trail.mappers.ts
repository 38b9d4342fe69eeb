/** The TypeScript types of types in this module's schema: see codegen.ts. */
export type { Defect as AuditDefectMapper } from 'tenantry-verify';
export type { ExportFormat as AuditExportFormatMapper } from '../../services/audit-trail/export-trail.js';

/** Makes existing tables tenant-scoped while they are in use: see tenantize.ts. */
export { neighboursOf, readTables, type Table } from './catalog.js';
export { TenantizeError } from './error.js';
export type { Migration, Project } from './project.js';
export { refusals } from './refusals.js';
export { shellWords } from './sql.js';
export {
  finishTenantize,
  tenantize,
  type Plan,
  type TenantizeOptions,
  type WrittenStep,
} from './tenantize.js';
export { undoTenantize } from './undo.js';

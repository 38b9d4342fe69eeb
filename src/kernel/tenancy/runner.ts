import type { TenantOperation } from './tenant-operation.js';

/** How the operations of a client or of a transaction reach the database, once they are narrowed to the tenant. */
export interface Runner {
  read(operation: TenantOperation): Promise<unknown>;
  write(operation: TenantOperation): Promise<unknown>;
}

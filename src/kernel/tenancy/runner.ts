import type { TenantOperation } from './tenant-operation.js';

/** Runs the operations of a client or of a transaction, after they are narrowed to the tenant. */
export interface Runner {
  read(operation: TenantOperation): Promise<unknown>;
  write(operation: TenantOperation): Promise<unknown>;
}

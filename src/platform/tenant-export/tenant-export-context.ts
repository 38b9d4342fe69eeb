/** What exports add to the context of every request and job. */
import type { ServerParts } from '../../kernel/graphql/module.js';
import type { TenantExports } from '../../services/lifecycle/tenant-exports.js';

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    readonly tenantExports: TenantExports;
  }
}

/** What the module adds to the context of every request. */
export const tenantExportContext = ({ tenantExports }: ServerParts) => ({ tenantExports });

import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { usersOnly } from '../../kernel/graphql/users-only.js';
import { tenantExportContext } from './tenant-export-context.js';
import { jobs } from './tenant-export.jobs.js';
import { resolvers } from './tenant-export.resolvers.js';

/** Exports of the whole tenant, for its owners: docs/tenant-life.md. */
export const tenantExportModule = defineModule({
  name: 'tenant-export',
  typeDefs: readSchema(import.meta.url, 'tenant-export.graphql'),
  resolvers,
  context: tenantExportContext,
  jobs,
  quotas: { exportStorage: 'TenantExportChunk' },
  permissions: { 'tenant:export': ['owner'] },
  whileErasing: ['Query.exports', 'Mutation.requestTenantExport', 'Mutation.linkTenantExport'],
  // An API key could not be asked again when the link is opened.
  rules: { 'Mutation.requestTenantExport': usersOnly, 'Mutation.linkTenantExport': usersOnly },
});

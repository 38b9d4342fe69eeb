import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { jobs } from './tenant.jobs.js';
import { membershipsContext } from './memberships-elsewhere.js';
import { nodes, resolvers } from './tenant.resolvers.js';
import { tenantContext } from './usage.js';

/** The caller, the tenant they act in, and its changes by owners and administrators. */
export const tenantModule = defineModule({
  name: 'tenant',
  typeDefs: readSchema(import.meta.url, 'tenant.graphql'),
  resolvers,
  jobs,
  nodes,
  mayLag: ['Query.me', 'Query.tenant'],
  context: (parts) => ({ ...tenantContext(parts), ...membershipsContext(parts.database) }),
  // No field shows the first column; it tells no more than the times of the entries. Every member is told the second.
  audit: { Tenant: { columns: { updated_at: 'createdAt', suspension_reason: 'status' } } },
  permissions: {
    'billing:manage': ['owner'],
    'settings:manage': ['owner', 'admin'],
  },
});

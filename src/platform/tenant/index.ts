import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './tenant.resolvers.js';

/** The caller, the tenant they act in, and what its owners and administrators change of it. */
export const tenantModule = defineModule({
  name: 'tenant',
  typeDefs: readSchema(import.meta.url, 'tenant.graphql'),
  resolvers,
  // No field shows it; it says no more than the times of the entries do.
  audit: { Tenant: { columns: { updated_at: 'createdAt' } } },
  permissions: {
    'billing:manage': ['owner'],
    'settings:manage': ['owner', 'admin'],
  },
});

import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './tenant.resolvers.js';

/** The caller, the tenant they act in, and its changes by owners and administrators. */
export const tenantModule = defineModule({
  name: 'tenant',
  typeDefs: readSchema(import.meta.url, 'tenant.graphql'),
  resolvers,
  // No field shows this column; it tells no more than the times of the entries.
  audit: { Tenant: { columns: { updated_at: 'createdAt' } } },
  permissions: {
    'billing:manage': ['owner'],
    'settings:manage': ['owner', 'admin'],
  },
});

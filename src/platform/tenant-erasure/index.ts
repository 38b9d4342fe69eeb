import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { usersOnly } from '../../kernel/graphql/users-only.js';
import { tenantErasureContext } from './tenant-erasure-context.js';
import { resolvers } from './tenant-erasure.resolvers.js';

/** The erasure of a tenant, and of one person in it, for owners: docs/tenant-life.md. */
export const tenantErasureModule = defineModule({
  name: 'tenant-erasure',
  typeDefs: readSchema(import.meta.url, 'tenant-erasure.graphql'),
  resolvers,
  context: tenantErasureContext,
  permissions: { 'tenant:erase': ['owner'], 'persons:erase': ['owner'] },
  rules: {
    'Mutation.requestTenantErasure': usersOnly,
    'Mutation.cancelTenantErasure': usersOnly,
    'Mutation.erasePerson': usersOnly,
  },
  whileErasing: ['Query.tenantErasure', 'Mutation.requestTenantErasure', 'Mutation.cancelTenantErasure'],
});

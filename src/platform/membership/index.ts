import { usersOnly } from '../../kernel/graphql/users-only.js';
import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './membership.resolvers.js';

/** Who belongs to the tenant, and with which role. */
export const membershipModule = defineModule({
  name: 'membership',
  typeDefs: readSchema(import.meta.url, 'membership.graphql'),
  resolvers,
  rules: { 'Mutation.changeMemberRole': usersOnly, 'Mutation.removeMember': usersOnly },
  permissions: {
    'members:read': ['owner', 'admin', 'member', 'viewer'],
    'users:manage': ['owner', 'admin'],
  },
});

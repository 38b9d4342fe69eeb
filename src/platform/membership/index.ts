import { usersOnly } from '../../kernel/graphql/users-only.js';
import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './membership.resolvers.js';

/** The members of the tenant and their roles. */
export const membershipModule = defineModule({
  name: 'membership',
  typeDefs: readSchema(import.meta.url, 'membership.graphql'),
  resolvers,
  mayLag: ['Query.members'],
  quotas: { members: 'Membership' },
  rules: { 'Mutation.changeMemberRole': usersOnly, 'Mutation.removeMember': usersOnly },
  permissions: {
    'members:read': ['owner', 'admin', 'member', 'viewer'],
    'users:manage': ['owner', 'admin'],
  },
});

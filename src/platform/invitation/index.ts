import { usersOnly } from '../../kernel/graphql/users-only.js';
import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { invitationContext } from './invitation-context.js';
import { jobs } from './invitation.jobs.js';
import { resolvers } from './invitation.resolvers.js';

/** Users become members by an invitation by mail, with a link that works once. */
export const invitationModule = defineModule({
  name: 'invitation',
  typeDefs: readSchema(import.meta.url, 'invitation.graphql'),
  resolvers,
  context: invitationContext,
  jobs,
  rules: { 'Mutation.inviteMember': usersOnly, 'Mutation.revokeInvitation': usersOnly },
});

import { usersOnly } from '../../kernel/graphql/users-only.js';
import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './api-key.resolvers.js';

/** How programs call. Recognising a key is the kernel's business: src/kernel/auth/authenticate.ts. */
export const apiKeyModule = defineModule({
  name: 'api-key',
  typeDefs: readSchema(import.meta.url, 'api-key.graphql'),
  resolvers,
  rules: { 'Mutation.createApiKey': usersOnly, 'Mutation.revokeApiKey': usersOnly },
});

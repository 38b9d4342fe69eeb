import { usersOnly } from '../../access/users-only.js';
import { defineModule, readSchema } from '../../graphql/module.js';
import { resolvers } from './api-key.resolvers.js';

/** How programs call. Recognising a key is the kernel's business: src/auth/authenticate.ts. */
export const apiKeyModule = defineModule({
  name: 'api-key',
  typeDefs: readSchema(import.meta.url, 'api-key.graphql'),
  resolvers,
  rules: { 'Mutation.createApiKey': usersOnly, 'Mutation.revokeApiKey': usersOnly },
});

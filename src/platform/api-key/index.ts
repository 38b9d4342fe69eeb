import { usersOnly } from '../../kernel/graphql/users-only.js';
import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './api-key.resolvers.js';

/** API keys, the credentials of programs. The kernel verifies them: src/kernel/auth/authenticate.ts. */
export const apiKeyModule = defineModule({
  name: 'api-key',
  typeDefs: readSchema(import.meta.url, 'api-key.graphql'),
  resolvers,
  // Of the entry `api_key.used_from_new_address`.
  audit: { ApiKey: { columns: { address: 'audit:read', left_out: 'audit:read' } } },
  quotas: { apiKeys: 'ApiKey' },
  rules: { 'Mutation.createApiKey': usersOnly, 'Mutation.revokeApiKey': usersOnly },
});

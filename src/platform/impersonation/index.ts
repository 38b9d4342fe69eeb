import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './impersonation.resolvers.js';

/**
 * What the tenant sees of operators who act in it, and how it ends that. Operators begin one at their own door:
 * services/operator/impersonations.ts.
 */
export const impersonationModule = defineModule({
  name: 'impersonation',
  typeDefs: readSchema(import.meta.url, 'impersonation.graphql'),
  resolvers,
  permissions: { 'impersonations:end': ['owner'] },
});

import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { usersOnly } from '../../kernel/graphql/users-only.js';
import { auditTrailContext } from './audit-trail-context.js';
import { resolvers } from './audit-trail.resolvers.js';

/** Verifies the sealed audit log, proves entries, and deletes values from it: docs/audit-trail.md. */
export const auditTrailModule = defineModule({
  name: 'audit-trail',
  typeDefs: readSchema(import.meta.url, 'audit-trail.graphql'),
  resolvers,
  permissions: { 'audit:redact': ['owner'], 'audit:export': ['owner'] },
  // An API key could not be asked again when the link is opened.
  rules: { 'Mutation.exportAuditLog': usersOnly },
  context: auditTrailContext,
});

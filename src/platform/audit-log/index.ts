import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { resolvers } from './audit-log.resolvers.js';

/** Reading the audit log. Writing it is the database's business: see the migration of the kernel. */
export const auditLogModule = defineModule({
  name: 'audit-log',
  typeDefs: readSchema(import.meta.url, 'audit-log.graphql'),
  resolvers,
  permissions: { 'audit:read': ['owner', 'admin'] },
});

import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { auditReadContext, entriesById } from './audit-reads.js';
import { resolvers } from './audit-log.resolvers.js';

/** Reads the audit log. The database writes it: see the migration of the kernel. */
export const auditLogModule = defineModule({
  name: 'audit-log',
  typeDefs: readSchema(import.meta.url, 'audit-log.graphql'),
  resolvers,
  nodes: { AuditEntry: entriesById },
  context: auditReadContext,
  audit: {
    Access: {
      columns: {
        mutation: 'audit:read',
        requires: 'audit:read',
        host: 'audit:read',
        left_out: 'audit:read',
      },
    },
    // What operators of the service read and do in the tenant, and why: services/operator/operator-connection.ts.
    OperatorAccess: { columns: { reason: 'audit:read' } },
  },
  permissions: { 'audit:read': ['owner', 'admin'] },
});

/** What the audit trail adds to the context of every request. */
import type { ServerParts } from '../../kernel/graphql/module.js';
import type { AuditTrail } from '../../services/audit-trail/audit-trail.js';

declare module '../../kernel/graphql/request-context.js' {
  interface ModuleContext {
    readonly auditTrail: AuditTrail;
  }
}

/** What the module adds to the context of every request. */
export const auditTrailContext = ({ auditTrail }: ServerParts) => ({ auditTrail });

/** The installed modules, in the order of the schema. Remove a line to remove a module. */
import { conversationModule } from './example/conversation/index.js';
import { messageModule } from './example/message/index.js';
import type { Module } from './kernel/graphql/module.js';
import { apiKeyModule } from './platform/api-key/index.js';
import { auditLogModule } from './platform/audit-log/index.js';
import { auditTrailModule } from './platform/audit-trail/index.js';
import { eventModule } from './platform/event/index.js';
import { impersonationModule } from './platform/impersonation/index.js';
import { invitationModule } from './platform/invitation/index.js';
import { jobModule } from './platform/job/index.js';
import { membershipModule } from './platform/membership/index.js';
import { tenantExportModule } from './platform/tenant-export/index.js';
import { tenantErasureModule } from './platform/tenant-erasure/index.js';
import { tenantModule } from './platform/tenant/index.js';
import { webhookModule } from './platform/webhook/index.js';

export const modules: readonly Module[] = [
  tenantModule,
  membershipModule,
  invitationModule,
  apiKeyModule,
  auditLogModule,
  auditTrailModule,
  impersonationModule,
  eventModule,
  jobModule,
  webhookModule,
  tenantExportModule,
  tenantErasureModule,
  conversationModule,
  messageModule,
];

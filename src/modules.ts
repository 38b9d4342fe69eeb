/** The installed modules, in the order their parts appear in the schema. Delete a line, lose a domain. */
import { conversationModule } from './example/conversation/index.js';
import { messageModule } from './example/message/index.js';
import type { Module } from './kernel/graphql/module.js';
import { apiKeyModule } from './platform/api-key/index.js';
import { auditLogModule } from './platform/audit-log/index.js';
import { invitationModule } from './platform/invitation/index.js';
import { membershipModule } from './platform/membership/index.js';
import { tenantModule } from './platform/tenant/index.js';

export const modules: readonly Module[] = [
  tenantModule,
  membershipModule,
  invitationModule,
  apiKeyModule,
  auditLogModule,
  conversationModule,
  messageModule,
];

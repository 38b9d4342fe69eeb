/** The pages, in the order of the navigation. Remove a line to remove a page. */
import { conversationPage, conversationsPage } from './example/conversations/index.js';
import type { Page } from './page.js';
import { apiKeysPage } from './platform/api-keys/index.js';
import { auditLogPage } from './platform/audit-log/index.js';
import { exportsPage } from './platform/exports/index.js';
import { invitationsPage } from './platform/invitations/index.js';
import { jobsPage } from './platform/jobs/index.js';
import { membersPage } from './platform/members/index.js';
import { overviewPage } from './platform/overview/index.js';
import { planPage } from './platform/plan/index.js';
import { rolesPage } from './platform/roles/index.js';
import { settingsPage } from './platform/settings/index.js';
import { webhooksPage } from './platform/webhooks/index.js';

export const pages: readonly Page[] = [
  overviewPage,
  conversationsPage,
  conversationPage,
  membersPage,
  invitationsPage,
  rolesPage,
  apiKeysPage,
  webhooksPage,
  jobsPage,
  auditLogPage,
  settingsPage,
  planPage,
  exportsPage,
];

import type { Page } from '../../page.js';

export const auditLogPage: Page = {
  path: '/audit-log',
  name: 'audit-log',
  title: { en: 'Audit log', de: 'Protokoll' },
  group: 'trail',
  needs: ['AUDIT_READ'],
  load: () => import('./audit-log-page.js'),
  cache: { changes: { endImpersonation: ['impersonations'] } },
};

import type { Page } from '../../page.js';

export const exportsPage: Page = {
  path: '/exports',
  name: 'exports',
  title: { en: 'Exports and erasure', de: 'Export und Löschung' },
  group: 'tenant',
  needs: ['TENANT_EXPORT'],
  load: () => import('./exports-page.js'),
  cache: { changes: { requestTenantExport: ['exports'] } },
};

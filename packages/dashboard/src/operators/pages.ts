/** The pages of the operators' console, in the order of the navigation. */
import type { Page } from '../page.js';
import type { OperatorPermission } from './generated/graphql.js';

export const pages: readonly Page<OperatorPermission, 'service'>[] = [
  {
    path: '/',
    name: 'tenants',
    title: { en: 'Tenants', de: 'Mandanten' },
    group: 'service',
    // Who may not read the list names the tenant.
    needs: [],
    load: () => import('./tenants/tenants-page.js'),
  },
  {
    path: '/usage',
    name: 'usage',
    title: { en: 'Usage', de: 'Nutzung' },
    group: 'service',
    needs: ['TENANTS_READ'],
    load: () => import('./usage/usage-page.js'),
  },
  {
    path: '/tenants/$slug',
    name: 'tenant',
    title: { en: 'Tenant', de: 'Mandant' },
    group: undefined,
    needs: [],
    load: () => import('./tenant/tenant-page.js'),
  },
];

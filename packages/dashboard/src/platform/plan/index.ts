import type { Page } from '../../page.js';

export const planPage: Page = {
  path: '/plan',
  name: 'plan',
  title: { en: 'Plan', de: 'Tarif' },
  group: 'tenant',
  needs: ['BILLING_MANAGE'],
  load: () => import('./plan-page.js'),
};

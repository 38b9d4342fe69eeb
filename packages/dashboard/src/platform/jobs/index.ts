import type { Page } from '../../page.js';

export const jobsPage: Page = {
  path: '/jobs',
  name: 'jobs',
  title: { en: 'Jobs', de: 'Aufträge' },
  group: 'developers',
  needs: ['JOBS_MANAGE'],
  load: () => import('./jobs-page.js'),
};

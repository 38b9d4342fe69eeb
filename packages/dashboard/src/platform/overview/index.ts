import type { Page } from '../../page.js';

export const overviewPage: Page = {
  path: '/',
  name: 'overview',
  title: { en: 'Overview', de: 'Übersicht' },
  group: 'work',
  needs: [],
  load: () => import('./overview-page.js'),
};

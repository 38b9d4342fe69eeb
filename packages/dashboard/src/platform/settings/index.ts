import type { Page } from '../../page.js';

export const settingsPage: Page = {
  path: '/settings',
  name: 'settings',
  title: { en: 'Settings', de: 'Einstellungen' },
  group: 'tenant',
  needs: ['SETTINGS_MANAGE'],
  load: () => import('./settings-page.js'),
};

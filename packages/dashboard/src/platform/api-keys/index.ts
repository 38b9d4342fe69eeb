import type { Page } from '../../page.js';

export const apiKeysPage: Page = {
  path: '/api-keys',
  name: 'api-keys',
  title: { en: 'API keys', de: 'API-Schlüssel' },
  group: 'developers',
  needs: ['SETTINGS_MANAGE'],
  load: () => import('./api-keys-page.js'),
  cache: { changes: { createApiKey: ['apiKeys'] } },
};

import type { Page } from '../../page.js';

export const webhooksPage: Page = {
  path: '/webhooks',
  name: 'webhooks',
  title: { en: 'Webhooks', de: 'Webhooks' },
  group: 'developers',
  needs: ['WEBHOOKS_MANAGE'],
  load: () => import('./webhooks-page.js'),
  cache: {
    changes: {
      createWebhook: ['webhooks'],
      deleteWebhook: ['webhooks', 'webhookDeliveries'],
      testWebhook: ['webhookDeliveries'],
    },
  },
};

import type { Page } from '../../page.js';

export const invitationsPage: Page = {
  path: '/invitations',
  name: 'invitations',
  title: { en: 'Invitations', de: 'Einladungen' },
  group: 'people',
  needs: ['USERS_MANAGE'],
  load: () => import('./invitations-page.js'),
  cache: { changes: { inviteMember: ['invitations'] } },
};

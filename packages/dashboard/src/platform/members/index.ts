import type { Page } from '../../page.js';

export const membersPage: Page = {
  path: '/members',
  name: 'members',
  title: { en: 'Members', de: 'Mitglieder' },
  group: 'people',
  needs: ['MEMBERS_READ'],
  load: () => import('./members-page.js'),
  cache: { changes: { removeMember: ['members'], changeMemberRole: ['members'] } },
};

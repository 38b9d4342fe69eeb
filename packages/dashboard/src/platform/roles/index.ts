import type { Page } from '../../page.js';

export const rolesPage: Page = {
  path: '/roles',
  name: 'roles',
  title: { en: 'Roles', de: 'Rollen' },
  group: 'people',
  needs: [],
  load: () => import('./roles-page.js'),
};

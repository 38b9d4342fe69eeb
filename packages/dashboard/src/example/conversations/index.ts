import type { Page } from '../../page.js';
import { cache } from './cache.js';

export const conversationsPage: Page = {
  path: '/conversations',
  name: 'conversations',
  title: { en: 'Conversations', de: 'Unterhaltungen' },
  group: 'work',
  needs: ['CONVERSATIONS_READ'],
  load: () => import('./conversations-page.js'),
  cache,
};

export const conversationPage: Page = {
  path: '/conversations/$id',
  name: 'conversations',
  title: { en: 'Conversation', de: 'Unterhaltung' },
  group: undefined,
  needs: ['CONVERSATIONS_READ'],
  load: () => import('./conversation-page.js'),
};

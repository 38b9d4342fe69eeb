import { defineModule, readSchema } from '../../kernel/graphql/module.js';
import { seedDemo } from './conversation.seed.js';
import { resolvers } from './conversation.resolvers.js';
import { settings } from './conversation.settings.js';

export const conversationModule = defineModule({
  name: 'conversation',
  typeDefs: readSchema(import.meta.url, 'conversation.graphql'),
  resolvers,
  mayLag: ['Query.conversation', 'Query.conversations'],
  quotas: { conversations: 'Conversation' },
  settings,
  permissions: {
    'conversations:read': ['owner', 'admin', 'member', 'viewer'],
    'conversations:write': ['owner', 'admin', 'member'],
  },
  seedDemo,
});

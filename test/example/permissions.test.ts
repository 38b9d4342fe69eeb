/**
 * Proves which role may read which field of the example, on a server with all modules, like a product with its own
 * domain. The table is the review, as in test/platform/permissions.test.ts. Arguments and rows are derived from the
 * schema and the data model.
 */
import { conversationModule } from '../../src/example/conversation/index.js';
import { messageModule } from '../../src/example/message/index.js';
import { provePermissions } from '../support/permission-matrix.js';
import { useServer } from '../support/server.js';

const read = 'conversations:read';
const write = 'conversations:write';

provePermissions(useServer(), [conversationModule, messageModule], {
  grants: { owner: [read, write], admin: [read, write], member: [read, write], viewer: [read] },
  guards: {
    Query: { conversation: read, conversations: read },
    Mutation: {
      createConversation: write,
      updateConversation: write,
      deleteConversation: write,
      postMessage: write,
    },
    Subscription: { conversationChanged: read, messagePosted: read },
    Conversation: { '*': read, author: 'members:read' },
    ConversationChange: read,
    ConversationConnection: read,
    ConversationEdge: read,
    CreateConversationPayload: read,
    UpdateConversationPayload: read,
    DeleteConversationPayload: write,
    Message: { '*': read, author: 'members:read' },
    MessageConnection: read,
    MessageEdge: read,
    PostMessagePayload: read,
  },
});

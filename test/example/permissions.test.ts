/**
 * Proves which role is given which field of the whole installed schema, the example domain beside the platform: what
 * a product with a domain of its own looks like. The tables are the review, as in test/platform/permissions.test.ts.
 */
import { modules } from '../../src/modules.js';
import { insertConversation, insertMessage } from '../support/example-rows.js';
import { provePermissions, type PermissionTable } from '../support/permission-matrix.js';
import {
  PLATFORM_ARGUMENTS,
  PLATFORM_GRANTS,
  PLATFORM_GUARDS,
  PLATFORM_MUTATIONS,
  PLATFORM_QUERIES,
} from '../support/platform-permissions.js';
import { useServer } from '../support/server.js';

const grants: PermissionTable['grants'] = {
  owner: [...PLATFORM_GRANTS.owner, 'conversations:read', 'conversations:write'],
  admin: [...PLATFORM_GRANTS.admin, 'conversations:read', 'conversations:write'],
  member: [...PLATFORM_GRANTS.member, 'conversations:read', 'conversations:write'],
  viewer: [...PLATFORM_GRANTS.viewer, 'conversations:read'],
};

const guards: PermissionTable['guards'] = {
  ...PLATFORM_GUARDS,
  Query: { ...PLATFORM_QUERIES, conversation: 'conversations:read', conversations: 'conversations:read' },
  Mutation: {
    ...PLATFORM_MUTATIONS,
    createConversation: 'conversations:write',
    updateConversation: 'conversations:write',
    deleteConversation: 'conversations:write',
    postMessage: 'conversations:write',
  },
  Subscription: { conversationChanged: 'conversations:read', messagePosted: 'conversations:read' },
  ConversationChange: {
    kind: 'conversations:read',
    id: 'conversations:read',
    conversation: 'conversations:read',
  },
  Conversation: {
    id: 'conversations:read',
    subject: 'conversations:read',
    body: 'conversations:read',
    userId: 'conversations:read',
    author: 'members:read',
    createdAt: 'conversations:read',
    updatedAt: 'conversations:read',
    version: 'conversations:read',
    messages: 'conversations:read',
  },
  ConversationConnection: {
    nodes: 'conversations:read',
    edges: 'conversations:read',
    pageInfo: 'conversations:read',
    totalCount: 'conversations:read',
  },
  ConversationEdge: { node: 'conversations:read', cursor: 'conversations:read' },
  CreateConversationPayload: { conversation: 'conversations:read' },
  UpdateConversationPayload: { conversation: 'conversations:read' },
  DeleteConversationPayload: { deletedId: 'conversations:write' },
  Message: {
    id: 'conversations:read',
    conversationId: 'conversations:read',
    body: 'conversations:read',
    userId: 'conversations:read',
    createdAt: 'conversations:read',
    author: 'members:read',
  },
  MessageConnection: {
    nodes: 'conversations:read',
    edges: 'conversations:read',
    pageInfo: 'conversations:read',
    totalCount: 'conversations:read',
  },
  MessageEdge: { node: 'conversations:read', cursor: 'conversations:read' },
  PostMessagePayload: { message: 'conversations:read' },
};

provePermissions(useServer(), modules, {
  grants,
  guards,
  arguments: {
    ...PLATFORM_ARGUMENTS,
    'Query.conversation': async ({ database }) => {
      const conversationId = await insertConversation(database, 'acme');
      await insertMessage(database, 'acme', { conversationId });
      return { id: conversationId };
    },
    'Query.conversations': () => ({ first: 1 }),
    'Subscription.conversationChanged': () => ({}),
    'Subscription.messagePosted': async ({ database }) => ({
      conversationId: await insertConversation(database, 'acme'),
    }),
    'Mutation.createConversation': () => ({ input: { body: 'a body' } }),
    'Mutation.updateConversation': async ({ database }) => ({
      input: { id: await insertConversation(database, 'acme'), body: 'another body' },
    }),
    'Mutation.deleteConversation': async ({ database }) => ({
      input: { id: await insertConversation(database, 'acme') },
    }),
    'Mutation.postMessage': async ({ database }) => ({
      input: { conversationId: await insertConversation(database, 'acme'), body: 'a message' },
    }),
  },
});

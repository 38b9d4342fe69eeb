/** What the cache does when conversations change: here at once, elsewhere when the server says so. */
import type { Cache } from '@urql/exchange-graphcache';
import type {
  ConversationChangedSubscription,
  MessagePostedSubscription,
  UpdateConversationMutationVariables,
} from '../../generated/graphql.js';
import { readAgain, type CacheParts } from '../../session/cache.js';

const LISTS = ['conversations'];

/** Has the messages of a conversation read again where they are shown. */
function readMessagesAgain(cache: Cache, conversationId: string): void {
  const key = cache.keyOfEntity({ __typename: 'Conversation', id: conversationId });
  for (const { fieldName, fieldKey } of cache.inspectFields(key)) {
    if (fieldName === 'messages') cache.invalidate(key, fieldKey);
  }
}

export const cache: CacheParts = {
  changes: { createConversation: LISTS, deleteConversation: LISTS },
  optimistic: {
    // Shown at once. When the server refuses it, what was there before is shown again.
    updateConversation: (_arguments, store, { variables }) => {
      const { id, subject, body } = variables as UpdateConversationMutationVariables;
      const key = store.keyOfEntity({ __typename: 'Conversation', id });
      return {
        __typename: 'UpdateConversationPayload',
        conversation: {
          __typename: 'Conversation',
          id,
          subject: subject ?? null,
          body: body ?? store.resolve(key, 'body'),
          version: store.resolve(key, 'version'),
          updatedAt: store.resolve(key, 'updatedAt'),
        },
      };
    },
  },
  mutations: {
    postMessage: (_result, arguments_, store) => {
      const { conversationId } = (arguments_ as { input: { conversationId: string } }).input;
      readMessagesAgain(store, conversationId);
    },
  },
  subscriptions: {
    conversationChanged: (result, _arguments, store) => {
      const { conversationChanged: change } = result as unknown as ConversationChangedSubscription;
      // A change of the row itself was written to the cache already. Which lists it belongs to, the server knows.
      if (change?.kind === 'DELETED')
        store.invalidate({ __typename: 'Conversation', id: change.conversationId });
      if (change) readAgain(store, LISTS);
    },
    messagePosted: (result, _arguments, store) => {
      const { messagePosted: message } = result as unknown as MessagePostedSubscription;
      if (message) readMessagesAgain(store, message.conversationId);
    },
  },
};

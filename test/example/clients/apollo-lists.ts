import type { ApolloClient } from '@apollo/client';
import { ConversationChangedDocument, ConversationsDocument } from './generated/graphql.js';

/** Lets rows that others make and delete come and go in lists, until the returned function is called. */
export function followConversations(client: ApolloClient): () => void {
  const subscription = client.subscribe({ query: ConversationChangedDocument }).subscribe(({ data }) => {
    const { kind, conversationId: id } = data?.conversationChanged ?? {};
    if (kind === 'DELETED') {
      // `relayStylePagination` leaves out rows that the cache does not have.
      client.cache.evict({ id: client.cache.identify({ __typename: 'Conversation', id: id ?? '' }) ?? '' });
      client.cache.gc();
    }
    // Its place depends on the list's order and filter, which the server knows.
    if (kind === 'CREATED') void client.refetchQueries({ include: [ConversationsDocument] });
  });
  return () => subscription.unsubscribe();
}

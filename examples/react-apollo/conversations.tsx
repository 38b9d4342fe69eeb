import { useApolloClient, useMutation, useQuery } from '@apollo/client/react';
import { useEffect } from 'react';
import { followConversations } from '../../test/example/clients/apollo-lists.js';
import {
  ConversationsDocument,
  CreateConversationDocument,
  UpdateConversationDocument,
} from '../../test/example/clients/generated/graphql.js';
import { ConversationList, PAGE } from '../conversation-list.js';

export function Conversations() {
  const client = useApolloClient();
  // What others change, and what this page creates, arrives as events.
  useEffect(() => followConversations(client), [client]);
  const { data, error, fetchMore } = useQuery(ConversationsDocument, { variables: { first: PAGE } });
  const [create, created] = useMutation(CreateConversationDocument);
  const [update, updated] = useMutation(UpdateConversationDocument);
  const list = data?.conversations;
  const { hasNextPage = false, endCursor = null } = list?.pageInfo ?? {};
  return (
    <ConversationList
      rows={list?.edges.map(({ node }) => node) ?? []}
      problem={(error ?? created.error ?? updated.error)?.message}
      more={hasNextPage ? () => void fetchMore({ variables: { after: endCursor } }) : undefined}
      create={(subject) => void create({ variables: { input: { subject, body: subject } } })}
      rename={(id, subject) => void update({ variables: { input: { id, subject } } })}
    />
  );
}

import { useEffect, useState } from 'react';
import { useMutation, useQuery, useSubscription } from 'urql';
import {
  ConversationChangedDocument,
  ConversationsDocument,
  CreateConversationDocument,
  UpdateConversationDocument,
} from '../../test/example/clients/generated/graphql.js';
import { ConversationList, PAGE } from '../conversation-list.js';

export function Conversations() {
  const [after, setAfter] = useState<string | null>(null);
  const [{ data, error }] = useQuery({ query: ConversationsDocument, variables: { first: PAGE, after } });
  const [created, create] = useMutation(CreateConversationDocument);
  const [updated, update] = useMutation(UpdateConversationDocument);
  // What others change, and what this page creates, arrives as events. The cache takes them in.
  const [{ data: event }] = useSubscription({ query: ConversationChangedDocument });
  const change = event?.conversationChanged;
  useEffect(() => {
    // The cache has dropped the pages of the list, so it is read from the start.
    if (change?.kind === 'CREATED') setAfter(null);
  }, [change]);
  const list = data?.conversations;
  const { hasNextPage = false, endCursor = null } = list?.pageInfo ?? {};
  return (
    <ConversationList
      rows={list?.edges.map(({ node }) => node) ?? []}
      problem={(error ?? created.error ?? updated.error)?.message}
      more={hasNextPage ? () => setAfter(endCursor) : undefined}
      create={(subject) => void create({ input: { subject, body: subject } })}
      rename={(id, subject) => void update({ input: { id, subject } })}
    />
  );
}

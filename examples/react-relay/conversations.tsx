import { useMemo, useState } from 'react';
import { graphql, useLazyLoadQuery, useMutation, usePaginationFragment, useSubscription } from 'react-relay';
import { ConnectionHandler, type GraphQLSubscriptionConfig, type PayloadError } from 'relay-runtime';
import { ConversationList, PAGE } from '../conversation-list.js';
import type { conversationsChangedSubscription } from './__generated__/conversationsChangedSubscription.graphql.js';
import type { conversationsCreateMutation } from './__generated__/conversationsCreateMutation.graphql.js';
import type { conversationsNextPageQuery } from './__generated__/conversationsNextPageQuery.graphql.js';
import type { conversationsQuery } from './__generated__/conversationsQuery.graphql.js';
import type { conversationsUpdateMutation } from './__generated__/conversationsUpdateMutation.graphql.js';
import type { conversations_list$key } from './__generated__/conversations_list.graphql.js';

interface ConversationsProps {
  /** The list is read again when it grows. */
  readonly readings: number;
  readonly readAgain: () => void;
}

export function Conversations({ readings, readAgain }: ConversationsProps) {
  const query = useLazyLoadQuery<conversationsQuery>(
    graphql`
      query conversationsQuery($count: Int!) {
        ...conversations_list @arguments(count: $count)
      }
    `,
    { count: PAGE },
    { fetchKey: readings, fetchPolicy: 'store-and-network' },
  );
  const { data, hasNext, loadNext } = usePaginationFragment<
    conversationsNextPageQuery,
    conversations_list$key
  >(
    graphql`
      fragment conversations_list on Query
      @refetchable(queryName: "conversationsNextPageQuery")
      @argumentDefinitions(count: { type: "Int" }, cursor: { type: "String" }) {
        conversations(first: $count, after: $cursor) @connection(key: "conversations_conversations") {
          edges {
            node {
              id
              subject
            }
          }
        }
      }
    `,
    query,
  );
  const [problem, setProblem] = useState<string>();
  const outcome = {
    onCompleted: (_answer: unknown, errors: readonly PayloadError[] | null) =>
      setProblem(errors?.[0]?.message),
    onError: (error: Error) => setProblem(error.message),
  };
  const [create] = useMutation<conversationsCreateMutation>(graphql`
    mutation conversationsCreateMutation($input: CreateConversationInput!) {
      createConversation(input: $input) {
        conversation {
          id
          subject
        }
      }
    }
  `);
  const [update] = useMutation<conversationsUpdateMutation>(graphql`
    mutation conversationsUpdateMutation($input: UpdateConversationInput!) {
      updateConversation(input: $input) {
        conversation {
          id
          subject
        }
      }
    }
  `);
  // What others change, and what this page creates, arrives as events.
  useSubscription(
    useMemo<GraphQLSubscriptionConfig<conversationsChangedSubscription>>(
      () => ({
        subscription: graphql`
          subscription conversationsChangedSubscription {
            conversationChanged {
              kind
              conversationId
              conversation {
                id
                subject
              }
            }
          }
        `,
        variables: {},
        updater: (store, answer) => {
          const change = answer?.conversationChanged;
          const list = ConnectionHandler.getConnection(store.getRoot(), 'conversations_conversations');
          if (change?.kind === 'DELETED' && list) ConnectionHandler.deleteNode(list, change.conversationId);
        },
        onNext: (answer) => {
          // Its place depends on the list's order, which the server knows.
          if (answer?.conversationChanged?.kind === 'CREATED') readAgain();
        },
      }),
      [readAgain],
    ),
  );
  return (
    <ConversationList
      rows={data.conversations?.edges.map(({ node }) => node) ?? []}
      problem={problem}
      more={hasNext ? () => void loadNext(PAGE) : undefined}
      create={(subject) => void create({ variables: { input: { subject, body: subject } }, ...outcome })}
      rename={(id, subject) => void update({ variables: { input: { id, subject } }, ...outcome })}
    />
  );
}

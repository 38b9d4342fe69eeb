import {
  Client,
  fetchExchange,
  makeOperation,
  mapExchange,
  subscriptionExchange,
  type Operation,
} from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import type { Sink } from 'graphql-ws';
import type { ConversationChangedSubscription, UpdateConversationInput } from './generated/graphql.js';
import type { Session } from './session.js';
import { createSubscriptionClient } from './subscription-client.js';

export function createUrqlClient({ url, token, fetch, webSocket }: Session): Client {
  const authorize = mapExchange({
    async onOperation(operation) {
      const { context } = operation;
      const options =
        typeof context.fetchOptions === 'function' ? context.fetchOptions() : context.fetchOptions;
      const headers = new Headers(options?.headers);
      headers.set('authorization', `Bearer ${await token()}`);
      const fetchOptions = { ...options, headers: Object.fromEntries(headers) };
      return makeOperation(operation.kind, operation, { ...context, fetchOptions });
    },
  });
  const cache = cacheExchange({
    resolvers: { Query: { conversations: relayPagination() } },
    keys: { Viewer: () => null },
    optimistic: {
      updateConversation: ({ input }, store) => {
        const { id, subject } = input as UpdateConversationInput;
        const key = store.keyOfEntity({ __typename: 'Conversation', id });
        return {
          __typename: 'UpdateConversationPayload',
          conversation: {
            __typename: 'Conversation',
            id,
            subject: subject === undefined ? (store.resolve(key, 'subject') as string) : subject,
            version: store.resolve(key, 'version') as number,
          },
        };
      },
    },
    updates: {
      Subscription: {
        // Rows that others make and delete come and go in lists, while something subscribes.
        conversationChanged: (result, _args, store) => {
          const { conversationChanged: change } = result as unknown as ConversationChangedSubscription;
          if (change?.kind === 'DELETED')
            store.invalidate({ __typename: 'Conversation', id: change.conversationId });
          // Its place depends on the list's order and filter, which the server knows.
          if (change?.kind !== 'CREATED') return;
          for (const { fieldName, fieldKey } of store.inspectFields('Query')) {
            if (fieldName === 'conversations') store.invalidate('Query', fieldKey);
          }
        },
      },
    },
  });
  // urql executes again only those that are still shown.
  const queries = new Map<number, Operation>();
  const remember = mapExchange({
    onOperation(operation) {
      if (operation.kind === 'query') queries.set(operation.key, operation);
    },
  });
  const ws = createSubscriptionClient({ url, token, webSocket }, () => {
    for (const { query, variables, context, key } of queries.values()) {
      const request = { key, query, variables };
      client.reexecuteOperation(
        makeOperation('query', request, { ...context, requestPolicy: 'network-only' }),
      );
    }
  });
  const client = new Client({
    url,
    // In a URL, variables would be in the logs of proxies.
    preferGetMethod: false,
    ...(fetch && { fetch }),
    exchanges: [
      remember,
      cache,
      authorize,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, ...request }) => ({
          subscribe: (sink) => ({
            unsubscribe: ws.subscribe({ ...request, query: query ?? '' }, sink as Sink),
          }),
        }),
      }),
    ],
  });
  return client;
}

import { Client, fetchExchange, makeOperation, mapExchange, subscriptionExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { createClient, type Sink } from 'graphql-ws';
import type { MutationUpdateConversationArgs } from './generated/graphql.js';
import type { Session } from './session.js';

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
        const { id, subject } = input as MutationUpdateConversationArgs['input'];
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
  });
  const ws = createClient({
    url: url.replace(/^http/, 'ws'),
    connectionParams: async () => ({ authorization: `Bearer ${await token()}` }),
    ...(webSocket !== undefined && { webSocketImpl: webSocket }),
  });
  return new Client({
    url,
    // In a URL, variables would be in the logs of proxies.
    preferGetMethod: false,
    ...(fetch && { fetch }),
    exchanges: [
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
}

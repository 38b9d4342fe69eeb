import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { RetryLink } from '@apollo/client/link/retry';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import type { Session } from './session.js';
import { createSubscriptionClient } from './subscription-client.js';

type HeaderMap = Record<string, string> | undefined;

/** Apollo Client has the default options said to the compiler too. */
declare module '@apollo/client' {
  export namespace ApolloClient {
    export namespace DeclareDefaultOptions {
      interface Query {
        errorPolicy: 'all';
      }
      interface WatchQuery {
        errorPolicy: 'all';
      }
    }
  }
}

export function createApolloClient({ url, token, fetch, webSocket }: Session): ApolloClient {
  const authorize = new SetContextLink(async ({ headers }) => ({
    headers: { ...(headers as HeaderMap), authorization: `Bearer ${await token()}` },
  }));
  // No answer: a query can be sent again, a mutation when it has a key. All attempts have the same one.
  const retry = new RetryLink({
    delay: { initial: 100 },
    attempts: {
      max: 3,
      retryIf: (_error, operation) =>
        operation.operationType === OperationTypeNode.QUERY ||
        (operation.getContext()['headers'] as HeaderMap)?.['idempotency-key'] !== undefined,
    },
  });
  const http = new PersistedQueryLink({ sha256 }).concat(new HttpLink({ uri: url, ...(fetch && { fetch }) }));
  const ws = new GraphQLWsLink(
    createSubscriptionClient(
      { url, token, webSocket },
      () => void client.refetchQueries({ include: 'active' }),
    ),
  );
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      ws,
      ApolloLink.from([retry, authorize, http]),
    ),
    cache: new InMemoryCache({
      typePolicies: {
        Query: { fields: { conversations: relayStylePagination(['filter', 'orderBy']) } },
      },
    }),
    // What the user may not see is null, with an error beside it; the rest of the answer is kept.
    defaultOptions: { query: { errorPolicy: 'all' }, watchQuery: { errorPolicy: 'all' } },
  });
  return client;
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

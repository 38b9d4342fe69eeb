import type { Sink } from 'graphql-ws';
import { Environment, Network, Observable, RecordSource, Store, type GraphQLResponse } from 'relay-runtime';
import type { Session } from '../../test/example/clients/session.js';
import { createSubscriptionClient } from '../../test/example/clients/subscription-client.js';

/**
 * Relay's environment of one user.
 *
 * @param missed called when events may have been missed: read again what is shown
 */
export function createRelayEnvironment({ url, token }: Session, missed: () => void): Environment {
  const subscriptions = createSubscriptionClient({ url, token }, missed);
  return new Environment({
    network: Network.create(
      async ({ name, text }, variables) => {
        const response = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${await token()}` },
          body: JSON.stringify({ query: text, operationName: name, variables }),
        });
        return (await response.json()) as GraphQLResponse;
      },
      ({ name, text }, variables) =>
        Observable.create<GraphQLResponse>((sink) =>
          subscriptions.subscribe({ query: text ?? '', operationName: name, variables }, sink as Sink),
        ),
    ),
    store: new Store(new RecordSource()),
  });
}

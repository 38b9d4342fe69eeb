/**
 * GraphQL over HTTP, tested with the independent audits of graphql-http: this server and, in the same run, Apollo
 * Server and GraphQL Yoga with their defaults. docs/compatibility.md shows the figures.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { serverAudits, type AuditResult } from 'graphql-http';
import { createSchema, createYoga } from 'graphql-yoga';
import { expect, test } from 'vitest';
import { tenantModule } from '../../src/platform/tenant/index.js';
import { documentedFigures, documentedExceptions } from '../support/compatibility.js';
import { useServer } from '../support/server.js';

/**
 * Where the audits and the draft of the specification differ, this server follows the draft. These audits recommend 200
 * for a request that was not executed when the client accepts `application/json`. The draft recommends 4xx, whatever
 * the client accepts, because proxies and monitoring then see that the request failed ("Status Codes").
 */
const AGAINST_THE_DRAFT = ['572B', 'FDE2', '7B9B'];

const server = useServer({ modules: [tenantModule] });

async function audit(url: string, headers: Record<string, string> = {}): Promise<AuditResult[]> {
  const fetchFn: typeof fetch = (input, init) =>
    fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), ...headers } });
  const results: AuditResult[] = [];
  for (const { fn } of serverAudits({ url, fetchFn })) {
    const result = await fn();
    if (result.status !== 'ok') await result.response.arrayBuffer().catch(() => undefined);
    results.push(result);
  }
  return results;
}

const failedIds = (results: readonly AuditResult[]) =>
  results.filter(({ status }) => status !== 'ok').map(({ id }) => id);

const figure = (results: readonly AuditResult[]) =>
  `${results.length - failedIds(results).length} of ${results.length}`;

test('passes every audit that agrees with the draft', async () => {
  const { token } = await server().as('owner', 'acme');
  const results = await audit(`${server().url}/graphql`, { authorization: `Bearer ${token}` });
  expect(failedIds(results).sort()).toEqual([...AGAINST_THE_DRAFT].sort());
  expect(documentedFigures('graphql-http').tenantry).toBe(figure(results));
  for (const result of results) {
    if (!AGAINST_THE_DRAFT.includes(result.id)) continue;
    expect(documentedExceptions('graphql-http')).toContainEqual([result.id, result.name]);
  }
});

test('the figures of Apollo Server and GraphQL Yoga are those of this run', async () => {
  const typeDefs = 'type Query { hello: String } type Mutation { greet: String }';
  const apollo = new ApolloServer({ typeDefs });
  const { url } = await startStandaloneServer(apollo, { listen: { host: '127.0.0.1', port: 0 } });
  const yoga = createServer((request, response) => void handle(request, response));
  const handle = createYoga({ schema: createSchema({ typeDefs }), logging: false });
  await new Promise<void>((resolve) => yoga.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = yoga.address() as AddressInfo;
    const documented = documentedFigures('graphql-http');
    expect(figure(await audit(url))).toBe(documented.apollo);
    expect(figure(await audit(`http://127.0.0.1:${port}/graphql`))).toBe(documented.yoga);
  } finally {
    await apollo.stop();
    yoga.closeAllConnections();
    yoga.close();
  }
});

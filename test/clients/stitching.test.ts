/**
 * Schema stitching: a gateway of another team joins this server's schema with its own, and reads objects of this server by
 * their ids, many at a time. The gateway passes the token of its caller on, so each caller sees what this server shows them.
 */
import { graphql, print, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { stitchSchemas } from '@graphql-tools/stitch';
import { schemaFromExecutor } from '@graphql-tools/wrap';
import type { AsyncExecutor } from '@graphql-tools/utils';
import { beforeAll, expect, test } from 'vitest';
import { encodeId } from '../../src/kernel/vocabulary/id.js';
import { insertMembership } from '../support/rows.js';
import { useServer, type TestClient } from '../support/server.js';

const server = useServer();

let gateway: GraphQLSchema;
let desks: { readonly room: string; readonly holderId: string }[];
/** The documents that the gateway has sent here. */
const sent: string[] = [];

const execute: AsyncExecutor = async ({ document, variables, context }) => {
  const query = print(document);
  sent.push(query);
  const response = await fetch(`${server().url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${String(context?.['token'])}` },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as never;
};

beforeAll(async () => {
  const owner = await server().as('owner', 'acme');
  const { text } = await owner.query('{ members(first: 2) { nodes { id } } }');
  const { data } = JSON.parse(text) as { data: { members: { nodes: { id: string }[] } } };
  const foreign = encodeId('Membership', await insertMembership(server().database, 'globex'));
  desks = [
    ...data.members.nodes.map(({ id }, index) => ({ room: `room ${String(index)}`, holderId: id })),
    { room: 'a room elsewhere', holderId: foreign },
  ];
  gateway = stitchSchemas({
    subschemas: [
      {
        schema: await schemaFromExecutor(execute, { token: owner.token }),
        executor: execute,
        merge: {
          Membership: {
            selectionSet: '{ id }',
            fieldName: 'nodes',
            key: ({ id }) => id as string,
            argsFromKeys: (ids) => ({ ids }),
          },
        },
      },
      {
        schema: makeExecutableSchema({
          typeDefs:
            'type Query { desks: [Desk!]! } type Desk { room: String! holder: Membership } type Membership { id: ID! }',
          resolvers: {
            Query: { desks: () => desks },
            Desk: { holder: ({ holderId }: { holderId: string }) => ({ id: holderId }) },
          },
        }),
      },
    ],
  });
});

const ask = async ({ token }: TestClient, source: string) => {
  sent.length = 0;
  const result = await graphql({ schema: gateway, source, contextValue: { token } });
  return JSON.parse(JSON.stringify(result)) as ExecutionResult;
};

test('objects of this server are read by their ids, all in one request, and none of another tenant', async () => {
  const owner = await server().as('owner', 'acme');
  const { data, errors } = await ask(owner, '{ desks { room holder { id role email } } }');
  const shown = { role: expect.any(String) as string, email: expect.any(String) as string };
  expect(data).toEqual({
    desks: [
      { room: 'room 0', holder: { id: desks[0]!.holderId, ...shown } },
      { room: 'room 1', holder: { id: desks[1]!.holderId, ...shown } },
      { room: 'a room elsewhere', holder: null },
    ],
  });
  // The gateway misses the role, which every membership has.
  expect(errors).toMatchObject([{ path: ['desks', 2, 'holder', 'role'] }]);
  expect(sent).toHaveLength(1);
});

test('fields of this server keep their guards behind the gateway', async () => {
  const viewer = await server().as('viewer', 'acme');
  const { data, errors } = await ask(viewer, '{ me { role } auditLog(first: 1) { nodes { id } } }');
  expect(data).toEqual({ me: { role: 'VIEWER' }, auditLog: null });
  expect(errors).toMatchObject([{ path: ['auditLog'], extensions: { code: 'FORBIDDEN' } }]);
});

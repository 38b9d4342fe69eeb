/**
 * Relay, whose compiler takes a schema only in the forms of its own specification: `Node`, `node(id:)`, connections. What it
 * compiles runs in Relay's runtime, whose store has one record for each id.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import relay, { type Environment, type OperationType, type Variables } from 'relay-runtime';
import { insertMembership } from '../support/rows.js';
import { compileForRelay, relayEnvironment, type Compiled } from '../support/relay.js';
import { useServer, type TestClient } from '../support/server.js';

const DOCUMENTS = [
  // An object of any type by its id, and what the application reads of each type.
  `query membersNodeQuery($id: ID!) {
    node(id: $id) { __typename id ... on Membership { role } ... on Tenant { slug } ...members_member @alias }
  }`,
  // Several objects.
  'query membersNodesQuery($ids: [ID!]!) { nodes(ids: $ids) { id ... on Membership { userId role } } }',
  // A fragment that can be read again by its id.
  `fragment members_member on Membership @refetchable(queryName: "membersMemberRefetchQuery") {
    userId role invitedByMember { userId }
  }`,
  // A list that is read page by page, forwards.
  `fragment members_list on Query
   @refetchable(queryName: "membersNextPageQuery")
   @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" }) {
    members(first: $count, after: $cursor) @connection(key: "members_members") {
      edges { node { userId role } }
    }
  }`,
  'query membersListQuery { ...members_list }',
  // The same backwards.
  `query membersLastQuery($count: Int!, $cursor: String) {
    auditLog(last: $count, before: $cursor) @connection(key: "members_auditLog") {
      edges { node { action createdAt newValue actorMember { userId } entityNode { __typename id } } }
    }
  }`,
  // Changes, whose answers update the store, or say what has gone from it.
  `mutation membersChangeMutation($input: ChangeMemberRoleInput!) @raw_response_type {
    changeMemberRole(input: $input) { membership { role } }
  }`,
  `mutation membersRemoveMutation($input: RemoveMemberInput!, $connections: [ID!]!) {
    removeMember(input: $input) { deletedId @deleteEdge(connections: $connections) gone: deletedId @deleteRecord }
  }`,
  `query membersInvitationsQuery {
    invitations(first: 10) @connection(key: "members_invitations") { edges { node { email status } } }
  }`,
  `mutation membersInviteMutation($input: InviteMemberInput!, $connections: [ID!]!) {
    inviteMember(input: $input) {
      invitation @prependNode(connections: $connections, edgeTypeName: "InvitationEdge") { email status }
    }
  }`,
  // One object under several fields.
  'query membersViewerQuery { me { id userId memberships { id tenant { id slug } } } tenant { id name } }',
];

const { commitLocalUpdate, commitMutation, ConnectionHandler, fetchQuery } = relay;
const ROOT = 'client:root';
const SCHEMA = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

const server = useServer();
let compiled: Compiled;
let owner: TestClient;
beforeAll(async () => {
  owner = await server().as('owner', 'acme');
  compiled = await compileForRelay(SCHEMA, 'members', DOCUMENTS);
});
afterAll(() => compiled.dispose());

const read = (environment: Environment, name: string, variables: Variables = {}) =>
  fetchQuery<OperationType>(environment, compiled.operation(name), variables).toPromise();

const change = (environment: Environment, name: string, variables: Variables) =>
  new Promise<void>((resolve, reject) => {
    commitMutation(environment, {
      mutation: compiled.operation(name),
      variables,
      onCompleted: (_response, errors) =>
        errors?.length ? reject(new Error(errors[0]!.message)) : resolve(),
      onError: reject,
    });
  });

const recordOf = (environment: Environment, id: string) => environment.getStore().getSource().get(id);

/** A field of each row of a connection, as the store has it. */
function listed(environment: Environment, key: string, field: string): unknown[] {
  let rows: unknown[] = [];
  commitLocalUpdate(environment, (store) => {
    const edges = ConnectionHandler.getConnection(store.getRoot(), key)?.getLinkedRecords('edges') ?? [];
    rows = edges.map((edge): unknown => edge.getLinkedRecord('node').getValue(field));
  });
  return rows;
}

test('the compiler takes every document', () => {
  expect(compiled.names).toEqual([
    'membersChangeMutation',
    'membersInvitationsQuery',
    'membersInviteMutation',
    'membersLastQuery',
    'membersListQuery',
    'membersMemberRefetchQuery',
    'membersNextPageQuery',
    'membersNodeQuery',
    'membersNodesQuery',
    'membersRemoveMutation',
    'membersViewerQuery',
    'members_list',
    'members_member',
  ]);
});

describe('the runtime', () => {
  test('reads a list page by page, and keeps each object once', async () => {
    const environment = relayEnvironment(owner);
    await read(environment, 'membersListQuery');
    const first = listed(environment, 'members_members', 'id');
    expect(first).toHaveLength(2);
    let cursor: unknown;
    commitLocalUpdate(environment, (store) => {
      const page = ConnectionHandler.getConnection(store.getRoot(), 'members_members')!;
      cursor = page.getLinkedRecord('pageInfo').getValue('endCursor');
    });
    await read(environment, 'membersNextPageQuery', { count: 50, cursor });
    const { rows } = await server()
      .database.asSuperuser<{ rows: number }>(
        `SELECT count(*)::int AS rows FROM memberships WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'acme')`,
      )
      .then(([row]) => row!);
    const ids = listed(environment, 'members_members', 'id') as string[];
    expect(ids.slice(0, 2)).toEqual(first);
    expect(new Set(ids).size).toBe(rows);
    for (const id of ids) {
      expect(recordOf(environment, id)).toMatchObject({ __id: id, __typename: 'Membership' });
    }
  });

  test('reads an object again by its id, and a change updates it wherever it stands', async () => {
    const environment = relayEnvironment(owner);
    const id = `membership_${await insertMembership(server().database, 'acme', { role: 'viewer' })}`;
    await read(environment, 'membersNodeQuery', { id });
    expect(recordOf(environment, id)).toMatchObject({ __typename: 'Membership', role: 'VIEWER' });
    await change(environment, 'membersChangeMutation', { input: { id, role: 'MEMBER' } });
    expect(recordOf(environment, id)).toMatchObject({ role: 'MEMBER' });
    await change(relayEnvironment(owner), 'membersChangeMutation', { input: { id, role: 'ADMIN' } });
    await read(environment, 'membersMemberRefetchQuery', { id });
    expect(recordOf(environment, id)).toMatchObject({ role: 'ADMIN' });
    await read(environment, 'membersNodesQuery', { ids: [id] });
    expect(recordOf(environment, ROOT)).toMatchObject({
      [`nodes(ids:${JSON.stringify([id])})`]: { __refs: [id] },
    });
  });

  test('takes what was deleted out of its lists, and puts what was made into them', async () => {
    const environment = relayEnvironment(owner);
    const id = `membership_${await insertMembership(server().database, 'acme')}`;
    await read(environment, 'membersNextPageQuery', { count: 50 });
    expect(listed(environment, 'members_members', 'id')).toContain(id);
    const members = ConnectionHandler.getConnectionID(ROOT, 'members_members');
    await change(environment, 'membersRemoveMutation', { input: { id }, connections: [members] });
    expect(listed(environment, 'members_members', 'id')).not.toContain(id);
    expect(recordOf(environment, id)).toBeFalsy();

    await read(environment, 'membersInvitationsQuery');
    const invitations = ConnectionHandler.getConnectionID(ROOT, 'members_invitations');
    const input = { email: 'relay@acme.test', role: 'VIEWER' };
    await change(environment, 'membersInviteMutation', { input, connections: [invitations] });
    expect(listed(environment, 'members_invitations', 'email')[0]).toBe('relay@acme.test');
  });

  test('keeps the tenant and the caller once, whichever fields lead to them', async () => {
    const environment = relayEnvironment(owner);
    await read(environment, 'membersViewerQuery');
    const records = Object.values(environment.getStore().getSource().toJSON());
    const of = (type: string) => records.filter((record) => record['__typename'] === type);
    expect(of('Tenant')).toMatchObject([{ slug: 'acme', name: expect.any(String) as string }]);
    expect(of('Viewer')).toHaveLength(1);
    await read(environment, 'membersLastQuery', { count: 3, cursor: null });
    expect(listed(environment, 'members_auditLog', 'action')).toHaveLength(3);
  });
});

/**
 * Tenants with a schema of their own beside tenants without one, behind one server: each is served from its own tables, and
 * from no others.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { schemaOf } from '../../src/kernel/database/schemas/own-schema.js';
import { createPlaced, placeExisting } from '../support/own-schemas.js';
import { useServer, type TestClient } from '../support/server.js';
import { userToken } from '../support/user-token.js';

const server = useServer();
const CREATE = `mutation($body: String!) {
  createConversation(input: { body: $body, subject: "s" }) { conversation { id body } } }`;
const LIST =
  '{ conversations(first: 50) { nodes { body messages(first: 5) { nodes { body } totalCount } } } }';
let own: string;
let schema: string;

const owner = (): Omit<TestClient, 'token'> => {
  const token = userToken({ sub: 'owner-own', tenant_id: 'own', email: 'owner@own.test' });
  return server().withHeaders({ authorization: `Bearer ${token}` });
};
const rowsIn = (where: string) =>
  server().database.asSuperuser<{ body: string }>(`SELECT body FROM ${where}.conversations ORDER BY body`);

beforeAll(async () => {
  own = await createPlaced(server().database, 'own');
  schema = schemaOf(own);
  await placeExisting(server().database, 'globex');
});

describe('A tenant with a schema of its own', () => {
  test('reads and writes there, and nothing of it is in public', async () => {
    const before = await rowsIn('public');
    const { data, errors } = await owner().query(CREATE, { body: 'in the schema' });
    expect(errors).toEqual([]);
    expect(data).toMatchObject({ createConversation: { conversation: { body: 'in the schema' } } });
    expect(await rowsIn(schema)).toEqual([{ body: 'in the schema' }]);
    expect(await rowsIn('public')).toEqual(before);
    const listed = await owner().query(LIST);
    expect(listed.errors).toEqual([]);
    expect(listed.data).toEqual({
      conversations: { nodes: [{ body: 'in the schema', messages: { nodes: [], totalCount: 0 } }] },
    });
  });

  test('is not seen by tenants in public, nor by those in other schemas, which it does not see', async () => {
    await owner().query(CREATE, { body: 'in the schema' });
    for (const slug of ['acme', 'globex']) {
      const client = await server().as('owner', slug);
      const answer = await client.query(LIST);
      expect(answer.errors).toEqual([]);
      const listed = JSON.stringify(answer.data);
      expect(listed).not.toContain('in the schema');
      expect(JSON.parse(listed)).toMatchObject({ conversations: { nodes: [{}, {}, {}] } });
    }
  });

  test('is audited, counted and published as before', async () => {
    await owner().query(CREATE, { body: 'audited' });
    expect(
      await server().database.asSuperuser(
        `SELECT DISTINCT action, actor FROM audit_log WHERE tenant_id = $1 AND entity = 'Conversation'`,
        [own],
      ),
    ).toEqual([{ action: 'conversation.created', actor: 'owner-own' }]);
    const [used] = await server().database.asSuperuser<{ used: number; rows: number }>(
      `SELECT used::int, (SELECT count(*)::int FROM ${schema}.conversations) AS rows
       FROM tenantry.resource_usage WHERE tenant_id = $1 AND resource = 'conversations'`,
      [own],
    );
    expect(used!.used).toBe(used!.rows);
  });

  test('is searched where its rows are, also when there is an index of the rows in public', async () => {
    await server().database.asSuperuser(
      "SET ROLE tenantry_owner; SELECT tenantry.index_search('public.conversations', 'subject', 'body'); RESET ROLE",
    );
    await owner().query(CREATE, { body: 'a needle in the schema' });
    const search = '{ conversations(first: 5, filter: { search: "needle" }) { totalCount nodes { body } } }';
    const answer = await owner().query(search);
    expect(answer.errors).toEqual([]);
    expect(answer.data).toEqual({
      conversations: { totalCount: 1, nodes: [{ body: 'a needle in the schema' }] },
    });
  });
});

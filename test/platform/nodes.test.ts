/** `node` and `nodes` open nothing: what they answer of another tenant, and to callers who may not read a type. */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { useKeyClients } from '../support/key-clients.js';
import {
  insertApiKey,
  insertDelivery,
  insertImpersonation,
  insertInvitation,
  insertJob,
  insertTenantExport,
} from '../support/rows.js';
import { sealAll } from '../support/sealed-trails.js';
import { useServer, type TestClient } from '../support/server.js';
import { watchStatements } from '../support/statements.js';

const statements = watchStatements();
const server = useServer();
const keyWith = useKeyClients(server);

const NODE = 'query ($id: ID!) { node(id: $id) { __typename id } }';

let owner: TestClient;
let stranger: TestClient;
beforeAll(async () => {
  const { database } = server();
  owner = await server().as('owner', 'acme');
  stranger = await server().as('owner', 'globex');
  for (const tenant of ['acme', 'globex']) {
    await insertApiKey(database, tenant);
    await insertImpersonation(database, tenant);
    await insertInvitation(database, tenant);
    await insertJob(database, tenant);
    await insertDelivery(database, tenant);
    await insertTenantExport(database, tenant);
  }
  await sealAll(database);
});

interface Listed {
  readonly nodes: readonly { readonly id: string }[];
}

/** An id of each type of the platform, by the name of the type. */
async function idsOf(client: TestClient): Promise<Record<string, string>> {
  const { data } = await client.query<{
    tenant: { id: string };
    me: { id: string; memberships: { id: string }[] };
    members: Listed;
    invitations: Listed;
    apiKeys: Listed;
    auditLog: Listed;
    events: Listed;
    impersonations: Listed;
    jobs: Listed;
    webhooks: Listed;
    webhookDeliveries: Listed;
    exports: Listed;
  }>(`{
    tenant { id } me { id memberships { id } }
    members(first: 1) { nodes { id } } invitations(first: 1) { nodes { id } }
    apiKeys(first: 1) { nodes { id } } auditLog(first: 1) { nodes { id } }
    events(first: 1) { nodes { id } }
    impersonations(first: 1) { nodes { id } }
    jobs(first: 1) { nodes { id } }
    webhooks(first: 1) { nodes { id } } webhookDeliveries(first: 1) { nodes { id } }
    exports(first: 1) { nodes { id } }
  }`);
  return {
    Tenant: data.tenant.id,
    Viewer: data.me.id,
    ViewerMembership: data.me.memberships[0]!.id,
    Membership: data.members.nodes[0]!.id,
    Invitation: data.invitations.nodes[0]!.id,
    ApiKey: data.apiKeys.nodes[0]!.id,
    AuditEntry: data.auditLog.nodes[0]!.id,
    AuditEvent: data.events.nodes[0]!.id,
    Impersonation: data.impersonations.nodes[0]!.id,
    Job: data.jobs.nodes[0]!.id,
    Webhook: data.webhooks.nodes[0]!.id,
    WebhookDelivery: data.webhookDeliveries.nodes[0]!.id,
    TenantExport: data.exports.nodes[0]!.id,
  };
}

test('node answers an object of every type by its id', async () => {
  for (const [type, id] of Object.entries(await idsOf(owner))) {
    const { data, errors } = await owner.query(NODE, { id });
    expect([data, errors]).toEqual([{ node: { __typename: type, id } }, []]);
  }
});

test('node answers nothing of another tenant, with the statements of an id that nobody has', async () => {
  for (const [type, id] of Object.entries(await idsOf(stranger))) {
    expect((await stranger.query(NODE, { id })).data).toEqual({ node: { __typename: type, id } });
    const sent: string[][] = [];
    for (const asked of [id.slice(0, -36) + randomUUID(), id]) {
      let answer: unknown;
      sent.push([
        ...(await statements.during(async () => {
          const { data, errors } = await owner.query(NODE, { id: asked });
          answer = { data, errors };
        })),
      ]);
      expect([type, answer]).toEqual([type, { data: { node: null }, errors: [] }]);
    }
    expect(sent[1]).toEqual(sent[0]);
  }
});

test('node reads an object by the id of its own type only', async () => {
  // A `ViewerMembership` has the UUID of its `Membership`, an `AuditEvent` that of its `AuditEntry`.
  const ids = Object.entries(await idsOf(owner)).filter(
    ([type]) => type !== 'ViewerMembership' && type !== 'AuditEvent',
  );
  for (const [type, id] of ids) {
    for (const [, other] of ids) {
      if (other === id) continue;
      const { data } = await owner.query(NODE, { id: other.slice(0, -36) + id.slice(-36) });
      expect([type, other, data]).toEqual([type, other, { node: null }]);
    }
  }
});

test('node refuses a type that the caller may not read, before it reads anything', async () => {
  const { Membership, ...ids } = await idsOf(owner);
  const key = await keyWith('members:read');
  expect((await key.query(NODE, { id: Membership })).data).toMatchObject({ node: { id: Membership } });
  for (const [type, requires] of [
    ['Invitation', 'users:manage'],
    ['ApiKey', 'settings:manage'],
    ['AuditEntry', 'audit:read'],
    ['AuditEvent', 'events:read'],
    ['Job', 'jobs:manage'],
    ['TenantExport', 'tenant:export'],
    ['Webhook', 'webhooks:manage'],
    ['WebhookDelivery', 'webhooks:manage'],
  ] as const) {
    const sent = await statements.during(async () => {
      for (const id of [ids[type], ids[type]!.slice(0, -36) + randomUUID()]) {
        const { data, errors } = await key.query(NODE, { id });
        expect(data).toEqual({ node: null });
        expect(errors).toMatchObject([{ path: ['node'], extensions: { code: 'FORBIDDEN', requires } }]);
      }
    });
    expect(sent).toEqual([]);
  }
});

test('an id of another type is not found by a mutation, even if the rest of it is right', async () => {
  const { Membership, ApiKey } = await idsOf(owner);
  const asApiKey = ApiKey!.slice(0, -36) + Membership!.slice(-36);
  const remove = 'mutation ($id: ID!) { removeMember(input: { id: $id }) { deletedId } }';
  const { errors } = await owner.query(remove, { id: asApiKey });
  expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
  expect((await owner.query(NODE, { id: Membership })).data).toMatchObject({ node: { id: Membership } });
});

test('nodes answers each id as node does, in the order of the ids', async () => {
  const ids = await idsOf(owner);
  const foreign = await idsOf(stranger);
  const key = await keyWith('members:read');
  const asked = [
    foreign['Membership'],
    ids['Membership'],
    ids['ApiKey'],
    foreign['Tenant'],
    ids['Tenant'],
    'x',
  ];
  const { data, errors } = await key.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
    ids: asked,
  });
  expect(data).toEqual({ nodes: [null, { id: ids['Membership'] }, null, null, { id: ids['Tenant'] }, null] });
  expect(errors).toMatchObject([
    { path: ['nodes', 2], extensions: { code: 'FORBIDDEN', requires: 'settings:manage' } },
    { path: ['nodes', 5], extensions: { code: 'BAD_USER_INPUT', field: 'ids[5]' } },
  ]);
});

test('nodes takes 100 ids', async () => {
  const some = (count: number) => Array.from({ length: count }, () => `membership_${randomUUID()}`);
  const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  expect((await owner.query(NODES, { ids: some(100) })).errors).toEqual([]);
  const { errors } = await owner.query(NODES, { ids: some(101) });
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field: 'ids' } }]);
});

test('the caller is another object in each tenant, and their memberships are read by their ids', async () => {
  const { Tenant, ViewerMembership, Viewer } = await idsOf(owner);
  const { data } = await owner.query('{ me { memberships { id userId role tenant { id slug plan } } } }');
  expect(data).toEqual({
    me: {
      memberships: [
        {
          id: ViewerMembership,
          userId: 'demo|acme|owner',
          role: 'OWNER',
          tenant: { id: Tenant, slug: 'acme', plan: 'free' },
        },
      ],
    },
  });
  expect((await idsOf(stranger))['Viewer']).not.toBe(Viewer);
});

test('of a tenant elsewhere, the caller is told what every member may know, and no more', async () => {
  const { Tenant } = await idsOf(owner);
  await server().database.asSuperuser(
    `INSERT INTO memberships (tenant_id, user_id, email, role)
     SELECT id, 'demo|acme|owner', 'owner@acme.test', 'owner' FROM tenants WHERE slug = 'globex'`,
  );
  const both = await owner.query<{ me: { memberships: { tenant: Record<string, unknown> | null }[] } }>(
    '{ me { memberships { tenant { id slug name status createdAt version plan settings } } } }',
  );
  const tenants = both.data.me.memberships.map(({ tenant }) => tenant);
  expect(tenants).toMatchObject([
    { id: Tenant, slug: 'acme', plan: 'free' },
    { slug: 'globex', version: expect.any(Number) as number, plan: null, settings: null },
  ]);
  expect(both.errors.map(({ path, extensions }) => [path?.[4], extensions['requires']])).toEqual([
    ['plan', 'tenant:own'],
    ['settings', 'tenant:own'],
  ]);
});

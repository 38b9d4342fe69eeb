/**
 * What an operator who acts in a tenant can do, what the tenant sees of it, and that it ends: by itself, by the operator, and by
 * an owner of the tenant, on every server.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { bareId } from '../support/ids.js';
import { askOperators, newSlug, OPERATORS } from '../support/operators.js';
import { auditRows, insertImpersonation } from '../support/rows.js';
import { startTestServer, type TestClient, type TestServer } from '../support/server.js';
import { endSubscribersAfterEach, rawSocket } from '../support/subscriber.js';
import { addMember, createTestTenant } from '../support/tenant-fixtures.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let servers: readonly TestServer[];
beforeAll(async () => {
  database = await createTestDatabase();
  servers = await Promise.all([1, 2].map(() => startTestServer({ database, env: OPERATORS })));
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await database.drop();
});
endSubscribersAfterEach(() => servers);

const IMPERSONATE = `mutation ($input: ImpersonateInput!) { impersonate(input: $input) {
  credential impersonation { id operator reason role userId expiresAt endedAt } } }`;
interface Begun {
  readonly impersonate: {
    readonly credential: string;
    readonly impersonation: { readonly id: string; readonly expiresAt: string };
  };
}
const begin = (input: object) => askOperators<Begun>(servers[0]!, IMPERSONATE, { variables: { input } });

/** A new tenant with an owner and a member. */
async function newTenant(): Promise<string> {
  const slug = newSlug();
  await createTestTenant(database, slug);
  await addMember(database, { slug, userId: `member|${slug}`, email: `member@${slug}.test`, role: 'member' });
  return slug;
}

const as = (credential: string, at = 0): Omit<TestClient, 'token'> =>
  servers[at]!.withHeaders({ authorization: `Bearer ${credential}` });
const ME = '{ me { userId email role permissions } tenant { slug } }';

const refusedEverywhere = (credential: string) =>
  until('every server refuses', async () => {
    const answers = await Promise.all(servers.map((_server, at) => as(credential, at).query(ME)));
    return answers.every(
      ({ status, errors }) => status === 401 && errors[0]?.extensions.code === 'UNAUTHENTICATED',
    );
  });

describe('an operator', () => {
  test('acts with a role, and the tenant’s log has the operator as the actor', async () => {
    const slug = await newTenant();
    const { data, errors } = await begin({ slug, role: 'ADMIN', reason: 'Ticket 7', minutes: 30 });
    expect(errors).toEqual([]);
    const { credential, impersonation } = data.impersonate;
    expect(credential).toMatch(/^ti_/);
    expect(impersonation).toMatchObject({
      operator: 'jane@ops.test',
      reason: 'Ticket 7',
      role: 'ADMIN',
      userId: null,
      endedAt: null,
    });
    const left = Date.parse(impersonation.expiresAt) - Date.now();
    expect(left).toBeGreaterThan(25 * 60_000);
    expect(left).toBeLessThanOrEqual(30 * 60_000 + 5_000);
    for (const at of [0, 1]) {
      const me = await as(credential, at).query<{ me: { permissions: string[] } }>(ME);
      expect(me.data).toMatchObject({
        me: { userId: impersonation.id, email: null, role: 'ADMIN' },
        tenant: { slug },
      });
      expect(me.data.me.permissions).not.toContain('BILLING_MANAGE');
    }
    const changed = await as(credential).query(
      'mutation { updateTenant(input: { name: "By support" }) { tenant { name } } }',
    );
    expect(changed.errors).toEqual([]);
    const rows = await auditRows(database, slug);
    expect(rows.filter(({ action }) => action === 'tenant.updated')).toMatchObject([
      { actor: 'jane@ops.test', actor_type: 'operator' },
    ]);
    expect(JSON.stringify(rows)).not.toContain(credential.slice(3));
    expect(rows.some(({ new_value: value }) => value !== null && 'token_hash' in value)).toBe(false);
  });

  test('acts as a member, with the role that the member has now', async () => {
    const slug = await newTenant();
    const userId = `member|${slug}`;
    const { data } = await begin({ slug, userId, reason: 'Ticket 8', minutes: 10 });
    const { credential } = data.impersonate;
    expect((await as(credential).query(ME)).data).toMatchObject({ me: { userId, role: 'MEMBER' } });
    await database.asSuperuser("UPDATE memberships SET role = 'viewer' WHERE user_id = $1", [userId]);
    await until('the role has changed', async () => {
      const { data: now } = await as(credential, 1).query<{ me: { role: string } }>(ME);
      return now.me.role === 'VIEWER';
    });
    await database.asSuperuser('DELETE FROM memberships WHERE user_id = $1', [userId]);
    await refusedEverywhere(credential);
  });

  test('reaches no other tenant', async () => {
    const slug = await newTenant();
    const { data } = await begin({ slug, role: 'OWNER', reason: 'x', minutes: 30 });
    const at = servers[0]!;
    const elsewhere = await at
      .withHeaders({ authorization: `Bearer ${data.impersonate.credential}`, host: 'acme.localhost' })
      .query(ME);
    // fetch sends its own Host, so the server takes it for the tenant's own.
    expect(elsewhere.data).toMatchObject({ tenant: { slug } });
    const { data: listed } = await as(data.impersonate.credential).query<{
      members: { nodes: { userId: string }[] };
    }>('{ members { nodes { userId } } }');
    expect(listed.members.nodes.every(({ userId }) => userId.endsWith(slug))).toBe(true);
  });

  test.each([
    ['createApiKey', '(input: { name: "a", permissions: [MEMBERS_READ] }) { secret }'],
    ['inviteMember', '(input: { email: "me@ops.test", role: OWNER }) { emailSent }'],
    ['createWebhook', '(input: { url: "https://ops.test", events: ["tenant.updated"] }) { secret }'],
    ['exportAuditLog', '(input: {}) { url }'],
    ['acceptInvitation', '(input: { token: "x" }) { membership { id } }'],
  ])('gets no access that outlasts the end: %s', async (field, rest) => {
    const slug = await newTenant();
    const { data } = await begin({ slug, role: 'OWNER', reason: 'x', minutes: 5 });
    const answer = await as(data.impersonate.credential).query(`mutation { ${field}${rest} }`);
    expect([answer.data, answer.errors[0]?.extensions.code]).toEqual([{ [field]: null }, 'FORBIDDEN']);
  });

  test.each<[string, object, string]>([
    ['without a reason', { role: 'ADMIN', reason: '', minutes: 5 }, 'BAD_USER_INPUT'],
    ['for ever', { role: 'ADMIN', reason: 'x', minutes: 481 }, 'BAD_USER_INPUT'],
    ['for no time', { role: 'ADMIN', reason: 'x', minutes: 0 }, 'BAD_USER_INPUT'],
    [
      'as a member with another role',
      { role: 'ADMIN', userId: 'owner', reason: 'x', minutes: 5 },
      'BAD_USER_INPUT',
    ],
    ['as nobody', { reason: 'x', minutes: 5 }, 'BAD_USER_INPUT'],
    ['as a stranger', { userId: 'nobody', reason: 'x', minutes: 5 }, 'NOT_FOUND'],
  ])('cannot begin %s', async (_how, input, code) => {
    const slug = await newTenant();
    const { data, errors } = await begin({ slug, ...input });
    expect([data, errors[0]?.extensions.code]).toEqual([{ impersonate: null }, code]);
    expect(
      await database.asSuperuser(
        'SELECT FROM impersonations JOIN tenants ON tenants.id = tenant_id WHERE slug = $1',
        [slug],
      ),
    ).toEqual([]);
  });

  test('cannot begin one in a suspended tenant, and loses the one that it has', async () => {
    const slug = await newTenant();
    const { data } = await begin({ slug, role: 'OWNER', reason: 'x', minutes: 5 });
    await database.asSuperuser("UPDATE tenants SET status = 'suspended' WHERE slug = $1", [slug]);
    await until('it is refused', async () => {
      const { errors } = await as(data.impersonate.credential).query(ME);
      return errors[0]?.extensions.code === 'TENANT_SUSPENDED';
    });
    expect((await begin({ slug, role: 'OWNER', reason: 'x', minutes: 5 })).errors[0]?.extensions.code).toBe(
      'CONFLICT',
    );
  });
});

describe('the tenant', () => {
  const LIST =
    '{ impersonations(filter: { active: true }) { nodes { id operator reason role userId expiresAt endedAt endedBy } } }';

  test('sees it, and an owner ends it on every server, with its connections', async () => {
    const slug = await newTenant();
    const { data } = await begin({ slug, role: 'OWNER', reason: 'Ticket 9', minutes: 60 });
    const { credential, impersonation } = data.impersonate;
    for (const at of [0, 1]) expect((await as(credential, at).query(ME)).errors).toEqual([]);
    const socket = await rawSocket(servers[1]!);
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${credential}` } });
    await until('the operator is let in', () => socket.messages.length > 0);
    const owner = await servers[0]!.as(`owner@${slug}.test`, slug);
    const seen = await owner.query<{ impersonations: { nodes: object[] } }>(LIST);
    expect(seen.data.impersonations.nodes).toMatchObject([
      { id: impersonation.id, operator: 'jane@ops.test', reason: 'Ticket 9', role: 'OWNER' },
    ]);
    const member = await servers[0]!.as(`member@${slug}.test`, slug);
    expect((await member.query(LIST)).errors[0]?.extensions.code).toBe('FORBIDDEN');
    const END =
      'mutation ($id: ID!) { endImpersonation(input: { id: $id }) { impersonation { endedBy endedAt } } }';
    expect((await member.query(END, { id: impersonation.id })).errors[0]?.extensions.code).toBe('FORBIDDEN');
    const stranger = await servers[0]!.as('owner', 'acme');
    expect((await stranger.query(END, { id: impersonation.id })).errors[0]?.extensions.code).toBe(
      'NOT_FOUND',
    );
    const ended = await owner.query(END, { id: impersonation.id });
    expect(ended.data).toMatchObject({ endImpersonation: { impersonation: { endedBy: `owner|${slug}` } } });
    await refusedEverywhere(credential);
    await until('the connection is closed', () => socket.closed !== undefined);
    expect(socket.closed).toMatchObject({ code: 4403 });
    expect((await owner.query(END, { id: impersonation.id })).errors[0]?.extensions.code).toBe('CONFLICT');
    expect((await owner.query(LIST)).data).toEqual({ impersonations: { nodes: [] } });
  });

  test('finds the beginning and the end in its log when the operator ends it', async () => {
    const slug = await newTenant();
    const { data } = await begin({ slug, role: 'VIEWER', reason: 'Ticket 10', minutes: 60 });
    const { credential, impersonation } = data.impersonate;
    expect((await as(credential).query(ME)).errors).toEqual([]);
    const END =
      'mutation ($input: EndImpersonationInput!) { endImpersonation(input: $input) { impersonation { endedBy } } }';
    const end = () =>
      askOperators(servers[1]!, END, {
        variables: { input: { slug, id: impersonation.id, reason: 'Done' } },
      });
    expect((await end()).data).toEqual({ endImpersonation: { impersonation: { endedBy: 'jane@ops.test' } } });
    await refusedEverywhere(credential);
    expect((await end()).errors[0]?.extensions.code).toBe('CONFLICT');
    const actions = (await auditRows(database, slug)).map(({ action, new_value: value }) => [
      action,
      value?.['reason'],
    ]);
    expect(actions).toEqual(
      expect.arrayContaining([
        ['impersonation.created', 'Ticket 10'],
        ['operator.impersonation_begun', 'Ticket 10'],
        ['operator.impersonation_ended', 'Done'],
      ]),
    );
  });

  test('is rid of it when its time is over', async () => {
    const slug = await newTenant();
    const { credential } = await insertImpersonation(database, slug, {
      role: 'owner',
      expiresAt: new Date(Date.now() + 2_000).toISOString(),
    });
    const socket = await rawSocket(servers[0]!);
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${credential}` } });
    await until('it is over', () => socket.closed !== undefined);
    await refusedEverywhere(credential);
  });
});

describe('in the database, the server’s role', () => {
  test.each([
    [
      'begins none',
      `INSERT INTO impersonations (operator, reason, role, token_hash, expires_at)
      VALUES ('x', 'x', 'owner', repeat('a', 64), now() + interval '1 hour')`,
    ],
    ['prolongs none', "UPDATE impersonations SET expires_at = now() + interval '2 hours'"],
    ['deletes none', 'DELETE FROM impersonations'],
    ['takes back no end', 'UPDATE impersonations SET ended_at = NULL'],
  ])('%s', async (_what, statement) => {
    const slug = await newTenant();
    const { id } = await insertImpersonation(database, slug);
    await database.asSuperuser('UPDATE impersonations SET ended_at = now() WHERE id = $1', [bareId(id)]);
    const { connected, bind, contextOf } = await import('../support/demo-tenants.js');
    const refusal = connected(database.app, async (client) => {
      await client.query('BEGIN');
      await bind(client, contextOf(await database.tenantId(slug)));
      await client.query(statement);
    });
    await expect(refusal).rejects.toMatchObject({ code: '42501' });
  });
});

/** Full payloads: whose permissions they have, at the time of sending. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { insertMembership, insertTenant } from '../support/rows.js';
import { useWebhooks, type CreatedWebhook } from '../support/webhooks.js';

const { server, succeed, happen, send } = useWebhooks();

let receiver: Receiver;
let slug: string;
let owner: { user: string; tenant: string };
let admin: { user: string; tenant: string };
beforeEach(async () => {
  const { database } = server();
  receiver = await startReceiver();
  slug = `rows-${randomUUID()}`;
  await insertTenant(database, slug);
  owner = { user: `o@${slug}.test`, tenant: slug };
  admin = { user: `a@${slug}.test`, tenant: slug };
  await insertMembership(database, slug, { role: 'owner', userId: `o|${slug}`, email: owner.user });
  await insertMembership(database, slug, { role: 'admin', userId: `a|${slug}`, email: admin.user });
});
afterEach(() => receiver.close());

const create = async (caller: object, input: object = {}): Promise<CreatedWebhook> =>
  (
    await succeed<CreatedWebhook>(
      'createWebhook',
      'secret webhook { id }',
      { url: receiver.url, events: ['tenant.updated'], payload: 'FULL', ...input },
      caller,
    )
  ).payload;

interface Data {
  readonly row: Readonly<Record<string, unknown>> | null;
  readonly rowMissing?: string;
}

/** Changes the tenant, sends, and returns what was told of the row. */
async function told(): Promise<Data> {
  await succeed('updateTenant', 'tenant { id }', { name: `N ${randomUUID()}` }, owner);
  await send(slug);
  return (JSON.parse(receiver.received.at(-1)!.body) as { data: Data }).data;
}

const setRole = (user: string, role: string) =>
  server().database.asSuperuser('UPDATE memberships SET role = $2 WHERE user_id = $1', [user, role]);

test('have what their creator may read, and no more', async () => {
  await create(owner);
  const { row } = await told();
  expect(row).toMatchObject({
    id: expect.stringMatching(/^tenant_/) as string,
    slug,
    plan: 'free',
    settings: {},
  });
  await setRole(`o|${slug}`, 'admin');
  await server().database.asSuperuser('DELETE FROM webhooks');
  await create(admin);
  await setRole(`o|${slug}`, 'owner');
  const less = await told();
  expect(less.row).toMatchObject({ slug, settings: {} });
  expect(less.row).not.toHaveProperty('plan');
  expect(less.row).not.toHaveProperty('billingEmail');
});

test('lose what their creator loses', async () => {
  await create(admin);
  expect((await told()).row).toHaveProperty('settings');
  await setRole(`a|${slug}`, 'viewer');
  const { row } = await told();
  expect(row).toHaveProperty('slug');
  expect(row).not.toHaveProperty('settings');
  await server().database.asSuperuser('DELETE FROM memberships WHERE user_id = $1', [`a|${slug}`]);
  expect(await told()).toMatchObject({ row: null, rowMissing: 'forbidden' });
});

test('have the permissions of whoever sent them elsewhere', async () => {
  const { webhook } = await create(owner);
  expect((await told()).row).toHaveProperty('plan');
  await succeed('updateWebhook', 'webhook { id }', { id: webhook.id, url: `${receiver.url}/admin` }, admin);
  expect((await told()).row).not.toHaveProperty('plan');
  expect(receiver.received.at(-1)?.path).toBe('/admin');
});

test('have no more than the API key with which the webhook was made, while the key is accepted', async () => {
  const { payload } = await succeed<{ secret: string; apiKey: { id: string } }>(
    'createApiKey',
    'secret apiKey { id }',
    { name: 'a key', permissions: ['WEBHOOKS_MANAGE', 'SETTINGS_MANAGE'] },
    owner,
  );
  const { errors } = await server()
    .withHeaders({ authorization: `Bearer ${payload.secret}` })
    .query(
      `mutation { createWebhook(input: { url: "${receiver.url}", events: ["tenant.updated"], payload: FULL }) { secret } }`,
    );
  expect(errors).toEqual([]);
  const { row } = await told();
  expect(row).toHaveProperty('settings');
  // The key's creator may read it, and the key not.
  expect(row).not.toHaveProperty('plan');
  await succeed('revokeApiKey', 'apiKey { id }', { id: payload.apiKey.id }, owner);
  expect(await told()).toMatchObject({ row: null, rowMissing: 'forbidden' });
});

test('say when the row is gone', async () => {
  await create(owner, { events: ['membership.deleted'] });
  const membershipId = await insertMembership(server().database, slug);
  await succeed('removeMember', 'deletedId', { membershipId }, owner);
  await send(slug);
  expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({
    type: 'membership.deleted',
    data: { entity: 'Membership', id: `membership_${membershipId}`, row: null, rowMissing: 'deleted' },
  });
});

test('have no secret of the row', async () => {
  await create(owner, { events: ['api_key.created', 'webhook.created'] });
  await succeed('createApiKey', 'apiKey { id }', { name: 'seen', permissions: ['MEMBERS_READ'] }, owner);
  await create(owner, { events: ['membership.created'] });
  await send(slug);
  // It is told of its own creation as well.
  expect(receiver.received).toHaveLength(3);
  for (const { body } of receiver.received) {
    expect(body).toMatch(/"row":\{/);
    expect(body).not.toMatch(/hash|secret|sealed/i);
  }
});

test('of another tenant are never told', async () => {
  await create(owner);
  await happen('globex');
  expect(await send(slug)).toBe(0);
});

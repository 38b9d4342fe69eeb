/** What receivers get, when they get it again, and when they get no more. */
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { jobs as tenantJobs } from '../../src/platform/tenant/tenant.jobs.js';
import { jobs } from '../../src/platform/webhook/webhook.jobs.js';
import { MOST_ATTEMPTS } from '../../src/services/webhooks/schedule.js';
import { bareId } from '../support/ids.js';
import { startReceiver, type ReceivedRequest, type Receiver } from '../support/receiver.js';
import { insertDelivery, insertMembership } from '../support/rows.js';
import { queuedJobs, runJobs } from '../support/run-jobs.js';
import { useWebhooks, type CreatedWebhook } from '../support/webhooks.js';

const { server, run, succeed, create, happen, send, tellOwners, deliveriesOf, rowOf } = useWebhooks();

let receiver: Receiver;
let answer: { status: number; headers?: Record<string, string> };
beforeEach(async () => {
  await server().database.asSuperuser('DELETE FROM webhooks; DELETE FROM tenantry.jobs');
  answer = { status: 204 };
  receiver = await startReceiver((_, response) =>
    response.writeHead(answer.status, answer.headers).end('no'),
  );
});
afterEach(() => receiver.close());

const change = (id: string, columns: string) =>
  server().database.asSuperuser(`UPDATE webhooks SET ${columns} WHERE id = $1`, [bareId(id)]);
const verified = (secret: string, { body, headers }: ReceivedRequest): unknown =>
  new Webhook(secret).verify(body, headers);
const only = async ({ webhook }: CreatedWebhook) => {
  const deliveries = await deliveriesOf(webhook.id);
  expect(deliveries).toHaveLength(1);
  return deliveries[0]!;
};

describe('an event', () => {
  test('reaches the webhook that asked for it, as the library of the specification verifies it', async () => {
    const asked = await create({
      url: `${receiver.url}/in`,
      events: ['tenant.updated', 'membership.deleted'],
    });
    await create({ url: `${receiver.url}/other`, events: ['membership.created'] });
    await create({ url: `${receiver.url}/foreign` }, { tenant: 'globex' });
    const { entries } = await succeed('updateTenant', 'tenant { id }', { name: 'Acme Two' });
    expect(await send()).toBe(1);
    const delivery = await only(asked);
    expect(receiver.received).toHaveLength(1);
    const [request] = receiver.received;
    expect(verified(asked.secret, request!)).toEqual({
      type: 'tenant.updated',
      timestamp: entries[0]!.created_at.toISOString(),
      data: {
        tenant: `tenant_${await server().database.tenantId('acme')}`,
        entity: 'Tenant',
        id: `tenant_${await server().database.tenantId('acme')}`,
      },
    });
    expect(request).toMatchObject({
      method: 'POST',
      path: '/in',
      headers: { 'content-type': 'application/json', 'webhook-id': `webhook_delivery_${delivery.id}` },
    });
    expect(delivery).toMatchObject({ status: 'delivered', attempts: 1, answered_status: 204, failure: null });
    expect(await send()).toBe(0);
    expect(await send('globex')).toBe(0);
  });

  test('makes its delivery and its job with the change, or neither', async () => {
    const webhook = await create({ url: receiver.url });
    const { errors } = await run('updateTenant', 'tenant { id }', { name: 'Acme', expectedVersion: -1 });
    expect(errors[0]?.extensions.code).toBe('CONFLICT');
    expect(await deliveriesOf(webhook.webhook.id)).toEqual([]);
    await happen();
    const delivery = await only(webhook);
    const queued = await queuedJobs(server(), 'acme', 'webhook.deliver');
    expect(queued).toMatchObject([
      { payload: { deliveryId: delivery.id }, actor_type: 'user', actor: 'demo|acme|owner' },
    ]);
    // Nothing is sent before a job runs: the mutation waited for no receiver.
    expect(receiver.connections()).toBe(0);
  });

  test('of maintenance, without a tenant, tells nobody', async () => {
    const { webhook } = await create({ url: receiver.url });
    await server().database.asSuperuser("UPDATE tenants SET name = 'by hand' WHERE slug = 'acme'");
    expect(await deliveriesOf(webhook.id)).toEqual([]);
  });

  test('of a disabled webhook is not queued, and what waits for it fails', async () => {
    const webhook = await create({ url: receiver.url });
    await happen();
    await succeed('updateWebhook', 'webhook { id }', { id: webhook.webhook.id, enabled: false });
    await happen();
    expect(await send()).toBe(1);
    expect(await only(webhook)).toMatchObject({ status: 'failed', failure: 'disabled', attempts: 0 });
    expect(receiver.connections()).toBe(0);
  });

  test('of a deleted webhook is not sent', async () => {
    const { webhook } = await create({ url: receiver.url });
    await happen();
    await succeed('deleteWebhook', 'deletedId', { id: webhook.id });
    expect(await send()).toBe(1);
    expect(receiver.connections()).toBe(0);
  });
});

describe('a message that fails', () => {
  test('is sent again with the same id by the schedule, until the last attempt', async () => {
    answer = { status: 500 };
    const webhook = await create({ url: receiver.url });
    await happen();
    const waits: number[] = [];
    for (let attempt = 1; attempt < MOST_ATTEMPTS; attempt++) {
      expect(await send()).toBe(1);
      const delivery = await only(webhook);
      expect(delivery).toMatchObject({ status: 'pending', attempts: attempt, answered_status: 500 });
      const [job] = await queuedJobs(server(), 'acme', 'webhook.deliver');
      expect(job?.run_at).toEqual(delivery.next_attempt_at);
      waits.push((delivery.next_attempt_at!.getTime() - delivery.last_attempt_at!.getTime()) / 1_000);
    }
    for (const [at, seconds] of [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].entries()) {
      // Up to a tenth longer, and however long the attempt itself took on this machine.
      expect(waits[at]).toBeGreaterThanOrEqual(seconds);
      expect(waits[at]).toBeLessThan(seconds * 1.1 + 60);
    }
    await send();
    expect(await only(webhook)).toMatchObject({
      status: 'failed',
      attempts: MOST_ATTEMPTS,
      next_attempt_at: null,
    });
    expect(await send()).toBe(0);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(receiver.received).toHaveLength(MOST_ATTEMPTS);
  });

  test.each([
    ['a redirect', { status: 307, headers: { location: 'https://elsewhere.example/' } }, 307],
    ['a client error', { status: 404 }, 404],
  ])('by %s is sent again', async (_name, given, status) => {
    answer = given;
    const webhook = await create({ url: receiver.url });
    await happen();
    await send();
    expect(await only(webhook)).toMatchObject({ status: 'pending', answered_status: status, failure: null });
  });

  test('without an answer says why', async () => {
    const closed = await startReceiver();
    await closed.close();
    const webhook = await create({ url: closed.url });
    await happen();
    await send();
    expect(await only(webhook)).toMatchObject({
      status: 'pending',
      answered_status: null,
      failure: 'unreachable',
    });
    // A host that was allowed when the webhook was made.
    await change(webhook.webhook.id, "url = 'https://169.254.169.254/latest/'");
    await send();
    expect(await only(webhook)).toMatchObject({ attempts: 2, failure: 'no_public_address' });
  });

  test('is sent once more when the worker ends before it could record the answer', async () => {
    const webhook = await create({ url: receiver.url });
    await happen();
    const dying = runJobs(server(), 'acme', 'webhook.deliver', jobs['webhook.deliver']!, {
      completeWith: () => Promise.reject(new Error('the worker ends')),
    });
    await expect(dying).rejects.toThrow('the worker ends');
    expect(await only(webhook)).toMatchObject({ status: 'pending', attempts: 0 });
    await server().database.asSuperuser("UPDATE tenantry.jobs SET state = 'queued', leased_until = NULL");
    await send();
    expect(await only(webhook)).toMatchObject({ status: 'delivered', attempts: 1 });
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([ids[0], ids[0]]);
  });
});

describe('a receiver', () => {
  test('that asks for time gets it, from all messages', async () => {
    answer = { status: 429, headers: { 'retry-after': '3600' } };
    const { webhook } = await create({ url: receiver.url });
    await happen();
    await send();
    await happen();
    const [first] = await deliveriesOf(webhook.id);
    const wait = first!.next_attempt_at!.getTime() - first!.last_attempt_at!.getTime();
    expect(wait).toBeGreaterThanOrEqual(3_600_000);
    answer = { status: 204 };
    expect(await send()).toBe(2);
    expect(receiver.received).toHaveLength(1);
    const deliveries = await deliveriesOf(webhook.id);
    expect(deliveries.map(({ status, attempts }) => [status, attempts])).toEqual([
      ['pending', 1],
      ['pending', 0],
    ]);
    await change(webhook.id, 'held_until = now()');
    await send();
    expect(receiver.received).toHaveLength(3);
  });

  test('that is gone is disabled, and every owner is told once', async () => {
    await insertMembership(server().database, 'acme', { role: 'owner', email: 'second@acme.test' });
    answer = { status: 410 };
    const webhook = await create({ url: `${receiver.url}/token`, description: 'Billing' });
    await happen();
    await happen();
    const sent = vi.spyOn(server().services.moduleContext.webhooks.mailer, 'send');
    sent.mockResolvedValue({ file: undefined });
    await send();
    await tellOwners();
    const mails = sent.mock.calls.map(([mail]) => mail);
    sent.mockRestore();
    expect(await rowOf(webhook.webhook.id)).toMatchObject({ disabled_because: 'gone' });
    const deliveries = await deliveriesOf(webhook.webhook.id);
    expect(
      deliveries.map(({ status, answered_status, failure }) => [status, answered_status, failure]),
    ).toEqual([
      ['failed', 410, null],
      ['failed', null, 'disabled'],
    ]);
    expect(mails.map(({ to }) => to).sort()).toEqual(['owner@acme.test', 'second@acme.test']);
    expect(mails[0]?.text).toContain('(Billing)');
    expect(JSON.stringify(mails)).not.toContain('/token');
    const [entry] = await server().database.asSuperuser<{ actor_type: string; actor: string }>(
      "SELECT actor_type, actor FROM audit_log WHERE entity_id = $1 AND new_value ->> 'disabled_because' = 'gone'",
      [bareId(webhook.webhook.id)],
    );
    expect(entry?.actor_type).toBe('job');
    expect(entry?.actor).toMatch(/^webhook\.deliver\//);
  });

  test('that is gone is disabled also where no mail can be sent, and the job that tells it ends', async () => {
    answer = { status: 410 };
    const { webhook } = await create({ url: receiver.url });
    await happen();
    await send();
    const { webhooks } = server().services.moduleContext;
    const mailer = { canSend: false, send: () => Promise.reject(new Error('there is no mail server')) };
    const context = { ...server().services.moduleContext, webhooks: { ...webhooks, mailer } };
    const told = await runJobs(server(), 'acme', 'webhook.tellOwner', jobs['webhook.tellOwner']!, {
      context,
    });
    expect(told).toBeGreaterThan(0);
    expect(await rowOf(webhook.id)).toMatchObject({ disabled_because: 'gone' });
  });

  test('that nothing has reached for days is disabled, and not for one message alone', async () => {
    answer = { status: 503 };
    const { webhook } = await create({ url: receiver.url });
    await change(webhook.id, "failing_since = now() - interval '6 days'");
    await happen();
    for (let attempt = 1; attempt <= 3; attempt++) await send();
    expect(await rowOf(webhook.id)).toMatchObject({ disabled_at: null });
    await send();
    expect(await rowOf(webhook.id)).toMatchObject({ disabled_because: 'failing' });
  });

  test('that has recovered is not failing any more', async () => {
    answer = { status: 500 };
    const { webhook } = await create({ url: receiver.url });
    await happen();
    await send();
    expect((await rowOf(webhook.id))['failing_since']).not.toBeNull();
    answer = { status: 200 };
    await send();
    expect(await rowOf(webhook.id)).toMatchObject({ failing_since: null });
    // How an endpoint fares is no change of the tenant's data.
    const entries = await server().database.asSuperuser(
      "SELECT FROM audit_log WHERE entity_id = $1 AND action = 'webhook.updated'",
      [bareId(webhook.id)],
    );
    expect(entries).toEqual([]);
  });
});

describe('a secret that was replaced', () => {
  test('is valid for a day beside the new one', async () => {
    const { secret: old, webhook } = await create({ url: receiver.url });
    const { payload } = await succeed<CreatedWebhook>('rotateWebhookSecret', 'secret', { id: webhook.id });
    const attempt = async () => {
      await happen();
      await send();
      return receiver.received.at(-1)!;
    };
    for (const secret of [old, payload.secret]) verified(secret, await attempt());
    await change(webhook.id, "rotated_at = now() - interval '25 hours'");
    const later = await attempt();
    verified(payload.secret, later);
    expect(() => verified(old, later)).toThrow('No matching signature found');
  });

  test('of another tenant opens nothing here', async () => {
    const { webhook } = await create({ url: receiver.url });
    const foreign = await create({ url: receiver.url }, { tenant: 'globex' });
    const { sealed_secret: sealed } = await rowOf(foreign.webhook.id);
    await server().database.asSuperuser('UPDATE webhooks SET sealed_secret = $2 WHERE id = $1', [
      bareId(webhook.id),
      sealed,
    ]);
    await happen();
    await expect(send()).rejects.toThrow('a sealed secret was changed, or is not in its place');
    expect(receiver.connections()).toBe(0);
  });
});

describe('testWebhook', () => {
  test('sends once, also what is disabled, and disables nothing', async () => {
    answer = { status: 410 };
    const created = await create({ url: receiver.url, payload: 'FULL' });
    const { id } = created.webhook;
    await succeed('testWebhook', 'delivery { id event status }', { id });
    await send();
    expect(verified(created.secret, receiver.received[0]!)).toMatchObject({
      type: 'webhook.test',
      data: { entity: null, id: null },
    });
    expect(await rowOf(id)).toMatchObject({ disabled_at: null, failing_since: null });
    await succeed('updateWebhook', 'webhook { id }', { id, enabled: false });
    await succeed('testWebhook', 'delivery { id }', { id });
    await send();
    expect(receiver.received).toHaveLength(2);
    const deliveries = await deliveriesOf(id);
    expect(deliveries.map(({ status, attempts }) => [status, attempts])).toEqual([
      ['failed', 1],
      ['failed', 1],
    ]);
  });
});

describe('redeliver', () => {
  test('sends the same message again, with all attempts', async () => {
    const webhook = await create({ url: receiver.url });
    await happen();
    await send();
    const { id } = await only(webhook);
    const { payload } = await succeed('redeliver', 'delivery { status attempts deliveredAt }', { id });
    expect(payload).toEqual({ delivery: { status: 'PENDING', attempts: 0, deliveredAt: null } });
    answer = { status: 500 };
    await send();
    expect(await only(webhook)).toMatchObject({ status: 'pending', attempts: 1, round: 2 });
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  test('during an attempt is not undone by it', async () => {
    const webhook = await create({ url: receiver.url });
    await happen();
    const { id } = await only(webhook);
    await receiver.close();
    receiver = await startReceiver((_, response) => {
      void succeed('redeliver', 'delivery { id }', { id }).then(() => response.writeHead(200).end());
    });
    await change(webhook.webhook.id, `url = '${receiver.url}'`);
    await send();
    expect(await only(webhook)).toMatchObject({ status: 'pending', attempts: 0, round: 2 });
    expect(await queuedJobs(server(), 'acme', 'webhook.deliver')).toHaveLength(1);
  });
});

test('old deliveries go as new ones come, and those that wait stay', async () => {
  const { webhook } = await create({ url: receiver.url });
  const old = { createdAt: '2026-01-01T00:00:00Z' };
  for (const status of ['delivered', 'failed', 'pending']) {
    await insertDelivery(server().database, 'acme', bareId(webhook.id), { ...old, status });
  }
  await happen();
  await send();
  expect((await deliveriesOf(webhook.id)).map(({ status }) => status)).toEqual(['pending', 'delivered']);
});

test('old deliveries of a webhook that sends no more go at night', async () => {
  const { webhook } = await create({ url: receiver.url });
  for (const [status, createdAt] of [
    ['delivered', '2026-01-01T00:00:00Z'],
    ['failed', new Date().toISOString()],
    ['pending', '2026-01-01T00:00:00Z'],
  ] as const) {
    await insertDelivery(server().database, 'acme', bareId(webhook.id), { status, createdAt });
  }
  const globex = await insertDelivery(server().database, 'globex', undefined, {
    status: 'delivered',
    createdAt: '2026-01-01T00:00:00Z',
  });
  await server().database.asSuperuser(
    `INSERT INTO tenantry.jobs (tenant_id, task, payload, run_at, max_attempts, actor_type, actor)
     VALUES ($1, 'tenant.clean', '{}', now(), 1, 'system', 'cron')`,
    [await server().database.tenantId('acme')],
  );
  expect(await runJobs(server(), 'acme', 'tenant.clean', tenantJobs['tenant.clean']!)).toBe(1);
  expect((await deliveriesOf(webhook.id)).map(({ status }) => status)).toEqual(['pending', 'failed']);
  const others = 'SELECT FROM webhook_deliveries WHERE id = $1';
  expect(await server().database.asSuperuser(others, [globex])).toHaveLength(1);
});

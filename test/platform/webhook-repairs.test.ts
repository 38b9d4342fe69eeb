/** What ends the waiting of messages, and what an attempt may say of a webhook that was repaired meanwhile. */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OutgoingError } from '../../src/kernel/outgoing/outgoing-error.js';
import { jobs } from '../../src/platform/webhook/webhook.jobs.js';
import { SealedSecrets } from '../../src/services/secrets/sealed-secrets.js';
import { bareId } from '../support/ids.js';
import { runJobs } from '../support/run-jobs.js';
import { startReceiver, type Receiver } from '../support/receiver.js';
import { useWebhooks } from '../support/webhooks.js';

const { server, succeed, create, happen, send, deliveriesOf, rowOf } = useWebhooks();

let receiver: Receiver;
let answer: { status: number; headers?: Record<string, string> };
/** What happens between a request and its answer. */
let meanwhile: () => Promise<unknown>;
beforeEach(async () => {
  await server().database.asSuperuser('DELETE FROM webhooks; DELETE FROM tenantry.jobs');
  answer = { status: 204 };
  meanwhile = () => Promise.resolve();
  receiver = await startReceiver((_, response) => {
    void meanwhile().then(() => response.writeHead(answer.status, answer.headers).end());
  });
});
afterEach(() => receiver.close());

const change = (id: string, columns: string) =>
  server().database.asSuperuser(`UPDATE webhooks SET ${columns} WHERE id = $1`, [bareId(id)]);
const changeDelivery = (id: string, columns: string) =>
  server().database.asSuperuser(`UPDATE webhook_deliveries SET ${columns} WHERE id = $1`, [id]);
const started = () =>
  server().database.asSuperuser<{ max: number }>('SELECT max_attempts AS max FROM tenantry.jobs');
const askForTime = { status: 503, headers: { 'retry-after': '3600' } };

describe('a message that its receiver holds', () => {
  const held = async () => {
    answer = askForTime;
    const { webhook } = await create({ url: receiver.url });
    await happen();
    await happen();
    await send();
    const [tried, waiting] = await deliveriesOf(webhook.id);
    expect([tried?.attempts, waiting?.attempts]).toEqual([1, 0]);
    return { id: webhook.id, tried: tried!.id, waiting: waiting!.id };
  };
  const LONG_AGO = "round_began_at = now() - interval '4 days'";

  test('is given up when the receiver has asked for time as long as all attempts take', async () => {
    const { id, waiting } = await held();
    await changeDelivery(waiting, LONG_AGO);
    await send();
    // The receiver has failed for a moment: it gets its time, however old the message is.
    expect((await deliveriesOf(id)).map(({ status }) => status)).toEqual(['pending', 'pending']);
    await change(id, "failing_since = now() - interval '4 days'");
    await send();
    expect(await deliveriesOf(id)).toMatchObject([
      { status: 'pending', attempts: 1 },
      { status: 'failed', attempts: 0, failure: 'held', next_attempt_at: null },
    ]);
    expect(await rowOf(id)).toMatchObject({ disabled_at: null });
    expect(receiver.received).toHaveLength(1);
    const owner = await server().as('owner', 'acme');
    const shown = await owner.query(
      '{ webhookDeliveries(filter: { status: FAILED }) { nodes { failure } } }',
    );
    expect(shown).toMatchObject({
      errors: [],
      data: { webhookDeliveries: { nodes: [{ failure: 'HELD' }] } },
    });
  });

  test('disables the webhook with its end when nothing has reached it for days', async () => {
    const { id, tried } = await held();
    await changeDelivery(tried, LONG_AGO);
    await change(id, "failing_since = now() - interval '6 days'");
    await send();
    expect((await deliveriesOf(id))[0]).toMatchObject({ status: 'failed', failure: 'held' });
    expect(await rowOf(id)).toMatchObject({ disabled_because: 'failing' });
  });

  test('has all its time again when it is sent again by hand', async () => {
    const { id, tried } = await held();
    await changeDelivery(tried, LONG_AGO);
    await change(id, "failing_since = now() - interval '4 days'");
    await succeed('redeliver', 'delivery { id }', { id: `webhook_delivery_${tried}` });
    await send();
    expect((await deliveriesOf(id))[0]).toMatchObject({ status: 'pending', round: 2, attempts: 0 });
  });

  test('waits longer the longer the receiver fails, and no shorter because of another answer', async () => {
    answer = { status: 503, headers: { 'retry-after': '60' } };
    const { webhook } = await create({ url: receiver.url });
    const secondsHeld = async () => {
      const [row] = await server().database.asSuperuser<{ seconds: number }>(
        `SELECT extract(epoch FROM held_until - last_attempt_at)::float8 AS seconds
         FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id WHERE w.id = $1`,
        [bareId(webhook.id)],
      );
      return row!.seconds;
    };
    await happen();
    await send();
    expect(await secondsHeld()).toBeGreaterThanOrEqual(60);
    await change(webhook.id, "held_until = NULL, failing_since = now() - interval '10 minutes'");
    await send();
    expect(await secondsHeld()).toBeGreaterThanOrEqual(1_800);
    meanwhile = () => change(webhook.id, "held_until = now() + interval '5 hours'");
    await change(webhook.id, 'held_until = NULL');
    await send();
    expect(await secondsHeld()).toBeGreaterThanOrEqual(17_000);
  });
});

test('a receiver that hangs is left alone, so that it does not keep other webhooks waiting', async () => {
  const { webhook } = await create({ url: receiver.url });
  const other = await create({ url: `${receiver.url}/other` });
  // Failing for some minutes, they are left alone for half an hour, however slow this machine is.
  for (const { id } of [webhook, other.webhook])
    await change(id, "failing_since = now() - interval '10 minutes'");
  await happen();
  await happen();
  const { webhooks } = server().services.moduleContext;
  const asked: string[] = [];
  const outgoing = new Proxy(webhooks.outgoing, {
    get: (target, name) =>
      name === 'send'
        ? ({ url }: { url: string }) => {
            asked.push(url);
            return Promise.reject(new OutgoingError('timeout', 'It took too long.'));
          }
        : (Reflect.get(target, name) as unknown),
  });
  const context = { ...server().services.moduleContext, webhooks: { ...webhooks, outgoing } };
  await runJobs(server(), 'acme', 'webhook.deliver', jobs['webhook.deliver']!, { context });
  // The second message of each was not sent.
  expect(asked.sort()).toEqual([webhook.url, other.webhook.url].sort());
  expect((await deliveriesOf(webhook.id)).map(({ attempts, failure }) => [attempts, failure])).toEqual([
    [1, 'timeout'],
    [0, null],
  ]);
});

test('the queue ends no delivery before its own attempts do', async () => {
  answer = { status: 500 };
  const { webhook } = await create({ url: receiver.url });
  await happen();
  expect(await started()).toEqual([{ max: 100 }]);
  await send();
  await succeed('testWebhook', 'delivery { id }', { id: webhook.id });
  await succeed('redeliver', 'delivery { id }', {
    id: `webhook_delivery_${(await deliveriesOf(webhook.id))[0]!.id}`,
  });
  const jobs = await started();
  expect(jobs.length).toBeGreaterThanOrEqual(3);
  expect(new Set(jobs.map(({ max }) => max))).toEqual(new Set([100]));
});

describe('a webhook that is repaired during an attempt', () => {
  test.each([
    [
      'another URL',
      (id: string) => succeed('updateWebhook', 'webhook { id }', { id, url: `${receiver.url}/new` }),
    ],
    ['another secret', (id: string) => succeed('rotateWebhookSecret', 'secret', { id })],
    ['being enabled', (id: string) => succeed('updateWebhook', 'webhook { id }', { id, enabled: true })],
  ])('by %s is not held, failing or disabled by it, and the message is sent again', async (_name, repair) => {
    answer = { status: 410 };
    const { webhook } = await create({ url: receiver.url });
    await change(webhook.id, "failing_since = now() - interval '6 days'");
    await happen();
    const [before] = await deliveriesOf(webhook.id);
    await changeDelivery(before!.id, 'attempts = 5');
    meanwhile = () => repair(webhook.id);
    await send();
    expect(await rowOf(webhook.id)).toMatchObject({ disabled_at: null, held_until: null });
    expect((await deliveriesOf(webhook.id))[0]).toMatchObject({
      status: 'pending',
      attempts: 5,
      answered_status: 410,
    });
    meanwhile = () => Promise.resolve();
    answer = { status: 204 };
    await send();
    expect((await deliveriesOf(webhook.id))[0]).toMatchObject({ status: 'delivered', attempts: 6 });
  });

  test('by another URL begins anew', async () => {
    answer = askForTime;
    const { webhook } = await create({ url: receiver.url });
    await happen();
    await send();
    expect((await rowOf(webhook.id))['held_until']).not.toBeNull();
    const set = (url: string) => succeed('updateWebhook', 'webhook { id }', { id: webhook.id, url });
    // Its own URL is no other one.
    await set(webhook.url);
    expect((await rowOf(webhook.id))['held_until']).not.toBeNull();
    await set(`${receiver.url}/new`);
    expect(await rowOf(webhook.id)).toMatchObject({ held_until: null, failing_since: null });
  });

  test('by nobody, and disabled in the meantime, is sent nothing more', async () => {
    answer = { status: 500 };
    const { webhook } = await create({ url: receiver.url });
    await happen();
    meanwhile = () => succeed('updateWebhook', 'webhook { id }', { id: webhook.id, enabled: false });
    await send();
    await send();
    expect((await deliveriesOf(webhook.id))[0]).toMatchObject({ status: 'failed', failure: 'disabled' });
    expect(receiver.received).toHaveLength(1);
  });
});

describe('without the key that has encrypted', () => {
  const sealedElsewhere = (id: string, tenantId: string) =>
    new SealedSecrets([randomBytes(48).toString('base64')]).seal('whsec_AAAA', {
      tenantId,
      purpose: 'webhook',
      id: bareId(id),
    });

  test('the former secret, messages are signed with the present one', async () => {
    const { secret, webhook } = await create({ url: receiver.url });
    const former = sealedElsewhere(webhook.id, await server().database.tenantId('acme'));
    await change(webhook.id, `former_sealed_secret = '${former}', rotated_at = now()`);
    await happen();
    await send();
    const { body, headers } = receiver.received[0]!;
    expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'tenant.updated' });
    expect(headers['webhook-signature']).not.toContain(' ');
  });

  test('the present secret, nothing is sent, and the reason is told', async () => {
    const { webhook } = await create({ url: receiver.url });
    const sealed = sealedElsewhere(webhook.id, await server().database.tenantId('acme'));
    await change(webhook.id, `sealed_secret = '${sealed}'`);
    await happen();
    await expect(send()).rejects.toThrow('ENCRYPTION_KEYS does not have the key');
    expect(receiver.connections()).toBe(0);
  });
});

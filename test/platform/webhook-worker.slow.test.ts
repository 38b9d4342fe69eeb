/** A worker as it runs in a server sends what a mutation has caused, and again after a failure. */
import { pino } from 'pino';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.js';
import { until } from '../support/until.js';
import { useWebhooks } from '../support/webhooks.js';

const { server, create, happen, deliveriesOf } = useWebhooks();

test('a worker sends the messages of a tenant, and the failed one again after five seconds', async () => {
  const statuses = [500, 200, 200];
  const receiver = await startReceiver((_, response) => response.writeHead(statuses.shift() ?? 204).end());
  try {
    const { secret, webhook } = await create({ url: receiver.url });
    server().services.worker.start(pino({ level: 'silent' }));
    await happen();
    await happen();
    await until('both messages are delivered', async () => {
      const deliveries = await deliveriesOf(webhook.id);
      return deliveries.length === 2 && deliveries.every(({ status }) => status === 'delivered');
    });
    expect(receiver.received).toHaveLength(3);
    for (const { body, headers } of receiver.received) {
      expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'tenant.updated' });
    }
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
    const attempts = (await deliveriesOf(webhook.id)).map((each) => each.attempts);
    expect(attempts.sort()).toEqual([1, 2]);
  } finally {
    await server().services.worker.stop(10_000);
    await receiver.close();
  }
});

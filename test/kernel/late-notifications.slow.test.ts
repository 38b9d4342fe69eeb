/** Notifications that arrive late: they are not trusted to be in time, and their connection is kept, for none of them is lost. */
import { expect, test } from 'vitest';
import { listen } from '../../src/kernel/notifications/notifications.js';
import { useDatabase } from '../support/database.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const database = useDatabase();

test('late heartbeats end the trust in notifications, and not the connection', async () => {
  const { app } = database();
  const proxy = await startTcpProxy(app);
  const notifications = listen({
    listenUrl: proxy.through(app),
    databaseUrl: app,
    channels: ['of_this_test'],
    onProblem: () => undefined,
  });
  const heard: string[] = [];
  let gaps = 0;
  notifications.onMessage('of_this_test', (payload) => heard.push(payload));
  notifications.onGap(() => gaps++);
  try {
    await until('it hears', () => notifications.isLive);
    proxy.delayAnswers(900);
    await until('it doubts', () => !notifications.isLive);
    let trusts = 0;
    notifications.onTrust(() => trusts++);
    // Ten heartbeats, after which a connection that has fallen silent is given up, take four seconds.
    for (const payload of ['1', '2', '3', '4', '5', '6', '7', '8']) {
      await database().asSuperuser('SELECT pg_notify($1, $2)', ['of_this_test', payload]);
      await until('the message arrives', () => heard.at(-1) === payload);
    }
    expect(heard).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
    expect(gaps).toBe(0);
    // Twice as many heartbeats have arrived late. A process that stands still sends none, and then the last one is the newest.
    expect(trusts).toBeLessThan(4);
    await until('it still doubts', () => !notifications.isLive);
    proxy.delayAnswers(0);
    await until('it trusts them again', () => notifications.isLive);
    expect(gaps).toBe(0);
  } finally {
    await notifications.close();
    await proxy.close();
  }
});

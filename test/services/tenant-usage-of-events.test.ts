/** Proves that subscriptions, the bytes of their events, and jobs are counted for their tenant. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { endStreamsAfterEach, streamed } from '../support/stream-client.js';
import { arrived, CHANGED, tokenOf, useNoteEvents } from '../support/note-events.js';
import { insertJob } from '../support/rows.js';
import { subscriberOf } from '../support/subscriber.js';
import { until } from '../support/until.js';

const { database, server, replica, memberOf, addNote } = useNoteEvents();
endStreamsAfterEach(() => [server(), replica()]);

async function used(slug: string) {
  await server().services.usageWriter.write();
  await replica().services.usageWriter.write();
  const [row] = await database().asSuperuser<{ requests: number; bytes: number; rows: number; jobs: number }>(
    `SELECT coalesce(sum(requests), 0)::int AS requests, coalesce(sum(bytes), 0)::int AS bytes,
       coalesce(sum(rows), 0)::int AS rows, coalesce(sum(jobs), 0)::int AS jobs
     FROM tenantry.tenant_usage WHERE tenant_id = $1 AND period = 'day'`,
    [await database().tenantId(slug)],
  );
  return row!;
}

test('a subscription counts once, and the bytes of its events, over both transports', async () => {
  const who = await memberOf('measured');
  const watched = [
    await streamed(server(), tokenOf(who), CHANGED),
    subscriberOf(replica(), { token: tokenOf(who) }).subscribe(CHANGED),
  ];
  await until('both are counted', async () => (await used(who.slug)).requests === 2);
  const before = await used(who.slug);
  const text = 'x'.repeat(5_000);
  await addNote(who.slug, text);
  for (const each of watched) await arrived(each, 1);
  await until('the events are counted', async () => {
    const { bytes, rows } = await used(who.slug);
    return bytes - before.bytes > 2 * text.length && rows > before.rows;
  });
  expect((await used(who.slug)).requests).toBe(2);
});

test('an attempt of a job counts', async () => {
  const who = await memberOf('working');
  const { jobs } = await used(who.slug);
  await insertJob(database(), who.slug, { task: 'tenant.clean', state: 'queued', maxAttempts: 5 });
  server().services.worker.start(pino({ level: 'silent' }));
  await until('it is counted', async () => (await used(who.slug)).jobs === jobs + 1);
  await server().services.worker.stop(60_000);
});

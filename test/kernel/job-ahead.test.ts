/** Proves that short jobs which a worker takes ahead of its free slots are neither lost, nor held up, nor run against the rules. */
import { describe, expect, test } from 'vitest';
import type { RunningJob } from '../../src/kernel/graphql/job-handler.js';
import type { AccessChange } from '../../src/kernel/notifications/access-invalidations.js';
import { AHEAD_MS, JobsAhead } from '../../src/services/jobs/jobs-ahead.js';
import { useBoundClients } from '../support/bound-clients.js';
import { deferred, handlerOf, stateOfJob, storedJob, withWorker } from '../support/jobs.js';
import { until } from '../support/until.js';

const { database, tenants, acme, globex } = useBoundClients();

/** One slot, for which jobs are taken ahead however long they take here. */
const AHEAD = { slots: 1, aheadMs: 1_000_000 };

const queue = (texts: readonly string[], db = acme()) =>
  db.transaction(async (tx) => {
    const ids: string[] = [];
    for (const text of texts) ids.push(await tx.enqueue('test.work', { text }));
    return ids;
  });
const allAre = (state: string, ids: readonly string[]) =>
  until(`the jobs are ${state}`, async () => {
    const states = await Promise.all(ids.map((id) => stateOfJob(database(), id)));
    return states.every((each) => each === state);
  });
const remove = () => database().asSuperuser('DELETE FROM tenantry.jobs');

describe('as many jobs are taken ahead', () => {
  test('as the slots are expected to end within five milliseconds', () => {
    const ahead = new JobsAhead(AHEAD_MS);
    expect(ahead.room(4)).toBe(0);
    ahead.took(2);
    expect(ahead.room(4)).toBe(10);
    ahead.took(1_000);
    expect(ahead.room(4)).toBe(0);
    for (let each = 0; each < 100; each++) ahead.took(0.01);
    expect(ahead.room(1)).toBe(20);
  });
});

test('one visit serves several jobs, of each tenant its own', async () => {
  const mine = await queue(['a1', 'a2', 'a3', 'a4']);
  const theirs = await queue(['g1', 'g2', 'g3', 'g4'], globex());
  const ran: string[] = [];
  let visits = 0;
  let atOnce = 0;
  const work = async (job: RunningJob, text: string) => {
    expect(++atOnce).toBe(1);
    ran.push(`${job.tenantId} ${text}`);
    await job.db.membership.findMany({ take: 1 });
    atOnce--;
  };
  await withWorker(
    database(),
    { 'test.work': handlerOf(work) },
    () => allAre('succeeded', [...mine, ...theirs]),
    {
      ...AHEAD,
      // Polls give nothing back in this time, however long the jobs take.
      pollMs: 60_000,
      through: (opened) => ({
        sign: opened.sign,
        forTenant: (context) => opened.forTenant(context),
        query: async (sql, values, lookup) => {
          const rows = await opened.query<Record<string, unknown>>(sql, values, lookup);
          if (sql.includes('claim_jobs') && rows[0]?.['id']) visits++;
          return rows as never;
        },
      }),
    },
  );
  const expected = [
    ...['a1', 'a2', 'a3', 'a4'].map((text) => `${tenants().acme.tenantId} ${text}`),
    ...['g1', 'g2', 'g3', 'g4'].map((text) => `${tenants().globex.tenantId} ${text}`),
  ];
  expect(ran.toSorted()).toEqual(expected.toSorted());
  expect(visits).toBeLessThan(6);
});

test('jobs that wait behind a long one are given back in their place, and run on another worker', async () => {
  const [first, ...others] = await queue(['short', 'long', 'b1', 'b2']);
  const [long, ...behind] = others as [string, ...string[]];
  const before = await Promise.all(behind.map((id) => storedJob(database(), id)));
  const end = deferred<undefined>();
  const ran: string[] = [];
  const work = async (_job: RunningJob, text: string) => {
    ran.push(text);
    if (text === 'long') await end.promise;
  };
  const handlers = { 'test.work': handlerOf(work) };
  await withWorker(
    database(),
    handlers,
    async () => {
      await until('the long job runs', () => Promise.resolve(ran.includes('long')));
      await allAre('queued', behind);
      for (const [place, id] of behind.entries()) {
        expect(await storedJob(database(), id)).toMatchObject({ attempt: 0, run_at: before[place]!.run_at });
      }
      expect(await stateOfJob(database(), first!)).toBe('succeeded');
      await withWorker(database(), handlers, () => allAre('succeeded', behind));
      expect(await stateOfJob(database(), long)).toBe('running');
      end.resolve(undefined);
      await allAre('succeeded', [long]);
    },
    AHEAD,
  );
  expect(ran).toEqual(['short', 'long', 'b1', 'b2']);
  await remove();
});

test('a worker that stops gives them back, and their attempts do not count', async () => {
  const [, second, ...behind] = await queue(['short', 'last', 'b1', 'b2', 'b3']);
  const ran: string[] = [];
  const begun = deferred<undefined>();
  const end = deferred<undefined>();
  const work = async (_job: RunningJob, text: string) => {
    ran.push(text);
    if (text !== 'last') return;
    begun.resolve(undefined);
    await end.promise;
  };
  await withWorker(
    database(),
    { 'test.work': handlerOf(work) },
    async (worker) => {
      await begun.promise;
      const stopped = worker.stop(60_000);
      end.resolve(undefined);
      await stopped;
    },
    AHEAD,
  );
  expect(ran).toEqual(['short', 'last']);
  expect(await stateOfJob(database(), second!)).toBe('succeeded');
  for (const id of behind) {
    expect(await storedJob(database(), id)).toMatchObject({ state: 'queued', attempt: 0 });
  }
  await remove();
});

test('those of a tenant that is suspended do not begin', async () => {
  const [, ...behind] = await queue(['first', 'suspends', 'b1', 'b2']);
  let other = '';
  const { tenantId } = tenants().acme;
  const status = (to: string) =>
    database().asSuperuser('UPDATE tenants SET status = $2 WHERE id = $1', [tenantId, to]);
  const ran: string[] = [];
  let announce: (change: AccessChange) => void = () => undefined;
  const work = async (_job: RunningJob, text: string) => {
    ran.push(text);
    if (text !== 'suspends') return;
    await status('suspended');
    announce({ tenantId });
    await allAre('queued', behind);
    // It comes after those that are ahead.
    [other = ''] = await queue(['other'], globex());
  };
  await withWorker(
    database(),
    { 'test.work': handlerOf(work) },
    () =>
      until('the job of the other tenant is done', async () => {
        return other !== '' && (await stateOfJob(database(), other)) === 'succeeded';
      }),
    {
      ...AHEAD,
      invalidations: { onChange: (hear) => void (announce = hear) },
      // Polls give nothing back in this time.
      pollMs: 60_000,
    },
  );
  await status('active');
  expect(ran).toEqual(['first', 'suspends', 'other']);
  await remove();
});

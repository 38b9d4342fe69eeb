/** Proves what a worker guarantees about the handlers that it runs, and about the ends of their jobs. */
import { describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { RunningJob } from '../../src/kernel/graphql/job-handler.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { JobFailure } from '../../src/kernel/vocabulary/job.js';
import type { WorkerParts } from '../../src/services/jobs/worker.js';
import { newMember, useBoundClients } from '../support/bound-clients.js';
import { aborted, deferred, handlerOf, stateOfJob, storedJob, withWorker } from '../support/jobs.js';
import { until } from '../support/until.js';

const { database, tenants, acme, globex, tracesOf } = useBoundClients();

const ended = (id: string, state: string) =>
  until(`the job is ${state}`, async () => (await stateOfJob(database(), id)) === state);

describe('a handler', () => {
  test('works in the tenant of its job, in the name of the job and its cause', async () => {
    const id = await globex().enqueue('test.work', { text: 'add' });
    let seen: RunningJob | undefined;
    const work = async (job: RunningJob) => {
      seen = job;
      await job.db.membership.create({ data: { ...newMember('by-job'), email: 'by-job@globex.test' } });
    };
    await withWorker(database(), { 'test.work': handlerOf(work) }, () => ended(id, 'succeeded'));
    expect(seen).toMatchObject({
      id,
      task: 'test.work',
      tenantId: tenants().globex.tenantId,
      attempt: 1,
      cause: { type: 'user', id: 'demo|globex|owner' },
      requestId: 'request-globex',
    });
    const entries = await database().asSuperuser(
      "SELECT tenant_id, actor_type, actor, request_id FROM audit_log WHERE new_value ->> 'user_id' = 'by-job'",
    );
    expect(entries).toEqual([
      {
        tenant_id: tenants().globex.tenantId,
        actor_type: 'job',
        actor: `test.work/${id}/user:demo|globex|owner`,
        request_id: 'request-globex',
      },
    ]);
  });

  test('sees no row of another tenant', async () => {
    const id = await acme().enqueue('test.work', { text: 'look' });
    let found: unknown;
    const work = async ({ db }: RunningJob) => {
      found = await db.$queryRaw(
        Prisma.sql`SELECT DISTINCT tenant_id::text AS tenant FROM public.memberships`,
      );
    };
    await withWorker(database(), { 'test.work': handlerOf(work) }, () => ended(id, 'succeeded'));
    expect(found).toEqual([{ tenant: tenants().acme.tenantId }]);
  });

  test('that fails runs again, and its job is dead after the last attempt', async () => {
    const id = await acme().enqueue('test.work', { text: 'fail' }, { maxAttempts: 3 });
    const attempts: number[] = [];
    const work = ({ attempt }: RunningJob) => {
      attempts.push(attempt);
      return Promise.reject(new Error('a secret of the server'));
    };
    await withWorker(database(), { 'test.work': handlerOf(work) }, () => ended(id, 'dead'));
    expect(attempts).toEqual([1, 2, 3]);
    const { last_error } = await storedJob(database(), id);
    expect(last_error).toMatch(/^Internal error/);
  });

  test('tells the reason of a failure, and that no attempt can succeed', async () => {
    const id = await acme().enqueue('test.work', { text: 'never' });
    const work = () =>
      Promise.reject(new JobFailure('The address does not exist.', { retryAfterMs: 'never' }));
    await withWorker(database(), { 'test.work': handlerOf(work) }, () => ended(id, 'dead'));
    expect(await storedJob(database(), id)).toMatchObject({
      attempt: 1,
      last_error: 'The address does not exist.',
    });
  });

  test('chooses when the next attempt is', async () => {
    const id = await acme().enqueue('test.work', { text: 'later' });
    const work = () => Promise.reject(new JobFailure('Too many.', { retryAfterMs: 3_600_000 }));
    await withWorker(database(), { 'test.work': handlerOf(work) }, () =>
      until('the attempt failed', async () => (await storedJob(database(), id)).last_error !== null),
    );
    const { state, run_at: runAt } = await storedJob(database(), id);
    expect(state).toBe('queued');
    expect(runAt.getTime()).toBeGreaterThan(Date.now() + 1_800_000);
    await acme().$executeRaw(Prisma.sql`SELECT tenantry.cancel_job(${id}::uuid)`);
  });

  test('does not get a payload that is not what the task expects', async () => {
    const id = await acme().enqueue('test.work', { text: 7 as unknown as string });
    const work = () => Promise.reject(new Error('was called'));
    await withWorker(database(), { 'test.work': handlerOf(work) }, () => ended(id, 'dead'));
    expect((await storedJob(database(), id)).last_error).toBe('The payload is not what the task expects.');
  });

  test('that takes too long is told, and can do nothing more', async () => {
    const id = await acme().enqueue('test.work', { text: 'slow' });
    const refused = deferred<unknown>();
    const work = async ({ db, signal }: RunningJob) => {
      await aborted(signal);
      refused.resolve(await db.membership.count().catch((error: unknown) => error));
    };
    await withWorker(database(), { 'test.work': handlerOf(work, { timeoutMs: 1_000 }) }, async () => {
      expect(await refused.promise).toMatchObject({ extensions: { code: 'DEADLINE_EXCEEDED' } });
      await ended(id, 'succeeded');
    });
  });

  test('that was cancelled is told, and what it completes with is undone', async () => {
    const id = await acme().enqueue('test.work', { text: 'cancel' });
    const begun = deferred<undefined>();
    const outcome = deferred<unknown>();
    const work = async (job: RunningJob) => {
      begun.resolve(undefined);
      await aborted(job.signal);
      const late = acme().transaction(async (tx) => {
        await tx.membership.create({ data: newMember('too-late') });
        await job.completeWith(tx);
      });
      outcome.resolve(await late.catch(() => 'refused'));
    };
    await withWorker(
      database(),
      { 'test.work': handlerOf(work) },
      async () => {
        await begun.promise;
        await acme().$executeRaw(Prisma.sql`SELECT tenantry.cancel_job(${id}::uuid)`);
        expect(await outcome.promise).toBe('refused');
      },
      { leaseMs: 400 },
    );
    expect(await stateOfJob(database(), id)).toBe('cancelled');
    expect(await tracesOf('too-late')).toEqual({ rows: 0, entries: 0 });
  });
});

describe('completeWith', () => {
  test('commits the effect and the end of the job together', async () => {
    const id = await acme().enqueue('test.work', { text: 'once' });
    const work = (job: RunningJob) =>
      job.db.transaction(async (tx) => {
        await tx.membership.create({ data: newMember('once') });
        await job.completeWith(tx);
      });
    await withWorker(database(), { 'test.work': handlerOf(work) }, () => ended(id, 'succeeded'));
    expect((await tracesOf('once')).rows).toBe(1);
  });

  test('undoes both when the transaction fails', async () => {
    const id = await acme().enqueue('test.work', { text: 'undone' }, { maxAttempts: 1 });
    const work = (job: RunningJob) =>
      job.db.transaction(async (tx) => {
        await tx.membership.create({ data: newMember('undone') });
        await job.completeWith(tx);
        throw new JobFailure('It failed after all.');
      });
    await withWorker(database(), { 'test.work': handlerOf(work) }, () => ended(id, 'dead'));
    expect((await tracesOf('undone')).rows).toBe(0);
  });
});

test('a job whose handler has ended well is not failed when that cannot be recorded at first', async () => {
  const id = await acme().enqueue('test.work', { text: 'done' }, { maxAttempts: 1 });
  let runs = 0;
  let refusals = 0;
  const work = () => {
    runs++;
    return Promise.resolve();
  };
  const through = (opened: Database): WorkerParts['database'] => ({
    sign: opened.sign,
    forTenant: (context) => opened.forTenant(context),
    query: (sql, values, lookup) => {
      // Each claim ends jobs too; a job that cannot be ended with a claim is ended by itself.
      if (runs === 0 || !sql.includes('finish_jobs') || ++refusals > 4)
        return opened.query(sql, values, lookup);
      return Promise.reject(new Error('the connection broke'));
    },
  });
  await withWorker(
    database(),
    { 'test.work': handlerOf(work) },
    () =>
      until('the job has ended', async () => (await stateOfJob(database(), id)) !== 'running' && runs > 0),
    { through },
  );
  expect(await storedJob(database(), id)).toMatchObject({ state: 'succeeded', attempt: 1, last_error: null });
  expect(runs).toBe(1);
  expect(refusals).toBeGreaterThan(4);
});

test('the end of a job is recorded by the claim that takes the next one', async () => {
  const alone: string[] = [];
  const through = (opened: Database): WorkerParts['database'] => ({
    sign: opened.sign,
    forTenant: (context) => opened.forTenant(context),
    query: (sql, values, lookup) => {
      if (sql.includes('finish_jobs') && !sql.includes('claim_jobs')) alone.push(sql);
      return opened.query(sql, values, lookup);
    },
  });
  const ids = await Promise.all(
    ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'].map((text) =>
      acme().enqueue('test.work', { text }),
    ),
  );
  await withWorker(
    database(),
    { 'test.work': handlerOf(() => Promise.resolve()) },
    async () => {
      for (const id of ids) await ended(id, 'succeeded');
    },
    { through },
  );
  expect(alone).toEqual([]);
});

describe('a worker that stops', () => {
  test('gives back what is unfinished, and the attempt does not count', async () => {
    const id = await acme().enqueue('test.work', { text: 'unfinished' }, { maxAttempts: 1 });
    const begun = deferred<undefined>();
    const stuck = async ({ signal }: RunningJob) => {
      begun.resolve(undefined);
      await aborted(signal);
    };
    await withWorker(database(), { 'test.work': handlerOf(stuck) }, () => begun.promise);
    expect(await storedJob(database(), id)).toMatchObject({ state: 'queued', attempt: 0 });
    await withWorker(database(), { 'test.work': handlerOf(() => Promise.resolve()) }, () =>
      ended(id, 'succeeded'),
    );
  });

  test('waits for jobs that end in time', async () => {
    const id = await acme().enqueue('test.work', { text: 'in time' });
    const begun = deferred<undefined>();
    const end = deferred<undefined>();
    const work = async () => {
      begun.resolve(undefined);
      await end.promise;
    };
    await withWorker(database(), { 'test.work': handlerOf(work) }, async (worker) => {
      await begun.promise;
      const stopped = worker.stop(60_000);
      end.resolve(undefined);
      await stopped;
      expect(await stateOfJob(database(), id)).toBe('succeeded');
    });
  });
});

test('a job runs on one of many workers', async () => {
  const count = 60;
  const runs = new Map<string, number>();
  await acme().transaction(async (tx) => {
    for (let each = 0; each < count; each++) await tx.enqueue('test.other', { text: String(each) });
  });
  const other = handlerOf(async ({ id }) => {
    runs.set(id, (runs.get(id) ?? 0) + 1);
    return Promise.resolve();
  });
  const handlers = { 'test.work': handlerOf(() => Promise.resolve()), 'test.other': other };
  await withWorker(database(), handlers, () =>
    withWorker(database(), handlers, () =>
      until('all jobs ran', async () => {
        const [left] = await database().asSuperuser<{ count: number }>(
          "SELECT count(*)::int AS count FROM tenantry.jobs WHERE task = 'test.other' AND state <> 'succeeded'",
        );
        return left!.count === 0;
      }),
    ),
  );
  expect([...runs.values()]).toEqual(Array<number>(count).fill(1));
});

/** Proves how the database gives out jobs: by fair shares, within limits, to one worker each, and again after a lease. */
import { describe, expect, test } from 'vitest';
import { PATIENT } from '../support/patience.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import { completeJob, failJob, JobQueue } from '../../src/services/jobs/job-queue.js';
import { connected, refusalOf, useDemoTenants } from '../support/demo-tenants.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { claimOf, deferred, stateOfJob, storedJob } from '../support/jobs.js';
import { sign, useSignedContexts } from '../support/signed-contexts.js';

const database = useDatabase();
const tenants = useDemoTenants(database);

/** Runs `work` with an empty queue. */
async function withQueue(
  work: (parts: { opened: Database; acme: TenantClient; globex: TenantClient }) => Promise<void>,
): Promise<void> {
  await database().asSuperuser('TRUNCATE tenantry.jobs, tenantry.job_tenants, tenantry.job_wakes');
  const opened = openTestDatabase({ url: database().app, poolSize: 4, perTenant: 4, limits: PATIENT });
  try {
    await work({
      opened,
      acme: opened.forTenant(tenants().acme),
      globex: opened.forTenant(tenants().globex),
    });
  } finally {
    await opened.close();
  }
}

const many = async (db: TenantClient, count: number): Promise<void> => {
  await db.transaction(async (tx) => {
    for (let each = 0; each < count; each++) await tx.enqueue('test.work', { text: String(each) });
  });
};

describe('a claim', () => {
  test('gives each job to one worker only, the oldest first', async () => {
    await withQueue(async ({ opened, acme }) => {
      const first = await acme.enqueue('test.work', { text: 'first' });
      const second = await acme.enqueue('test.work', { text: 'second' });
      const claims = [await claimOf(opened), await claimOf(opened), await claimOf(opened)];
      expect(claims.map((jobs) => jobs.map(({ id }) => id))).toEqual([[first], [second], []]);
      expect(claims[0]).toMatchObject([
        { tenantId: tenants().acme.tenantId, task: 'test.work', attempt: 1, causeType: 'user', plan: 'free' },
      ]);
    });
  });

  test('leaves jobs that are not due, and tasks without a handler', async () => {
    await withQueue(async ({ opened, acme }) => {
      await acme.enqueue('test.work', { text: 'later' }, { runAt: new Date(Date.now() + 3_600_000) });
      const other = await acme.enqueue('test.other', { text: 'other' });
      expect(await claimOf(opened, { tasks: { 'test.work': null } })).toEqual([]);
      expect(await claimOf(opened, { wanted: 9 })).toMatchObject([{ id: other }]);
    });
  });

  test('finds a job that is queued after the tenant had nothing more', async () => {
    await withQueue(async ({ opened, acme }) => {
      await acme.enqueue('test.work', { text: 'later' }, { runAt: new Date(Date.now() + 3_600_000) });
      expect(await claimOf(opened)).toEqual([]);
      const now = await acme.enqueue('test.work', { text: 'now' });
      expect(await claimOf(opened)).toMatchObject([{ id: now }]);
    });
  });

  test('finds a job whose transaction was open while the tenant had nothing else', async () => {
    await withQueue(async ({ opened, acme }) => {
      await acme.enqueue('test.work', { text: 'first' });
      const hold = deferred<string>();
      const release = deferred<undefined>();
      // The tenant is active then, so the transaction leaves no wake.
      const [first] = await claimOf(opened);
      const holding = acme.transaction(async (tx) => {
        hold.resolve(await tx.enqueue('test.other', { text: 'open' }));
        await release.promise;
      });
      const id = await Promise.race([hold.promise, holding.then(() => '')]);
      const queue = new JobQueue(opened);
      await completeJob(opened.forTenant(tenants().acme), first!);
      expect(await queue.extend([first!], 1_000)).toEqual(new Set());
      expect(await claimOf(opened)).toEqual([]);
      expect(await claimOf(opened)).toEqual([]);
      release.resolve(undefined);
      await holding;
      expect(await claimOf(opened)).toMatchObject([{ id }]);
    });
  });

  test('is told of many jobs once, and of one that is due earlier', async () => {
    await withQueue(async ({ opened, acme, globex }) => {
      const wakes = async () => (await database().asSuperuser('SELECT FROM tenantry.job_wakes')).length;
      const at = (minutes: number) => ({ runAt: new Date(Date.now() + minutes * 60_000) });
      await many(acme, 20);
      for (let each = 0; each < 5; each++) await acme.enqueue('test.work', { text: 'again' });
      expect(await wakes()).toBe(1);
      expect(await claimOf(opened, { wanted: 100 })).toHaveLength(25);
      expect(await wakes()).toBe(0);
      for (const minutes of [20, 30, 10]) await globex.enqueue('test.work', { text: 'later' }, at(minutes));
      expect(await wakes()).toBe(2);
    });
  });

  test('is not kept from a job by many tenants whose jobs no worker can run', async () => {
    await withQueue(async ({ opened, globex }) => {
      const id = await globex.enqueue('test.work', { text: 'runs' });
      const tasks = { 'test.work': null };
      await database().asSuperuser('ALTER TABLE tenants DISABLE TRIGGER audit');
      try {
        // A claim looks at no more than 1,000 tenants, and these have had less than globex.
        await database().asSuperuser(`
          INSERT INTO tenants (slug, name)
          SELECT 'stuck-' || number, 'Stuck' FROM generate_series(1, 1000) AS number;
          INSERT INTO tenantry.jobs (tenant_id, task, payload, run_at, max_attempts, actor_type, actor)
          SELECT id, 'test.unknown', '{}', now(), 1, 'system', 'test' FROM tenants WHERE slug LIKE 'stuck-%';
          INSERT INTO tenantry.job_tenants (tenant_id, next_at, active)
          SELECT id, now(), true FROM tenants WHERE slug LIKE 'stuck-%';
          UPDATE tenantry.job_tenants SET active = true, virtual_time = 1
          WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'globex')`);
        // Not on a connection of the server, whose time for it a slow machine can exceed.
        const patient: Parameters<typeof claimOf>[0] = {
          query: (sql, values) => database().asSuperuser(sql, values),
          sign: opened.sign,
        };
        expect(await claimOf(patient, { tasks })).toEqual([]);
        expect(await claimOf(patient, { tasks })).toMatchObject([{ id }]);
        // A worker that has a handler finds them at once.
        const others = await claimOf(patient, { wanted: 10, tasks: { 'test.unknown': null } });
        expect(others).toHaveLength(10);
      } finally {
        await database().asSuperuser("DELETE FROM tenants WHERE slug LIKE 'stuck-%'");
        await database().asSuperuser('ALTER TABLE tenants ENABLE TRIGGER audit');
      }
    });
  });

  test('lets another tenant’s single job pass a long queue', async () => {
    await withQueue(async ({ opened, acme, globex }) => {
      await many(acme, 50);
      await claimOf(opened, { wanted: 10 });
      const single = await globex.enqueue('test.work', { text: 'single' });
      expect(await claimOf(opened)).toMatchObject([{ id: single }]);
    });
  });

  test('shares by weight, and charges the time that jobs took', async () => {
    await withQueue(async ({ opened, acme, globex }) => {
      await Promise.all([many(acme, 40), many(globex, 40)]);
      await database().asSuperuser("UPDATE tenants SET plan = 'large' WHERE slug = 'globex'");
      const plans = {
        free: { weight: 1, most: 99 },
        large: { weight: 3, most: 99 },
        '': { weight: 1, most: 99 },
      };
      const countOf = (jobs: readonly { tenantId: string }[]) =>
        jobs.filter(({ tenantId }) => tenantId === tenants().acme.tenantId).length;
      expect(countOf(await claimOf(opened, { wanted: 20, plans }))).toBe(5);
      // A second of work is worth a hundred starts.
      const used = new Map([[tenants().globex.tenantId, 1]]);
      expect(countOf(await claimOf(opened, { wanted: 20, plans, used }))).toBe(20);
      await database().asSuperuser("UPDATE tenants SET plan = 'free' WHERE slug = 'globex'");
    });
  });

  test('keeps the limits of the tenant and of the task', async () => {
    await withQueue(async ({ opened, acme }) => {
      await many(acme, 5);
      await acme.enqueue('test.other', { text: 'other' });
      const plans = { '': { weight: 1, most: 3 } };
      const tasks = { 'test.work': 2, 'test.other': null };
      const claimed = await claimOf(opened, { wanted: 10, plans, tasks });
      expect(claimed.map(({ task }) => task)).toEqual(['test.work', 'test.work', 'test.other']);
      expect(await claimOf(opened, { wanted: 10, plans, tasks })).toEqual([]);
      await new JobQueue(opened).release(claimed.slice(0, 1));
      expect(await claimOf(opened, { wanted: 10, plans, tasks })).toMatchObject([{ task: 'test.work' }]);
    });
  });

  test('does not start a second job of a key while the first one is running', async () => {
    await withQueue(async ({ opened, acme }) => {
      await acme.enqueue('test.work', { text: 'one' }, { key: 'key' });
      const [first] = await claimOf(opened);
      const second = await acme.enqueue('test.work', { text: 'two' }, { key: 'key' });
      expect(second).not.toBe(first?.id);
      expect(await claimOf(opened)).toEqual([]);
      // The newer job takes the place of the one that comes back.
      await new JobQueue(opened).release([first!]);
      expect(await stateOfJob(database(), first!.id)).toBe('cancelled');
      expect(await claimOf(opened)).toMatchObject([{ id: second }]);
    });
  });

  test('waits for a tenant during the last pass of its move, and when it has left', async () => {
    await withQueue(async ({ opened, globex }) => {
      const id = await globex.enqueue('test.work', { text: 'waits' });
      const { tenantId } = tenants().globex;
      const fence = (state: string | null) =>
        database().asSuperuser("SELECT tenantry.fence_tenant($1, $2, 'elsewhere')", [tenantId, state]);
      await fence('leaving');
      await connected(database().superuser, async (mover) => {
        await mover.query('SELECT pg_advisory_lock(tenantry.writes_of($1))', [tenantId]);
        expect(await claimOf(opened)).toEqual([]);
      });
      await fence('left');
      expect(await claimOf(opened)).toEqual([]);
      await fence(null);
      expect(await claimOf(opened)).toMatchObject([{ id }]);
    });
  });

  test('goes on while a tenant is copied', async () => {
    await withQueue(async ({ opened, globex }) => {
      const id = await globex.enqueue('test.work', { text: 'goes on' });
      const fence = (state: string | null) =>
        database().asSuperuser("SELECT tenantry.fence_tenant($1, $2, 'elsewhere')", [
          tenants().globex.tenantId,
          state,
        ]);
      await fence('leaving');
      try {
        expect(await claimOf(opened)).toMatchObject([{ id }]);
      } finally {
        await fence(null);
      }
    });
  });

  test('waits for a suspended tenant, and forgets one that is deleted', async () => {
    await withQueue(async ({ opened, globex }) => {
      const id = await globex.enqueue('test.work', { text: 'waits' });
      await database().asSuperuser("UPDATE tenants SET status = 'suspended' WHERE slug = 'globex'");
      expect(await claimOf(opened)).toEqual([]);
      await database().asSuperuser("UPDATE tenants SET status = 'active' WHERE slug = 'globex'");
      expect(await claimOf(opened)).toMatchObject([{ id }]);
      const gone = '0199e7a5-0000-7000-8000-000000000001';
      // An entry of the audit log would keep the tenant.
      await database().asSuperuser('ALTER TABLE tenants DISABLE TRIGGER audit');
      try {
        await database().asSuperuser("INSERT INTO tenants (id, slug, name) VALUES ($1, 'gone', 'Gone')", [
          gone,
        ]);
        const ofGone = opened.forTenant({ ...tenants().globex, tenantId: gone });
        const job = await ofGone.enqueue('test.work', { text: 'x' });
        await database().asSuperuser('DELETE FROM tenants WHERE id = $1', [gone]);
        expect(await database().asSuperuser('SELECT FROM tenantry.jobs WHERE id = $1', [job])).toEqual([]);
      } finally {
        await database().asSuperuser('ALTER TABLE tenants ENABLE TRIGGER audit');
      }
      expect(await claimOf(opened)).toEqual([]);
    });
  });
});

describe('a lease', () => {
  test('that is over gives the job to the next worker, and the former one has lost it', async () => {
    await withQueue(async ({ opened, acme }) => {
      const queue = new JobQueue(opened);
      await acme.enqueue('test.work', { text: 'lost' });
      const [first] = await claimOf(opened, { leaseMs: 0 });
      const [second] = await claimOf(opened);
      expect(second).toMatchObject({ id: first?.id, attempt: 2 });
      expect(await queue.extend([first!], 60_000)).toEqual(new Set([first?.id]));
      expect(await queue.extend([second!], 60_000)).toEqual(new Set());
      await queue.release([first!]);
      expect(await storedJob(database(), first!.id)).toMatchObject({ state: 'running', attempt: 2 });
    });
  });

  test('that is over ends nothing: the job is the next worker’s alone', async () => {
    await withQueue(async ({ opened, acme }) => {
      const queue = new JobQueue(opened);
      const id = await acme.enqueue('test.work', { text: 'taken over' });
      const [former] = await claimOf(opened, { leaseMs: 0 });
      const [present] = await claimOf(opened, { leaseMs: 3_600_000 });
      const before = await storedJob(database(), id);
      expect(await queue.finish(former!)).toBe(false);
      expect(await queue.extend([former!], 1_000)).toEqual(new Set([id]));
      expect(await failJob(acme, former!, 'too late', 0)).toBeNull();
      expect((await refusalOf(completeJob(acme, former!))).state).toBe('TJ001');
      await queue.release([former!]);
      expect(await storedJob(database(), id)).toEqual(before);
      expect(await queue.finish(present!)).toBe(true);
    });
  });

  test('of another tenant’s job is none', async () => {
    await withQueue(async ({ opened, acme, globex }) => {
      const queue = new JobQueue(opened);
      const id = await acme.enqueue('test.work', { text: 'of acme' });
      const [job] = await claimOf(opened, { leaseMs: 3_600_000 });
      const before = await storedJob(database(), id);
      const foreign = { ...job!, tenantId: tenants().globex.tenantId };
      expect(await queue.finish(foreign)).toBe(false);
      expect(await queue.extend([foreign], 1_000)).toEqual(new Set([id]));
      expect(await failJob(globex, foreign, 'foreign', 0)).toBeNull();
      expect((await refusalOf(completeJob(globex, foreign))).state).toBe('TJ001');
      await queue.release([foreign]);
      expect(await storedJob(database(), id)).toEqual(before);
    });
  });

  test('that is over after the last attempt makes the job dead', async () => {
    await withQueue(async ({ opened, acme }) => {
      const id = await acme.enqueue('test.work', { text: 'killer' }, { maxAttempts: 1 });
      await claimOf(opened, { leaseMs: 0 });
      expect(await claimOf(opened)).toEqual([]);
      expect(await storedJob(database(), id)).toMatchObject({
        state: 'dead',
        last_error: 'The worker ended during the job.',
      });
    });
  });

  test('that is given back does not count as an attempt', async () => {
    await withQueue(async ({ opened, acme }) => {
      await acme.enqueue('test.work', { text: 'back' }, { maxAttempts: 1 });
      await new JobQueue(opened).release(await claimOf(opened));
      expect(await claimOf(opened)).toMatchObject([{ attempt: 1 }]);
    });
  });
});

test('jobs that have ended are removed after a week, dead ones after ninety days', async () => {
  await withQueue(async ({ opened }) => {
    const end = (state: string, days: number) =>
      database().asSuperuser(
        `INSERT INTO tenantry.jobs (tenant_id, task, payload, run_at, max_attempts, actor_type, actor, state, finished_at)
         VALUES ($1, 'test.work', '{}', now(), 1, 'system', 'test', $2, now() - $3 * interval '1 day')`,
        [tenants().acme.tenantId, state, days],
      );
    for (const state of ['succeeded', 'cancelled', 'dead'])
      for (const days of [6, 8, 91]) await end(state, days);
    const queue = new JobQueue(opened);
    expect([await queue.removeFinished(3), await queue.removeFinished(3)]).toEqual([3, 2]);
    const left = await database().asSuperuser<{ state: string; days: number }>(
      'SELECT state, extract(day FROM now() - finished_at)::int AS days FROM tenantry.jobs ORDER BY state, days',
    );
    expect(left.map(({ state, days }) => [state, days])).toEqual([
      ['cancelled', 6],
      ['dead', 6],
      ['dead', 8],
      ['succeeded', 6],
    ]);
  });
});

describe('where contexts are signed', () => {
  const { signed } = useSignedContexts();

  test('a claim is refused without a signature, and with one for another claim', async () => {
    await connected(signed().app, async (client) => {
      const told = ['w', '1', '{}', '{"": {"weight": 1, "most": 1}}', '{}', '1000'];
      const claim = (values: readonly unknown[]) =>
        client.query('SELECT * FROM tenantry.claim_jobs($1, $2, $3, $4, $5, $6, $7, $8)', [...values]);
      const { expires, signature } = sign('claim_jobs', ...told);
      expect((await claim([...told, expires, signature])).rows).toEqual([]);
      expect((await refusalOf(claim([...told, null, null]))).state).toBe('42501');
      const more = ['w', '100', ...told.slice(2), expires, signature];
      expect((await refusalOf(claim(more))).state).toBe('42501');
    });
  });
});

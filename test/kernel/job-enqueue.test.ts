/**
 * Proves that a job is queued in the transaction of its tenant, with the tenant, the cause and the request that the
 * database knows, and that the server's role has no other way to a job.
 */
import { describe, expect, test } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { TenantClient } from '../../src/kernel/tenancy/tenant-client.js';
import { contextOf, refusalOf } from '../support/demo-tenants.js';
import { useBoundClients } from '../support/bound-clients.js';
import { claimOf, stateOfJob, storedJob } from '../support/jobs.js';
import { INSUFFICIENT_PRIVILEGE, stateOf, useRefusals } from '../support/refusals.js';

const { database, tenants, acme, globex, withLimits } = useBoundClients();

const visible = (db: TenantClient, id: string) =>
  db.$queryRaw<{ id: string }>(Prisma.sql`SELECT id FROM tenantry.jobs WHERE id = ${id}::uuid`);

describe('a job', () => {
  test('has the tenant, the cause and the request of its transaction', async () => {
    const id = await acme().enqueue('test.work', { text: 'hello' });
    expect(await storedJob(database(), id)).toMatchObject({
      tenant_id: tenants().acme.tenantId,
      actor_type: 'user',
      actor: 'demo|acme|owner',
      request_id: 'request-acme',
      state: 'queued',
      attempt: 0,
      payload: { text: 'hello' },
    });
  });

  test('does not exist when its transaction is rolled back', async () => {
    let id = '';
    const failing = acme().transaction(async (tx) => {
      id = await tx.enqueue('test.work', { text: 'never' });
      throw new Error('undone');
    });
    await expect(failing).rejects.toThrow('undone');
    expect(id).not.toBe('');
    expect(await database().asSuperuser('SELECT FROM tenantry.jobs WHERE id = $1', [id])).toEqual([]);
  });

  test('is visible in its tenant only', async () => {
    const id = await acme().enqueue('test.work', { text: 'mine' });
    expect(await visible(acme(), id)).toEqual([{ id }]);
    expect(await visible(globex(), id)).toEqual([]);
  });

  test('of a job has the cause of the first one', async () => {
    const id = await acme().enqueue('test.work', { text: 'parent' });
    await withLimits({}, async (opened) => {
      const actor = { type: 'job', id: `test.work/${id}/user:demo|acme|owner` } as const;
      const asJob = opened.forTenant(contextOf(tenants().acme.tenantId, actor));
      const child = await asJob.enqueue('test.other', { text: 'child' });
      expect(await storedJob(database(), child)).toMatchObject({
        actor_type: 'user',
        actor: 'demo|acme|owner',
      });
      // A job of another tenant is no parent.
      const foreign = opened.forTenant(contextOf(tenants().globex.tenantId, actor));
      const orphan = await foreign.enqueue('test.other', { text: 'orphan' });
      expect(await storedJob(database(), orphan)).toMatchObject({ actor_type: 'job', actor: actor.id });
    });
  });

  test('is refused when it is too large or has no proper task', async () => {
    const large = acme().enqueue('test.work', { text: 'x'.repeat(70_000) });
    expect((await refusalOf(large)).message).toContain('65536 bytes');
    const nameless = acme().enqueue('No Task' as 'test.work', { text: '' });
    expect((await refusalOf(nameless)).state).toBe('23514');
    const forever = acme().enqueue('test.work', { text: '' }, { maxAttempts: 101 });
    expect((await refusalOf(forever)).state).toBe('23514');
  });
});

describe('a key', () => {
  test('replaces the queued job of the same task, and postpones it', async () => {
    const [early, late] = [new Date(Date.now() + 60_000), new Date(Date.now() + 120_000)];
    const first = await acme().enqueue('test.work', { text: 'first' }, { key: 'one', runAt: early });
    const second = await acme().enqueue('test.work', { text: 'second' }, { key: 'one', runAt: late });
    expect(second).toBe(first);
    expect(await storedJob(database(), first)).toMatchObject({ payload: { text: 'second' }, run_at: late });
    const other = await acme().enqueue('test.other', { text: 'other' }, { key: 'one' });
    expect(other).not.toBe(first);
  });

  test('keeps the time with preserve_run_at', async () => {
    const options = { key: 'kept', keyMode: 'preserve_run_at' } as const;
    const early = new Date(Date.now() + 60_000);
    const first = await acme().enqueue('test.work', { text: 'first' }, { ...options, runAt: early });
    await acme().enqueue(
      'test.work',
      { text: 'second' },
      { ...options, runAt: new Date(Date.now() + 120_000) },
    );
    expect(await storedJob(database(), first)).toMatchObject({ payload: { text: 'second' }, run_at: early });
  });

  test('of another tenant is another key', async () => {
    const mine = await acme().enqueue('test.work', { text: 'mine' }, { key: 'shared' });
    const theirs = await globex().enqueue('test.work', { text: 'theirs' }, { key: 'shared' });
    expect(theirs).not.toBe(mine);
    expect(await storedJob(database(), mine)).toMatchObject({ payload: { text: 'mine' } });
  });
});

describe('the server’s role', () => {
  const { inAcme, unbound } = useRefusals();

  test('cannot write the table, or read leases', async () => {
    await inAcme(async (client) => {
      for (const sql of [
        "INSERT INTO tenantry.jobs (task, payload, run_at, max_attempts, actor_type, actor) VALUES ('a', '{}', now(), 1, 'user', 'x')",
        "UPDATE tenantry.jobs SET state = 'queued'",
        'DELETE FROM tenantry.jobs',
        'SELECT lease FROM tenantry.jobs',
        'SELECT * FROM tenantry.job_tenants',
        'SELECT * FROM tenantry.job_wakes',
        'SELECT tenantry.wake_jobs(tenantry.current_tenant(), now())',
        "SELECT tenantry.put_back(tenantry.current_tenant(), tenantry.uuid_v7(), now(), 'x', false)",
        "SELECT tenantry.settle_shares('{}', '{}')",
      ]) {
        expect(await stateOf(client, sql), sql).toBe(INSUFFICIENT_PRIVILEGE);
      }
    });
  });

  test('cannot queue, retry, cancel, complete or fail a job without a tenant', async () => {
    await unbound(async (client) => {
      for (const call of [
        "enqueue('test.work')",
        'retry_job(tenantry.uuid_v7())',
        'cancel_job(tenantry.uuid_v7())',
        'complete_job(tenantry.uuid_v7(), tenantry.uuid_v7())',
        "fail_job(tenantry.uuid_v7(), tenantry.uuid_v7(), 'x', 1)",
      ]) {
        expect(await refusalOf(client.query(`SELECT tenantry.${call}`)), call).toEqual({
          state: INSUFFICIENT_PRIVILEGE,
          message: 'no tenant is bound to this transaction',
        });
      }
    });
  });

  test('changes no job of another tenant, not even with its id and its lease', async () => {
    await withLimits({}, async (opened) => {
      const globexJob = await globex().enqueue('test.other', { text: 'theirs' });
      const claimed = (await claimOf(opened, { wanted: 100, tasks: { 'test.other': null } })).find(
        ({ id }) => id === globexJob,
      )!;
      const asAcme = acme();
      const answers = await asAcme.transaction(async (tx) =>
        tx.$queryRaw<{ retried: string | null; cancelled: string | null; failed: string | null }>(Prisma.sql`
          SELECT tenantry.retry_job(${globexJob}::uuid) AS retried, tenantry.cancel_job(${globexJob}::uuid) AS cancelled,
                 tenantry.fail_job(${globexJob}::uuid, ${claimed.lease}::uuid, 'x', 1) AS failed`),
      );
      expect(answers).toEqual([{ retried: null, cancelled: null, failed: null }]);
      const completing = asAcme.$executeRaw(
        Prisma.sql`SELECT tenantry.complete_job(${globexJob}::uuid, ${claimed.lease}::uuid)`,
      );
      expect((await refusalOf(completing)).state).toBe('TJ001');
      expect(await stateOfJob(database(), globexJob)).toBe('running');
      const cancelled = await globex().enqueue('test.other', { text: 'theirs' });
      await globex().$executeRaw(Prisma.sql`SELECT tenantry.cancel_job(${cancelled}::uuid)`);
      const retried = await asAcme.transaction((tx) =>
        tx.$queryRaw(Prisma.sql`SELECT tenantry.retry_job(${cancelled}::uuid) AS retried`),
      );
      expect(retried).toEqual([{ retried: null }]);
    });
  });
});

/** Proves that a recurring job is queued once in each active tenant, at the times of the tenant's clock. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PATIENT } from '../support/patience.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import { jobHandlers } from '../../src/services/jobs/handlers.js';
import { nextTime, Schedules } from '../../src/services/jobs/schedules.js';
import { openTestDatabase, useDatabase } from '../support/database.js';
import { connected, refusalOf } from '../support/demo-tenants.js';
import { handlerOf } from '../support/jobs.js';
import { sign, useSignedContexts } from '../support/signed-contexts.js';

const database = useDatabase();
let opened: Database;
beforeAll(() => {
  opened = openTestDatabase({ url: database().app, poolSize: 4, perTenant: 4, limits: PATIENT });
});
afterAll(() => opened.close());
beforeEach(async () => {
  await database().asSuperuser(
    'TRUNCATE tenantry.jobs, tenantry.job_tenants, tenantry.job_wakes, tenantry.job_schedules',
  );
  await database().asSuperuser("UPDATE tenants SET status = 'active', settings = '{}'");
});

const every = (schedule: string) =>
  new Schedules(
    opened,
    jobHandlers([
      {
        name: 'test',
        jobs: {
          'test.work': handlerOf(() => Promise.resolve(), { cron: { schedule, payload: { text: 'cron' } } }),
        },
      },
    ]),
  );

const queued = () =>
  database().asSuperuser<{ slug: string; payload: unknown; actor: string }>(
    'SELECT slug, payload, actor FROM tenantry.jobs JOIN tenants t ON t.id = tenant_id ORDER BY slug',
  );
const planned = () =>
  database().asSuperuser<{ slug: string; next_at: Date }>(
    'SELECT slug, next_at FROM tenantry.job_schedules JOIN tenants t ON t.id = tenant_id ORDER BY slug',
  );
const makeDue = () =>
  database().asSuperuser("UPDATE tenantry.job_schedules SET next_at = now() - interval '1 second'");

test('is planned first, and queued when its time has come, once', async () => {
  const schedules = every('0 3 * * *');
  await schedules.plan();
  expect(await queued()).toEqual([]);
  expect((await planned()).map(({ slug }) => slug)).toEqual(['acme', 'globex']);
  await makeDue();
  await Promise.all([schedules.plan(), schedules.plan(), schedules.plan()]);
  expect(await queued()).toEqual([
    { slug: 'acme', payload: { text: 'cron' }, actor: 'cron' },
    { slug: 'globex', payload: { text: 'cron' }, actor: 'cron' },
  ]);
  for (const { next_at: at } of await planned()) expect(at.getTime()).toBeGreaterThan(Date.now());
});

test('is not queued a second time while the first one is', async () => {
  const schedules = every('0 3 * * *');
  await schedules.plan();
  for (let time = 0; time < 2; time++) {
    await makeDue();
    await schedules.plan();
  }
  expect(await queued()).toHaveLength(2);
});

test('follows the clock of the tenant, and one that does not exist is UTC', async () => {
  await database().asSuperuser(
    `UPDATE tenants SET settings = jsonb_build_object('timeZone', CASE slug WHEN 'acme' THEN 'Asia/Tokyo' ELSE 'Mars' END)`,
  );
  const schedules = every('0 3 * * *');
  await schedules.plan();
  const [acme, globex] = await planned();
  expect([acme?.next_at.getUTCHours(), globex?.next_at.getUTCHours()]).toEqual([18, 3]);
  await database().asSuperuser("UPDATE tenants SET settings = '{}' WHERE slug = 'acme'");
  await schedules.plan();
  expect((await planned())[0]?.next_at.getUTCHours()).toBe(3);
  expect(await queued()).toEqual([]);
});

test('is planned anew when its expression changes', async () => {
  await every('0 3 * * *').plan();
  await every('30 4 * * *').plan();
  const [acme] = await planned();
  expect([acme?.next_at.getUTCHours(), acme?.next_at.getUTCMinutes()]).toEqual([4, 30]);
});

test('waits in a suspended tenant', async () => {
  const schedules = every('0 3 * * *');
  await schedules.plan();
  await makeDue();
  await database().asSuperuser("UPDATE tenants SET status = 'suspended' WHERE slug = 'globex'");
  await schedules.plan();
  expect((await queued()).map(({ slug }) => slug)).toEqual(['acme']);
});

describe('where contexts are signed', () => {
  const { signed } = useSignedContexts();
  const PLANS = '[]';
  const asked = ['{"test.work": "0 3 * * *"}', '10'];

  test.each([
    ['unplanned_schedules', asked, ['{"test.work": "0 3 * * *"}', '11']],
    ['plan_schedules', [PLANS], ['[{}]']],
  ])('%s is refused without a signature, and with one for another call', async (name, told, other) => {
    await connected(signed().app, async (client) => {
      const call = (values: readonly (string | null)[]) =>
        client.query(`SELECT tenantry.${name}(${values.map((_, at) => `$${String(at + 1)}`).join()})`, [
          ...values,
        ]);
      const { expires, signature } = sign(name, ...told);
      await call([...told, expires, signature]);
      for (const values of [
        [...told, null, null],
        [...other, expires, signature],
      ]) {
        expect((await refusalOf(call(values))).state).toBe('42501');
      }
    });
  });
});

test('keeps its hour when the clocks change', () => {
  const before = new Date('2026-03-28T12:00:00Z');
  const first = nextTime('0 3 * * *', 'Europe/Berlin', before)!;
  const second = nextTime('0 3 * * *', 'Europe/Berlin', first)!;
  expect(first.toISOString()).toBe('2026-03-29T01:00:00.000Z');
  expect(second.toISOString()).toBe('2026-03-30T01:00:00.000Z');
});

test('with an expression that is none keeps a worker from starting', () => {
  expect(() => every('at noon')).toThrow('no cron expression');
});

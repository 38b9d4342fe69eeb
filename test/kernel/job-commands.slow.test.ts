/** Proves what `tenantry jobs` shows and changes, and that `tenantry worker` runs the jobs of the installed modules. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endChildrenAfterAll, runChild, startChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { stateOfJob } from '../support/jobs.js';
import { insertJob } from '../support/rows.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const database = useDatabase();
let dataDir = '';
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tenantry-jobs-'));
});
afterAll(() => rm(dataDir, { recursive: true }));

const environment = () => {
  const { app, operator, contextKey } = database();
  return {
    DATABASE_URL: app,
    DATABASE_OPERATOR_URL: operator,
    TENANTRY_DATA_DIR: dataDir,
    ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
  };
};
const tenantry = (...words: string[]) => runChild('src/cli/main.ts', words, environment());
const lines = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('lists the jobs of one tenant, and dead ones with their reason', async () => {
  const dead = await insertJob(database(), 'acme', { task: 'test.listed', lastError: 'It failed.' });
  const queued = await insertJob(database(), 'acme', { task: 'test.listed', state: 'queued' });
  await insertJob(database(), 'globex', { task: 'test.listed' });
  const all = await tenantry('jobs', 'list', '--tenant', 'acme', '--task', 'test.listed');
  expect(lines(all.stdout).map(({ id }) => id)).toEqual([queued, dead]);
  const { stdout } = await tenantry('jobs', 'dead', '--tenant', 'acme', '--task', 'test.listed');
  expect(lines(stdout)).toMatchObject([{ id: dead, state: 'dead', last_error: 'It failed.' }]);
  const [shown] = lines(
    (await tenantry('jobs', 'show', dead, '--tenant', 'acme', '--reason', 'Ticket 5')).stdout,
  );
  expect(shown).toMatchObject({ id: dead, payload: {} });
  const looks = await database().asSuperuser(
    `SELECT action, new_value ->> 'reason' AS reason FROM audit_log
     WHERE entity = 'OperatorAccess' AND tenant_id = $1 ORDER BY id`,
    [await database().tenantId('acme')],
  );
  expect(looks).toEqual([
    { action: 'operator.jobs_read', reason: 'tenantry jobs list' },
    { action: 'operator.jobs_read', reason: 'tenantry jobs dead' },
    { action: 'operator.job_read', reason: 'Ticket 5' },
  ]);
});

test('retries and cancels a job in the name of the operator, and not that of another tenant', async () => {
  const id = await insertJob(database(), 'acme');
  const foreign = await tenantry('jobs', 'retry', id, '--tenant', 'globex');
  expect([foreign.code, await stateOfJob(database(), id)]).toEqual([1, 'dead']);
  const retried = await tenantry('jobs', 'retry', id, '--tenant', 'acme');
  expect(lines(retried.stdout)).toMatchObject([{ id, state: 'queued', attempt: 0 }]);
  expect((await tenantry('jobs', 'cancel', id, '--tenant', 'acme')).code).toBe(0);
  expect((await tenantry('jobs', 'cancel', id, '--tenant', 'acme')).code).toBe(1);
  const entries = await database().asSuperuser(
    "SELECT action, actor_type FROM audit_log WHERE entity_id = $1 AND action LIKE 'job.%' ORDER BY id",
    [id],
  );
  expect(entries).toEqual([
    { action: 'job.retried', actor_type: 'operator' },
    { action: 'job.cancelled', actor_type: 'operator' },
  ]);
});

test('a worker runs the jobs of the installed modules until it is told to stop', async () => {
  await database().asSuperuser(
    `INSERT INTO idempotency_keys (tenant_id, actor_type, actor, key, fingerprint, expires_at)
     SELECT id, 'user', 'x', slug, 'x', now() + CASE slug WHEN 'acme' THEN interval '-1 hour' ELSE interval '1 hour' END
     FROM tenants`,
  );
  const ids = await Promise.all(
    ['acme', 'globex'].map((slug) =>
      insertJob(database(), slug, { task: 'tenant.clean', state: 'queued', maxAttempts: 3 }),
    ),
  );
  const worker = startChild('src/cli/main.ts', ['worker', '--slots', '2'], environment());
  await worker.says(/the worker is running/);
  await until('the jobs are done', async () => {
    const states = await Promise.all(ids.map((id) => stateOfJob(database(), id)));
    return states.every((state) => state === 'succeeded');
  });
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
  expect(await database().asSuperuser('SELECT key FROM idempotency_keys')).toEqual([{ key: 'globex' }]);
});

/**
 * Proves that no job is lost when workers are killed in the middle of their work: every job is done at least once, and
 * one that completes in the transaction of its effect has its effect exactly once.
 */
import { expect, test } from 'vitest';
import { endChildrenAfterAll, startChild, type Child } from '../support/child.js';
import { useBoundClients } from '../support/bound-clients.js';
import '../support/jobs.js';
import { until } from '../support/until.js';

endChildrenAfterAll();
const { database, acme, globex } = useBoundClients();

/** To kill fifty workers: TEST_WORKER_KILLS=50 npx vitest run test/kernel/job-worker-killed.slow.test.ts */
const KILLS = Number(process.env['TEST_WORKER_KILLS'] ?? 4);
/** How many jobs are done, at least, between two kills. */
const JOBS = 60;
/** A busy machine needs a long time. */
const PATIENCE_MS = 120_000;

async function start(): Promise<Child> {
  const { app, contextKey } = database();
  const child = startChild(
    'test/support/job-worker-process.ts',
    [],
    {
      DATABASE_URL: app,
      LEASE_MS: '1000',
      ...(contextKey !== undefined && { CONTEXT_SIGNING_KEY: contextKey }),
    },
    'as npm start',
  );
  await child.says(/the worker is running/);
  return child;
}

const countOf = async (condition: string): Promise<number> =>
  (
    await database().asSuperuser<{ count: number }>(
      `SELECT count(*)::int AS count FROM tenantry.jobs WHERE ${condition}`,
    )
  )[0]!.count;

test('every job is done, also when workers are killed', { timeout: 100_000 * KILLS }, async () => {
  let enqueued = 0;
  const enqueue = async () => {
    for (const db of [acme(), globex()]) {
      await db.transaction(async (tx) => {
        for (let each = 0; each < JOBS / 2; each++) {
          await tx.enqueue('test.work', { text: '' }, { maxAttempts: 100 });
          await tx.enqueue('test.other', { text: '' }, { maxAttempts: 100 });
          enqueued++;
        }
      });
    }
  };
  let interrupted = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    const before = await countOf("state = 'succeeded'");
    const worker = await start();
    await until(
      'some jobs are done, and some are running',
      async () => {
        // A worker is never done with all, however late it is killed.
        if ((await countOf("state = 'queued'")) < JOBS / 2) await enqueue();
        const done = (await countOf("state = 'succeeded'")) - before;
        return done >= JOBS && (await countOf("state = 'running'")) > 0;
      },
      PATIENCE_MS,
    );
    worker.kill('SIGKILL');
    expect((await worker.ended).signal).toBe('SIGKILL');
    interrupted += await countOf("state = 'running'");
  }
  // One of the kills may have hit a worker between two jobs.
  expect(interrupted).toBeGreaterThan(0);
  const last = await start();
  await until('all jobs are done', async () => (await countOf("state <> 'succeeded'")) === 0, PATIENCE_MS);
  last.kill('SIGTERM');
  expect((await last.ended).code).toBe(0);
  const effects = await database().asSuperuser<{ task: string; jobs: number; entries: number }>(
    `SELECT j.task, count(DISTINCT j.id)::int AS jobs, count(a.id)::int AS entries
     FROM tenantry.jobs j LEFT JOIN audit_log a
       ON a.tenant_id = j.tenant_id AND a.action = 'test.effect' AND a.entity_id = j.id::text
     GROUP BY j.task ORDER BY j.task`,
  );
  const [other, work] = effects;
  expect(work).toEqual({ task: 'test.work', jobs: enqueued, entries: enqueued });
  expect(other?.jobs).toBe(enqueued);
  expect(other?.entries).toBeGreaterThanOrEqual(enqueued);
});

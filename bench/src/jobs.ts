/**
 * Jobs: how many a second, beside graphile-worker on the same database in the same run; how long a single job of one
 * tenant waits for another tenant's 100,000; and what a million finished jobs cost.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Logger, run } from 'graphile-worker';
import pg from 'pg';
import { startDatabase } from './database.js';
import { machineLine } from './machine.js';
import { fromTenantry } from './places.js';
import { session } from './session.js';
import { median, rounded } from './statistics.js';

type DatabaseModule = typeof import('../../src/kernel/tenancy/database.js');
type WorkerModule = typeof import('../../src/services/jobs/worker.js');
type Handlers = ConstructorParameters<WorkerModule['Worker']>[0]['handlers'];
type PlansModule = typeof import('../../src/services/limits/plans.js');

export interface JobsPlan {
  /** Jobs of each measurement of the throughput. */
  readonly jobs: number;
  /** Jobs of the tenant that the other one's jobs pass. */
  readonly queued: number;
  /** Single jobs whose wait is measured. */
  readonly tries: number;
  /** Finished jobs in the table for the last measurement. */
  readonly finished: number;
}

const JOB_MS = 5;
const TASK = 'bench.work';

/** Prints the figures. */
export async function jobs(plan: JobsPlan): Promise<void> {
  await session(async (onEnd) => {
    const log = (line: string) => console.error(line);
    const server = await startDatabase(log);
    onEnd(() => server.stop());
    const { app, superuser } = await server.scratch('tiny');
    const admin = new pg.Pool({ connectionString: superuser, max: 2 });
    // The database stops before the pool is closed when the benchmark fails.
    admin.on('error', ignore);
    onEnd(() => admin.end());
    const { openDatabase } = await fromTenantry<DatabaseModule>('tenancy/database.js');
    const { Worker } = await fromTenantry<WorkerModule>('jobs/worker.js');
    const { readPlans } = await fromTenantry<PlansModule>('limits/plans.js');
    const limits = { maxWait: 2_000, timeout: 10_000, statementTimeout: 5_000 };
    const database = openDatabase({ url: app, poolSize: 10, perTenant: 10, limits });
    onEnd(() => database.close());
    const [many, single] = (
      await admin.query<{ id: string }>('SELECT id FROM tenants ORDER BY id LIMIT 2')
    ).rows.map(({ id }) => id) as [string, string];
    const line = machineLine(server.version);

    /** Queues jobs without a client, so that queuing them takes no time. */
    const queue = async (tenant: string, count: number) => {
      await admin.query(
        `INSERT INTO tenantry.jobs (tenant_id, task, payload, run_at, max_attempts, actor_type, actor)
         SELECT $1, $2, '{}', now(), 10, 'system', 'bench' FROM generate_series(1, $3)`,
        [tenant, TASK, count],
      );
      await admin.query(
        `INSERT INTO tenantry.job_tenants (tenant_id, next_at) VALUES ($1, now())
         ON CONFLICT (tenant_id) DO UPDATE SET next_at = now()`,
        [tenant],
      );
    };

    const startWorker = (slots: number, onStart: (tenantId: string) => Promise<void>) => {
      const handler = {
        payload: { safeParse: (data: unknown) => ({ success: true, data }) },
        run: (_payload: unknown, job: { tenantId: string }) => onStart(job.tenantId),
      };
      const handlers = new Map([[TASK, handler]]) as unknown as Handlers;
      const plans = readPlans();
      // The jobs of this benchmark need no context of modules.
      const worker = new Worker({ database, handlers, plans, context: {} as never }, { slots });
      worker.start(SILENT as never);
      return worker;
    };

    const throughput = async (slots: number): Promise<number> => {
      await admin.query("DELETE FROM tenantry.jobs WHERE state = 'queued'");
      await queue(many, plan.jobs);
      await admin.query('VACUUM ANALYZE tenantry.jobs');
      let done = 0;
      const finished = deferred();
      const began = performance.now();
      const worker = startWorker(slots, async () => {
        if (++done === plan.jobs) finished.resolve();
      });
      await finished.promise;
      const seconds = (performance.now() - began) / 1_000;
      await worker.stop(10_000);
      return plan.jobs / seconds;
    };

    const graphile = async (concurrency: number): Promise<number> => {
      const pool = new pg.Pool({ connectionString: superuser, max: 10 });
      pool.on('error', ignore);
      pool.on('connect', (client) => client.on('error', ignore));
      let done = 0;
      const finished = deferred();
      const logger = new Logger(() => ignore);
      const options = { pgPool: pool, concurrency, logger, pollInterval: 250, noHandleSignals: true };
      const idle = await run({ ...options, taskList: { [TASK]: () => undefined } });
      await idle.stop();
      await pool.query(`SELECT graphile_worker.add_job($1, '{}'::json) FROM generate_series(1, $2)`, [
        TASK,
        plan.jobs,
      ]);
      const began = performance.now();
      const runner = await run({
        ...options,
        taskList: {
          [TASK]: () => {
            if (++done === plan.jobs) finished.resolve();
          },
        },
      });
      await finished.promise;
      const seconds = (performance.now() - began) / 1_000;
      await runner.stop();
      await pool.end();
      return plan.jobs / seconds;
    };

    for (const slots of [1, 4]) {
      const ratios: number[] = [];
      const [ours, theirs]: [number[], number[]] = [[], []];
      for (let round = 0; round < 3; round++) {
        ours.push(await throughput(slots));
        theirs.push(await graphile(slots));
        ratios.push(ours.at(-1)! / theirs.at(-1)!);
      }
      console.log(
        `${String(slots)} at a time: Tenantry ${rounded(median(ours))} jobs/s, graphile-worker ${rounded(median(theirs))} jobs/s, ratio ${rounded(median(ratios))}`,
      );
    }

    await queue(many, plan.queued);
    await admin.query('VACUUM ANALYZE tenantry.jobs');
    const waits: number[] = [];
    let started: (at: number) => void = () => undefined;
    const worker = startWorker(4, async (tenantId) => {
      if (tenantId === single) started(performance.now());
      await delay(JOB_MS);
    });
    const db = database.forTenant({
      tenantId: single,
      actor: { type: 'system', id: 'bench' },
      requestId: 'bench',
    });
    for (let each = 0; each < plan.tries; each++) {
      const start = new Promise<number>((resolve) => (started = resolve));
      await db.enqueue(TASK as never, {} as never);
      const queuedAt = performance.now();
      waits.push((await start) - queuedAt);
      await delay(20 + Math.random() * 50);
    }
    await worker.stop(10_000);
    const sorted = waits.toSorted((a, b) => a - b);
    console.log(
      `a single job behind ${String(plan.queued)} of another tenant, jobs of ${String(JOB_MS)} ms, 4 at a time: ` +
        `starts after p50 ${rounded(median(waits))} ms, p99 ${rounded(sorted[Math.ceil(sorted.length * 0.99) - 1]!)} ms`,
    );

    const before = await throughput(4);
    await admin.query(
      `INSERT INTO tenantry.jobs (tenant_id, task, payload, state, run_at, attempt, max_attempts, actor_type, actor, finished_at, lease)
       SELECT $1, $2, '{}', 'succeeded', now(), 1, 10, 'system', 'bench', now(), gen_random_uuid() FROM generate_series(1, $3)`,
      [many, TASK, plan.finished],
    );
    const after = await throughput(4);
    console.log(
      `with ${String(plan.finished)} finished jobs: ${rounded(after)} jobs/s, before: ${rounded(before)} jobs/s`,
    );
    console.log(await line());
  });
}

function deferred() {
  let resolve: () => void = ignore;
  const promise = new Promise<void>((resolved) => (resolve = resolved));
  return { promise, resolve: () => resolve() };
}

function ignore(): void {
  // Nothing is logged.
}
const SILENT = { info: ignore, warn: console.error, error: console.error, child: () => SILENT };

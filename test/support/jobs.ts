/** Tasks of tests, and workers with handlers that a test gives. */
import { pino, type Logger } from 'pino';
import { z } from 'zod';
import { PATIENT } from './patience.js';
import type { JobHandler, RunningJob } from '../../src/kernel/graphql/job-handler.js';
import type { ModuleContext } from '../../src/kernel/graphql/request-context.js';
import type { Database } from '../../src/kernel/tenancy/database.js';
import type { JobState } from '../../src/kernel/vocabulary/job.js';
import { jobHandlers } from '../../src/services/jobs/handlers.js';
import { JobQueue, type ClaimedJob, type ClaimRequest } from '../../src/services/jobs/job-queue.js';
import { Worker, type WorkerOptions, type WorkerParts } from '../../src/services/jobs/worker.js';
import { readPlans } from '../../src/services/limits/plans.js';
import { modules as installedModules } from '../../src/modules.js';
import { openTestDatabase, type TestDatabase } from './database.js';
import type { TestServer } from './server.js';
import { until } from './until.js';

declare module '../../src/kernel/vocabulary/job.js' {
  interface JobPayloads {
    'test.work': { readonly text: string };
    'test.other': { readonly text: string };
  }
}

type Work = (job: RunningJob, text: string) => Promise<void>;

/** A handler of the tasks of tests. */
export const handlerOf = (
  work: Work,
  options: Partial<JobHandler<{ readonly text: string }>> = {},
): JobHandler<{ readonly text: string }> => ({
  payload: z.object({ text: z.string() }),
  run: ({ text }, job) => work(job, text),
  // Tests do not wait for a second attempt.
  retryAfterMs: () => 0,
  ...options,
});

/** A promise that is resolved from outside. */
export function deferred<Value>(): {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
} {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((resolved) => (resolve = resolved));
  return { promise, resolve };
}

/** Waits until the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

/** Without lines. */
export const silent: Logger = pino({ level: 'silent' });

/** A claim for one job of the tasks of tests, under plans without limits, with these changes. */
export const claimOf = async (
  database: Pick<Database, 'query' | 'sign'>,
  changes: Partial<ClaimRequest> = {},
): Promise<readonly ClaimedJob[]> => {
  const { claimed } = await new JobQueue(database).claim({
    worker: 'test',
    finished: [],
    wanted: 1,
    tasks: { 'test.work': null, 'test.other': null },
    plans: { '': { weight: 1, most: 1_000 } },
    used: new Map(),
    leaseMs: 60_000,
    ...changes,
  });
  return claimed;
};

interface TestWorkerOptions {
  /** What the worker has instead of the database. */
  readonly through?: (opened: Database) => WorkerParts['database'];
  readonly invalidations?: WorkerParts['invalidations'];
}

/** Runs `work` with a worker that has these handlers, and stops it afterwards. */
export async function withWorker<Result>(
  database: TestDatabase,
  handlers: {
    readonly 'test.work': ReturnType<typeof handlerOf>;
    readonly 'test.other'?: ReturnType<typeof handlerOf>;
  },
  work: (worker: Worker, opened: Database) => Promise<Result>,
  {
    through = (opened) => opened,
    invalidations,
    ...options
  }: Partial<WorkerOptions> & TestWorkerOptions = {},
): Promise<Result> {
  const opened = openTestDatabase({ url: database.app, poolSize: 8, perTenant: 8, limits: PATIENT });
  const worker = new Worker(
    {
      database: through(opened),
      handlers: jobHandlers([{ name: 'test', jobs: handlers }]),
      plans: readPlans(),
      context: {} as ModuleContext,
      invalidations,
    },
    // No lease ends by itself, however slow the machine is.
    { slots: 4, pollMs: 10, leaseMs: 600_000, ...options },
  );
  try {
    worker.start(silent);
    return await work(worker, opened);
  } finally {
    await worker.stop(0);
    await opened.close();
  }
}

/** Runs the jobs of the installed modules that are due on a server's database, and those that they queue. */
export async function runDueJobs({
  services,
  database,
}: Pick<TestServer, 'services' | 'database'>): Promise<void> {
  const { database: opened, plans, moduleContext: context } = services;
  const worker = new Worker(
    { database: opened, handlers: jobHandlers(installedModules), plans, context },
    { slots: 1, pollMs: 10 },
  );
  worker.start(silent);
  await until('no job is due', async () => {
    const due = await database.asSuperuser(
      "SELECT FROM tenantry.jobs WHERE state = 'running' OR (state = 'queued' AND run_at <= clock_timestamp())",
    );
    return due.length === 0;
  });
  await worker.stop(60_000);
}

/** A job as it is stored. */
export interface StoredJob {
  readonly id: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly last_error: string | null;
  readonly run_at: Date;
  readonly actor_type: string;
  readonly actor: string;
  readonly request_id: string | null;
  readonly payload: { readonly text: string };
  readonly tenant_id: string;
}

export async function storedJob(database: TestDatabase, id: string): Promise<StoredJob> {
  const [job] = await database.asSuperuser<StoredJob & Record<string, unknown>>(
    'SELECT * FROM tenantry.jobs WHERE id = $1',
    [id],
  );
  if (!job) throw new Error(`there is no job ${id}`);
  return job;
}

export const stateOfJob = async (database: TestDatabase, id: string): Promise<JobState> =>
  (await storedJob(database, id)).state;

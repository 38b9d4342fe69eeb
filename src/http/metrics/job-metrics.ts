/** The metrics of jobs: the queue, which is the same on every server, and what this process has run. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { TaskStatistics } from '../../services/jobs/job-queue.js';
import type { Worker } from '../../services/jobs/worker.js';

/** The queue is counted at most this often, in milliseconds. */
const COUNTED_EVERY_MS = 10_000;

/** Adds the metrics of jobs. No label names a tenant. */
export function showJobs(
  registry: Registry,
  {
    jobStatistics,
    worker,
  }: {
    readonly jobStatistics: () => Promise<readonly TaskStatistics[]>;
    readonly worker: Pick<Worker, 'ended'>;
  },
): void {
  const count = countedSeldom(jobStatistics);
  new Gauge({
    name: 'tenantry_jobs',
    help: 'Jobs of all tenants by task and state: ready, scheduled for later, running, dead.',
    labelNames: ['task', 'state'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { task, ready, scheduled, running, dead } of await count()) {
        for (const [state, jobs] of Object.entries({ ready, scheduled, running, dead }))
          this.set({ task, state }, jobs);
      }
    },
  });
  new Gauge({
    name: 'tenantry_jobs_oldest_ready_seconds',
    help: 'How long the oldest job that is ready has waited, by task.',
    labelNames: ['task'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { task, oldestReadySeconds } of await count()) this.set({ task }, oldestReadySeconds);
    },
  });
  new Counter({
    name: 'tenantry_job_attempts_total',
    help: 'Attempts of jobs that ended in this process, by task and outcome.',
    labelNames: ['task', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [task, outcomes] of worker.ended) {
        for (const [outcome, attempts] of outcomes) this.inc({ task, outcome }, attempts);
      }
    },
  });
}

/** The statistics, or none when the database does not answer: other metrics are needed most then. */
function countedSeldom(
  statistics: () => Promise<readonly TaskStatistics[]>,
): () => Promise<readonly TaskStatistics[]> {
  let kept: { readonly answer: Promise<readonly TaskStatistics[]>; readonly until: number } | undefined;
  return () => {
    if (kept && performance.now() < kept.until) return kept.answer;
    const answer = statistics().catch(() => []);
    kept = { answer, until: performance.now() + COUNTED_EVERY_MS };
    return answer;
  };
}

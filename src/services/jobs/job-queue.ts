/** The kernel's functions for workers. The migration of the jobs says what each guarantees. */
import { Prisma } from '../../generated/prisma/client.js';
import type { Database } from '../../kernel/tenancy/database.js';
import type { TenantClient, TenantTx } from '../../kernel/tenancy/tenant-client.js';
import type { ActorType } from '../../kernel/vocabulary/actor.js';
import type { Lookup } from '../../kernel/pool/lookup-limit.js';

/** A job that this worker has leased. */
export interface ClaimedJob {
  readonly tenantId: string;
  readonly id: string;
  /** The secret with which the attempt is prolonged and ended. */
  readonly lease: string;
  readonly task: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  /** The name of the tenant's plan. */
  readonly plan: string;
  readonly causeType: ActorType;
  readonly cause: string;
  readonly requestId: string | null;
  readonly createdAt: Date;
}

/** What a worker tells when it asks for jobs. */
export interface ClaimRequest {
  readonly worker: string;
  /** Jobs that have ended well. They are completed before the new ones are chosen, in the same transaction. */
  readonly finished: readonly ClaimedJob[];
  readonly wanted: number;
  /** By task, the most jobs that may run at once in one tenant; null: what the plan allows. */
  readonly tasks: Readonly<Record<string, number | null>>;
  /** By plan; '' is for tenants with another plan. */
  readonly plans: Readonly<Record<string, { readonly weight: number; readonly most: number }>>;
  /** Seconds that finished jobs took, divided by the weight, by tenant. */
  readonly used: ReadonlyMap<string, number>;
  readonly leaseMs: number;
}

export interface Claim {
  readonly claimed: readonly ClaimedJob[];
  /** The ids of those finished jobs that were not this worker's any more. */
  readonly lost: ReadonlySet<string>;
}

type ClaimRow = { readonly lost: readonly string[] } & Record<string, unknown> &
  (ClaimedJob | { readonly id: null });

/** The jobs of all tenants in one task that have not ended well. */
export interface TaskStatistics {
  readonly task: string;
  readonly ready: number;
  readonly scheduled: number;
  readonly running: number;
  readonly dead: number;
  readonly oldestReadySeconds: number;
}

const VISIT: Lookup = { purpose: 'jobs' };

export class JobQueue {
  readonly #database: Pick<Database, 'query' | 'sign'>;

  constructor(database: Pick<Database, 'query' | 'sign'>) {
    this.#database = database;
  }

  /** Completes finished jobs, and leases up to `wanted` jobs of all tenants, by fair shares. */
  async claim({ worker, finished, wanted, tasks, plans, used, leaseMs }: ClaimRequest): Promise<Claim> {
    const told = [
      worker,
      String(wanted),
      JSON.stringify(tasks),
      JSON.stringify(plans),
      JSON.stringify(Object.fromEntries(used)),
      String(leaseMs),
    ];
    const { expires, signature } = this.#database.sign('claim_jobs', ...told);
    // The left side of the join has one row, and is read first: a tenant's limit counts no job that has finished.
    const rows = await this.#database.query<ClaimRow>(
      `SELECT done.lost, tenant_id AS "tenantId", job_id AS id, lease, task, attempt, max_attempts AS "maxAttempts", plan,
              actor_type AS "causeType", actor AS cause, request_id AS "requestId", created_at AS "createdAt"
       FROM (SELECT coalesce(array_agg(lost::text), '{}') AS lost FROM tenantry.finish_jobs($9)) AS done
       LEFT JOIN LATERAL tenantry.claim_jobs($1, $2, $3, $4, $5, $6, $7, $8) ON true`,
      [...told, expires, signature, leasesOf(finished)],
      VISIT,
    );
    return {
      claimed: rows.filter((row) => row.id !== null),
      lost: new Set(rows[0]!.lost),
    };
  }

  /**
   * Prolongs the leases of running jobs.
   *
   * @returns the ids of the jobs that are not this worker's any more
   */
  async extend(jobs: Iterable<ClaimedJob>, leaseMs: number): Promise<ReadonlySet<string>> {
    const rows = await this.#database.query<{ lost: string }>(
      'SELECT lost FROM tenantry.extend_leases($1, $2)',
      [leasesOf(jobs), leaseMs],
      VISIT,
    );
    return new Set(rows.map(({ lost }) => lost));
  }

  /**
   * Completes a job by itself. May be called more than once.
   *
   * @returns false when the job was not this worker's any more
   */
  async finish(job: ClaimedJob): Promise<boolean> {
    const lost = await this.#database.query(
      'SELECT lost FROM tenantry.finish_jobs($1)',
      [leasesOf([job])],
      VISIT,
    );
    return lost.length === 0;
  }

  /** Gives unfinished jobs back. Their attempts do not count. */
  async release(jobs: Iterable<ClaimedJob>): Promise<void> {
    await this.#database.query('SELECT tenantry.release_jobs($1)', [leasesOf(jobs)], VISIT);
  }

  /** By task. Counts every queued job, so ask it seldom. */
  statistics(): Promise<TaskStatistics[]> {
    return this.#database.query<TaskStatistics & Record<string, unknown>>(
      `SELECT task, ready::float8 AS ready, scheduled::float8 AS scheduled, running::float8 AS running,
              dead::float8 AS dead, oldest_ready_seconds AS "oldestReadySeconds"
       FROM tenantry.job_statistics() ORDER BY task COLLATE "C"`,
      [],
      VISIT,
    );
  }

  /** Removes jobs that ended long ago. @returns how many, at most `most` */
  async removeFinished(most: number): Promise<number> {
    const [row] = await this.#database.query<{ removed: number }>(
      'SELECT tenantry.remove_finished_jobs($1) AS removed',
      [most],
      VISIT,
    );
    return row!.removed;
  }
}

/** The statistics of several databases together. A database that does not answer is left out. */
export async function statisticsOf(
  databases: readonly Pick<Database, 'query' | 'sign'>[],
): Promise<readonly TaskStatistics[]> {
  const answers = await Promise.allSettled(databases.map((database) => new JobQueue(database).statistics()));
  const byTask = new Map<string, TaskStatistics>();
  for (const each of answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))) {
    const sum = byTask.get(each.task);
    byTask.set(each.task, sum ? together(sum, each) : each);
  }
  return [...byTask.values()];
}

const together = (one: TaskStatistics, other: TaskStatistics): TaskStatistics => ({
  task: one.task,
  ready: one.ready + other.ready,
  scheduled: one.scheduled + other.scheduled,
  running: one.running + other.running,
  dead: one.dead + other.dead,
  oldestReadySeconds: Math.max(one.oldestReadySeconds, other.oldestReadySeconds),
});

const leasesOf = (jobs: Iterable<ClaimedJob>): string =>
  JSON.stringify([...jobs].map(({ tenantId, id, lease }) => [tenantId, id, lease]));

/** What a running job is to do. */
export interface StoredPayload {
  readonly payload: unknown;
  /** The trace of the transaction that queued it, if it is traced. */
  readonly traceparent: string | null;
}

/**
 * Reads the payloads of jobs of the bound tenant.
 *
 * @returns by the id of the job; a job that is not running any more has none
 */
export async function readPayloads(
  db: TenantClient,
  jobs: readonly ClaimedJob[],
): Promise<ReadonlyMap<string, StoredPayload>> {
  const ids = jobs.map(({ id }) => id);
  const rows = await db.$queryRaw<StoredPayload & { readonly id: string }>(
    Prisma.sql`SELECT id::text, payload, traceparent FROM tenantry.jobs WHERE tenant_id = ${db.context.tenantId}::uuid AND id = ANY (${ids}::uuid[]) AND state = 'running'`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** The SQLSTATE of {@link completeJob} when the job is not this worker's any more. */
export const LOST_LEASE = 'TJ001';

/**
 * Completes a job of the bound tenant in the transaction of its effects. May be called more than once.
 *
 * @throws the error of the database, {@link LOST_LEASE}
 */
export async function completeJob(db: TenantClient | TenantTx, { id, lease }: ClaimedJob): Promise<void> {
  await db.$executeRaw(Prisma.sql`SELECT tenantry.complete_job(${id}::uuid, ${lease}::uuid)`);
}

/**
 * Ends a failed attempt.
 *
 * @param reason a sentence that the tenant may read
 * @param retryMs milliseconds until the next attempt; null: there is none
 * @returns the new state; null when the job was not this worker's any more
 */
export async function failJob(
  db: TenantClient,
  { id, lease }: ClaimedJob,
  reason: string,
  retryMs: number | null,
): Promise<string | null> {
  return db.transaction(async (tx) => {
    const [row] = await tx.$queryRaw<{ state: string | null }>(
      Prisma.sql`SELECT tenantry.fail_job(${id}::uuid, ${lease}::uuid, ${reason}, ${retryMs}::bigint) AS state`,
    );
    return row!.state;
  });
}

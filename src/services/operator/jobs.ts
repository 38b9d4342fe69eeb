/** Operators' work on the jobs of a tenant. What is changed is in the tenant's audit log, with its reason. */
import { conflict, notFound } from '../../kernel/vocabulary/errors.js';
import { isId, readId } from '../../kernel/vocabulary/id.js';
import type { JobState } from '../../kernel/vocabulary/job.js';
import { sqlState } from '../../kernel/vocabulary/sql-state.js';
import type { OperatorConnection, OperatorQuery } from './operator-connection.js';
import type { TenantRow } from './tenants.js';

/** A job without its payload. */
export interface JobRow {
  readonly id: string;
  readonly task: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly run_at: Date;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly actor_type: string;
  readonly actor: string;
  readonly last_error: string | null;
}

export interface JobListOptions {
  readonly state?: JobState | undefined;
  readonly task?: string | undefined;
  /** The most rows. */
  readonly most: number;
}

type Tenant = Pick<TenantRow, 'id'>;

const COLUMNS =
  'id, task, state, attempt, max_attempts, run_at, created_at, started_at, finished_at, actor_type, actor, last_error';

const UNIQUE_VIOLATION = '23505';

/** The newest jobs of a tenant first. */
export const listJobs = (
  { query }: { readonly query: OperatorQuery },
  { id }: Tenant,
  { state, task, most }: JobListOptions,
): Promise<JobRow[]> =>
  query<JobRow & Record<string, unknown>>(
    `SELECT ${COLUMNS} FROM tenantry.jobs
     WHERE tenant_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR task = $3)
     ORDER BY id DESC LIMIT $4`,
    [id, state ?? null, task ?? null, most],
  );

/**
 * A job with its payload, which is the tenant's data.
 *
 * @throws NOT_FOUND
 */
export async function findJob(
  { query }: { readonly query: OperatorQuery },
  { id }: Tenant,
  job: string,
): Promise<JobRow & { readonly payload: unknown }> {
  const [row] = await query<JobRow & { payload: unknown }>(
    `SELECT ${COLUMNS}, key, request_id, worker, leased_until, payload FROM tenantry.jobs WHERE tenant_id = $1 AND id = $2`,
    [id, uuidOf(job)],
  );
  if (!row) throw notFound(`job ${job} of this tenant`);
  return row;
}

/**
 * Makes a queued, dead or cancelled job due now, with all its attempts.
 *
 * @throws NOT_FOUND; CONFLICT when the job is running or has succeeded, or another job is queued under its key
 */
export const retryJob = (
  connection: OperatorConnection,
  tenant: Tenant,
  job: string,
  reason: string,
): Promise<JobRow> =>
  change(connection, tenant, job, {
    by: 'retry_job',
    action: 'job_retried',
    reason,
    refusal: 'The job is running, or has succeeded.',
  });

/**
 * Cancels a queued or running job.
 *
 * @throws NOT_FOUND; CONFLICT when the job has ended
 */
export const cancelJob = (
  connection: OperatorConnection,
  tenant: Tenant,
  job: string,
  reason: string,
): Promise<JobRow> =>
  change(connection, tenant, job, {
    by: 'cancel_job',
    action: 'job_cancelled',
    reason,
    refusal: 'The job has ended.',
  });

interface JobChange {
  readonly by: 'retry_job' | 'cancel_job';
  /** For the audit log. */
  readonly action: string;
  readonly reason: string;
  readonly refusal: string;
}

async function change(
  connection: OperatorConnection,
  tenant: Tenant,
  job: string,
  { by, action, reason, refusal }: JobChange,
): Promise<JobRow> {
  const { id } = await findJob(connection, tenant, job);
  await connection
    .acting(tenant.id, { action, reason }, async (query) => {
      const [row] = await query<{ state: string | null }>(`SELECT tenantry.${by}($1) AS state`, [id]);
      if (row!.state === null) throw conflict(refusal);
    })
    .catch((error: unknown) => {
      throw sqlState(error) === UNIQUE_VIOLATION ? conflict('Another job is queued under its key.') : error;
    });
  return findJob(connection, tenant, job);
}

/** @param job with or without its type, as in the API and in the log */
function uuidOf(job: string): string {
  const uuid = isId(job) ? job : readId(job)?.uuid;
  if (uuid === undefined) throw notFound(`job ${job}`);
  return uuid;
}

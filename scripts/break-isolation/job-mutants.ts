/** Mutants of jobs: a job leaves its tenant, is forged, is lost, or runs where it may not. */
import { edit, inFunction, type MutantGroup } from './mutant.js';

const ENQUEUE = 'test/kernel/job-enqueue.test.ts';
const CLAIM = 'test/kernel/job-claim.test.ts';
const SCHEDULES = 'test/kernel/job-schedules.test.ts';
const WORKER = 'test/kernel/job-worker.test.ts';
const AHEAD = 'test/kernel/job-ahead.test.ts';
const API = 'test/platform/jobs.test.ts';
const ATTEMPT = 'src/services/jobs/attempt.ts';

export const jobs: MutantGroup = {
  title: 'Jobs',
  mutants: [
    {
      name: 'job-ignores-its-tenant',
      breaks: 'the handler of a job works in the tenant of the first job that its worker ran',
      edits: [
        edit(
          ATTEMPT,
          '/** A job that no request caused',
          'let firstTenant: string | undefined;\n/** A job that no request caused',
        ),
        edit(ATTEMPT, '    tenantId: job.tenantId,\n', '    tenantId: (firstTenant ??= job.tenantId),\n'),
      ],
      tests: [WORKER],
    },
    {
      name: 'jobs-of-all-tenants',
      breaks: 'a tenant reads the jobs of all tenants',
      sql: 'ALTER POLICY tenant_isolation ON tenantry.jobs USING (true)',
      tests: [ENQUEUE, API],
    },
    {
      name: 'jobs-granted',
      breaks: 'the server’s role may write jobs, with any cause and state',
      sql: 'GRANT INSERT, UPDATE, DELETE ON tenantry.jobs TO tenantry_app',
      tests: [ENQUEUE],
    },
    {
      name: 'leases-readable',
      breaks: 'SQL in a transaction of the tenant reads leases, and completes the jobs of a worker',
      sql: 'GRANT SELECT ON tenantry.jobs TO tenantry_app',
      tests: [ENQUEUE],
    },
    {
      name: 'job-completed-across-tenants',
      breaks: 'whoever knows a lease completes the job of another tenant',
      sql: inFunction(
        'complete_job',
        "WHERE j.tenant_id = tenant AND j.id = job AND j.lease = presented_lease AND j.state = 'running'",
        "WHERE j.id = job AND j.lease = presented_lease AND j.state = 'running'",
      ),
      tests: [ENQUEUE],
    },
    {
      name: 'job-cancelled-across-tenants',
      breaks: 'a tenant cancels the jobs of another tenant',
      sql: inFunction(
        'cancel_job',
        'WHERE j.tenant_id = tenant AND j.id = job AND j.state IN',
        'WHERE j.id = job AND j.state IN',
      ),
      tests: [ENQUEUE, API],
    },
    {
      name: 'cause-of-another-tenant',
      breaks: 'a job takes its cause from a job of another tenant',
      sql: inFunction('enqueue', 'WHERE parent.tenant_id = tenant\n      AND parent.id', 'WHERE parent.id'),
      tests: [ENQUEUE],
    },
    {
      name: 'claims-unsigned',
      breaks: 'whoever can run SQL takes the jobs of all tenants, where contexts are signed',
      sql: inFunction('claim_jobs', 'PERFORM tenantry.require_signature(', "PERFORM concat_ws(E'\\x1f', "),
      tests: [CLAIM],
    },
    {
      name: 'schedules-unsigned',
      breaks: 'whoever can run SQL reads the time zones of all tenants, where contexts are signed',
      sql: inFunction(
        'unplanned_schedules',
        'PERFORM tenantry.require_signature(',
        "PERFORM concat_ws(E'\\x1f', ",
      ),
      tests: [SCHEDULES],
    },
    {
      name: 'schedule-plans-unsigned',
      breaks: 'whoever can run SQL queues jobs in all tenants, where contexts are signed',
      sql: inFunction(
        'plan_schedules',
        'PERFORM tenantry.require_signature(',
        "PERFORM concat_ws(E'\\x1f', ",
      ),
      tests: [SCHEDULES],
    },
    {
      name: 'finished-with-a-former-lease',
      breaks: 'a worker whose lease is over ends the job that another worker runs',
      sql: inFunction(
        'finish_jobs',
        "AND j.lease = own.lease AND j.state = 'running'",
        "AND j.state = 'running'",
      ),
      tests: [CLAIM],
    },
    {
      name: 'finished-across-tenants',
      breaks: 'a worker ends the job of another tenant',
      sql: inFunction(
        'finish_jobs',
        "WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'running'",
        "WHERE j.id = own.job AND j.lease = own.lease AND j.state = 'running'",
      ),
      tests: [CLAIM],
    },
    {
      name: 'prolonged-with-a-former-lease',
      breaks: 'a worker whose lease is over changes the lease of another worker',
      sql: inFunction(
        'extend_leases',
        "AND j.lease = own.lease AND j.state = 'running'\n    FOR UPDATE",
        "AND j.state = 'running'\n    FOR UPDATE",
      ),
      tests: [CLAIM],
    },
    {
      name: 'suspension-spares-jobs-ahead',
      breaks: 'a job that a worker has taken ahead begins although its tenant was suspended since',
      edits: [edit('src/services/jobs/worker.ts', '    if (lost) this.#ahead.drop(lost);\n', '')],
      tests: [AHEAD],
    },
    {
      name: 'released-with-a-former-lease',
      breaks: 'a worker whose lease is over gives back the job that another worker runs',
      sql: inFunction('release_jobs', 'AND j.lease = own.lease', ''),
      tests: [CLAIM],
    },
    {
      name: 'failed-with-a-former-lease',
      breaks: 'a worker whose lease is over fails the job that another worker runs',
      sql: inFunction('fail_job', 'AND j.lease = presented_lease', ''),
      tests: [CLAIM],
    },
    {
      name: 'job-retried-across-tenants',
      breaks: 'a tenant learns of the jobs of another tenant by retrying them',
      sql: inFunction(
        'retry_job',
        "WHERE j.tenant_id = tenant AND j.id = job AND j.state IN ('queued'",
        "WHERE j.id = job AND j.state IN ('queued'",
      ),
      tests: [ENQUEUE],
    },
    {
      name: 'suspended-tenants-work',
      breaks: 'the jobs of a suspended tenant run',
      sql: inFunction(
        'claim_jobs',
        "t.status = 'active' AS is_active\n    FROM tenantry.job_tenants q JOIN public.tenants t ON t.id = q.tenant_id\n    WHERE q.active AND (\n      t.status = 'active'",
        'true AS is_active\n    FROM tenantry.job_tenants q JOIN public.tenants t ON t.id = q.tenant_id\n    WHERE q.active AND (\n      true',
      ),
      tests: [CLAIM],
    },
    {
      name: 'moved-tenants-work',
      breaks: 'the jobs of a tenant run while it is moved, in the cell that it leaves',
      sql: inFunction('claim_jobs', 'AND NOT tenantry.is_fenced(q.tenant_id)', ''),
      tests: [CLAIM],
    },
    {
      name: 'first-come-first-served',
      breaks: 'a tenant with many jobs keeps those of the others waiting',
      sql: inFunction('claim_jobs', 'ORDER BY q.virtual_time FOR', 'ORDER BY q.next_at FOR'),
      tests: [CLAIM],
    },
    {
      name: 'idle-while-a-job-is-queued',
      breaks: 'a tenant is declared idle while a transaction is queuing a job, which is then never found',
      sql: inFunction('rest_jobs', 'FOR UPDATE SKIP LOCKED', 'FOR NO KEY UPDATE SKIP LOCKED'),
      tests: [CLAIM],
    },
    {
      name: 'unknown-tasks-hold-their-place',
      breaks: 'tenants whose jobs no worker can run keep those of the others waiting',
      sql: inFunction(
        'rest_jobs',
        'waits_for = found_jobs.waits_for, active = found_jobs.next_at <= clock_timestamp()',
        'waits_for = NULL, active = least(found_jobs.next_at, clock_timestamp()) <= clock_timestamp()',
      ),
      tests: [CLAIM],
    },
    {
      name: 'job-of-a-dead-worker-lost',
      breaks: 'the jobs of a worker that was killed stay with it',
      sql: inFunction('claim_jobs', 'PERFORM tenantry.recover_jobs();', 'NULL;'),
      tests: [CLAIM],
    },
    {
      name: 'completed-without-its-lease',
      breaks: 'a worker whose lease is over, or whose job was cancelled, completes the job',
      sql: inFunction(
        'complete_job',
        "RAISE EXCEPTION 'the job is not this worker''s any more' USING ERRCODE = 'TJ001';",
        'RETURN;',
      ),
      tests: [WORKER, ENQUEUE],
    },
    {
      name: 'internal-errors-told',
      breaks: 'the tenant reads the internal error of a job',
      edits: [
        edit(
          ATTEMPT,
          'error instanceof JobFailure || error instanceof PublicError',
          'error instanceof Error',
        ),
      ],
      tests: [WORKER],
    },
    {
      name: 'done-but-failed',
      breaks:
        'a job whose handler has done its work is failed, and runs again, when its end cannot be recorded at once',
      edits: [
        edit(
          ATTEMPT,
          "        this.#log.warn({ err: error }, 'the end of a job could not be recorded; it will be tried again');",
          '        return this.#fail(error);',
        ),
      ],
      tests: [WORKER],
    },
  ],
};

-- Jobs: work that is queued in a transaction, and done later, by a worker, for the same tenant.
--
--   1  Tables      jobs, and what the fair share between tenants needs
--   2  Enqueue     the only way in
--   3  Claim       gives a worker the next jobs of all tenants, by fair shares
--   4  Lease       a worker keeps its jobs, or gives them back
--   5  The end     complete, fail
--   6  By hand     retry, cancel
--   7  Upkeep      statistics for metrics, removal of finished jobs
--   8  Rights
--
-- The server's role reads the jobs of the bound tenant, and changes none: every change is one of these functions. Those that
-- reach all tenants return no payload. A worker reads the payload in a transaction that is bound to the job's tenant.
--
-- docs/jobs.md describes states, leases and shares.


-- 1  Tables -------------------------------------------------------------------------------------------------------------

CREATE TABLE tenantry.jobs (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "task" TEXT NOT NULL CHECK ("task" ~ '^[a-z][a-zA-Z0-9_-]*(\.[a-zA-Z0-9_-]+)*$' AND length("task") <= 100),
    "payload" JSONB NOT NULL,
    -- At most one queued job of a task has a certain key, and at most one running job.
    "key" TEXT CHECK (length("key") BETWEEN 1 AND 200),
    "state" TEXT NOT NULL DEFAULT 'queued' CHECK ("state" IN ('queued', 'running', 'succeeded', 'dead', 'cancelled')),
    "run_at" TIMESTAMPTZ(3) NOT NULL,
    -- How often the job was started.
    "attempt" INTEGER NOT NULL DEFAULT 0 CHECK ("attempt" >= 0),
    "max_attempts" INTEGER NOT NULL CHECK ("max_attempts" BETWEEN 1 AND 100),
    -- Who caused the job: the actor of the transaction that queued it. A job that another job queues has the same cause.
    "actor_type" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "request_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    -- Why the last attempt failed, in words that the tenant may read.
    "last_error" TEXT,
    "worker" TEXT,
    -- The secret of the present attempt. Whoever knows it may complete the job.
    "lease" UUID,
    "leased_until" TIMESTAMPTZ(3),

    CONSTRAINT "jobs_pkey" PRIMARY KEY ("tenant_id","id"),
    CONSTRAINT "jobs_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES public.tenants("id") ON DELETE CASCADE ON UPDATE RESTRICT,
    CONSTRAINT "jobs_running_check" CHECK (("state" = 'running') = ("leased_until" IS NOT NULL)),
    CONSTRAINT "jobs_finished_check" CHECK (("state" IN ('succeeded', 'dead', 'cancelled')) = ("finished_at" IS NOT NULL))
);
-- Partial indexes: finished jobs are in none of those that a claim reads, so their number does not slow it.
CREATE INDEX "jobs_queued_idx" ON tenantry.jobs ("tenant_id", "task", "run_at", "id") WHERE "state" = 'queued';
CREATE INDEX "jobs_running_idx" ON tenantry.jobs ("tenant_id", "task") WHERE "state" = 'running';
CREATE INDEX "jobs_leased_until_idx" ON tenantry.jobs ("leased_until") WHERE "state" = 'running';
CREATE UNIQUE INDEX "jobs_queued_key" ON tenantry.jobs ("tenant_id", "task", "key") WHERE "state" = 'queued';
CREATE UNIQUE INDEX "jobs_running_key" ON tenantry.jobs ("tenant_id", "task", "key") WHERE "state" = 'running';
CREATE INDEX "jobs_dead_idx" ON tenantry.jobs ("tenant_id", "id") WHERE "state" = 'dead';
-- For the removal of old ones. Dead jobs stay longer, and have an index of their own, so that nobody reads past them.
CREATE INDEX "jobs_finished_at_idx" ON tenantry.jobs ("finished_at") WHERE "state" IN ('succeeded', 'cancelled');
CREATE INDEX "jobs_died_at_idx" ON tenantry.jobs ("finished_at") WHERE "state" = 'dead';
-- Rows change often and live briefly, and finished ones stay: vacuum by number, not by share.
ALTER TABLE tenantry.jobs SET (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_analyze_scale_factor = 0.02
);
SELECT tenantry.check_times('tenantry.jobs');

-- Not `protect`: jobs are work that was asked for, not data of the tenant. What a job changes is in the audit log, with the
-- job and its cause as the actor. Entries for each start, lease and end would hide these. What people do to a job, retry
-- and cancel, makes entries.
SELECT tenantry.isolate('tenantry.jobs');
COMMENT ON TABLE tenantry.jobs IS
  'Work that a transaction of the tenant has queued. Isolated but not audited: a job is work, not data. The audit log has what its handler changes, and who retried or cancelled it.';
-- The lease stays hidden, so that SQL in a transaction of the tenant cannot complete the jobs of a worker.
REVOKE ALL ON tenantry.jobs FROM tenantry_app, tenantry_operator;
GRANT SELECT (
  "tenant_id", "id", "task", "payload", "key", "state", "run_at", "attempt", "max_attempts", "actor_type", "actor",
  "request_id", "created_at", "started_at", "finished_at", "last_error", "worker", "leased_until"
) ON tenantry.jobs TO tenantry_app, tenantry_operator;
-- For the functions below, which run as the owner.
CREATE POLICY queue ON tenantry.jobs TO tenantry_owner USING (true) WITH CHECK (true);

-- One row for each tenant that ever had a job: when its next one is due, and how much it has had of its share. Whoever
-- queues a job locks the row FOR KEY SHARE until the commit, which hinders nobody but a claim that is about to declare
-- the tenant idle.
CREATE TABLE tenantry.job_tenants (
    "tenant_id" UUID NOT NULL,
    -- No queued job is due earlier, except those of `waits_for`. 'infinity' when none is queued.
    "next_at" TIMESTAMPTZ NOT NULL,
    -- Tasks of due jobs that the last worker had no handler for. The tenant is idle until a worker comes that has one, so
    -- that jobs which no worker can run do not hold the place of those of other tenants.
    "waits_for" TEXT[],
    -- Whether it may have due jobs. Only claims change it.
    "active" BOOLEAN NOT NULL DEFAULT false,
    -- Seconds of work that it has had, divided by the weight of its plan. The active tenant with the least comes next.
    "virtual_time" DOUBLE PRECISION NOT NULL DEFAULT 0,

    CONSTRAINT "job_tenants_pkey" PRIMARY KEY ("tenant_id"),
    CONSTRAINT "job_tenants_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES public.tenants("id") ON DELETE CASCADE ON UPDATE RESTRICT
) WITH (fillfactor = 50);
CREATE INDEX "job_tenants_active_idx" ON tenantry.job_tenants ("virtual_time") WHERE "active";
CREATE INDEX "job_tenants_idle_idx" ON tenantry.job_tenants ("next_at") WHERE NOT "active";
CREATE INDEX "job_tenants_waiting_idx" ON tenantry.job_tenants ("tenant_id") WHERE "waits_for" IS NOT NULL;
ALTER TABLE tenantry.job_tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY queue ON tenantry.job_tenants TO tenantry_owner USING (true) WITH CHECK (true);

-- Says that a tenant has a job that is due earlier than its row says. A row of its own, so that transactions that queue
-- jobs of one tenant do not wait for each other. The next claim applies and removes it. One is enough for many jobs.
CREATE TABLE tenantry.job_wakes (
    "tenant_id" UUID NOT NULL,
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "run_at" TIMESTAMPTZ NOT NULL,

    CONSTRAINT "job_wakes_pkey" PRIMARY KEY ("tenant_id","id"),
    CONSTRAINT "job_wakes_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES public.tenants("id") ON DELETE CASCADE ON UPDATE RESTRICT
);
ALTER TABLE tenantry.job_wakes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY queue ON tenantry.job_wakes TO tenantry_owner USING (true) WITH CHECK (true);


-- 2  Enqueue ------------------------------------------------------------------------------------------------------------

-- Makes sure that a claim after the commit finds a job of the tenant that is due at `due`. The lock is held until the
-- commit: a claim that finds nothing to do meanwhile does not declare the tenant idle. That is why a wake is enough that is
-- seen after the lock: the claim that applies it leaves the tenant active until this transaction has ended.
CREATE FUNCTION tenantry.wake_jobs(tenant uuid, due timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  known timestamptz;
BEGIN
  SELECT q.next_at INTO known FROM tenantry.job_tenants q WHERE q.tenant_id = tenant FOR KEY SHARE;
  IF NOT FOUND THEN
    INSERT INTO tenantry.job_tenants (tenant_id, next_at) VALUES (tenant, 'infinity') ON CONFLICT (tenant_id) DO NOTHING;
    SELECT q.next_at INTO known FROM tenantry.job_tenants q WHERE q.tenant_id = tenant FOR KEY SHARE;
  END IF;
  IF (known IS NULL OR known > due)
    AND NOT EXISTS (SELECT FROM tenantry.job_wakes w WHERE w.tenant_id = tenant AND w.run_at <= due)
  THEN
    INSERT INTO tenantry.job_wakes (tenant_id, run_at) VALUES (tenant, due);
  END IF;
END
$$;

-- Queues a job in this transaction: there is none if it is rolled back. Tenant, cause and request come from the context,
-- never from the caller. Returns the job's id.
--
-- With a key, a job of the same task that is still queued under it is replaced. `key_mode` says what happens to its time:
-- 'replace' gives it the new one, so that repeated calls postpone the job; 'preserve_run_at' keeps the old one.
--
-- No NOTIFY: with one, transactions would commit one after the other.
CREATE FUNCTION tenantry.enqueue(
  task text, payload jsonb DEFAULT '{}', run_at timestamptz DEFAULT NULL, job_key text DEFAULT NULL,
  max_attempts integer DEFAULT NULL, key_mode text DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  due timestamptz := coalesce(enqueue.run_at, clock_timestamp());
  cause_type text;
  cause text;
  parent_id text;
  queued uuid;
BEGIN
  IF key_mode IS NOT NULL AND key_mode NOT IN ('replace', 'preserve_run_at') THEN
    RAISE EXCEPTION 'there is no key mode %', key_mode USING ERRCODE = '22023';
  END IF;
  IF octet_length(enqueue.payload::text) > 65536 THEN
    RAISE EXCEPTION 'the payload of a job has at most 65536 bytes' USING ERRCODE = '22023';
  END IF;
  SELECT acting.actor_type, acting.actor INTO cause_type, cause FROM tenantry.current_actor() acting;
  IF cause_type = 'job' THEN
    -- The actor of a job is task/id/cause.
    parent_id := split_part(cause, '/', 2);
    SELECT parent.actor_type, parent.actor INTO cause_type, cause FROM tenantry.jobs parent
    WHERE parent.tenant_id = tenant
      AND parent.id = CASE WHEN parent_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN parent_id::uuid END;
    IF NOT FOUND THEN
      cause_type := 'job';
      cause := current_setting('app.current_actor');
    END IF;
  END IF;
  INSERT INTO tenantry.jobs AS held (tenant_id, task, payload, key, run_at, max_attempts, actor_type, actor, request_id)
  VALUES (
    tenant, enqueue.task, coalesce(enqueue.payload, '{}'), job_key, due, coalesce(enqueue.max_attempts, 10),
    cause_type, cause, nullif(current_setting('app.current_request', true), '')
  )
  ON CONFLICT (tenant_id, task, key) WHERE state = 'queued' DO UPDATE SET
    payload = excluded.payload,
    run_at = CASE WHEN key_mode = 'preserve_run_at' THEN held.run_at ELSE excluded.run_at END,
    attempt = 0, max_attempts = excluded.max_attempts, last_error = NULL,
    actor_type = excluded.actor_type, actor = excluded.actor, request_id = excluded.request_id
  RETURNING held.id, held.run_at INTO queued, due;
  PERFORM tenantry.wake_jobs(tenant, due);
  RETURN queued;
END
$$;


-- 3  Claim --------------------------------------------------------------------------------------------------------------

-- When the tenant has work for a worker that has handlers for the keys of `tasks`. `next_at` is the earliest time of its
-- queued jobs of these tasks, and of those of other tasks that are not due at `moment`; 'infinity' when there is none.
-- `waits_for` has the other tasks with due jobs; null when there is none. It steps from task to task in the index, so its
-- cost does not depend on the number of jobs.
CREATE FUNCTION tenantry.next_jobs(tenant uuid, tasks jsonb, moment timestamptz, OUT next_at timestamptz, OUT waits_for text[])
LANGUAGE sql STABLE
AS $$
  WITH RECURSIVE queued (task) AS (
    (SELECT j.task FROM tenantry.jobs j WHERE j.tenant_id = tenant AND j.state = 'queued' ORDER BY j.task LIMIT 1)
    UNION ALL
    SELECT (
      SELECT j.task FROM tenantry.jobs j
      WHERE j.tenant_id = tenant AND j.state = 'queued' AND j.task > queued.task ORDER BY j.task LIMIT 1
    ) FROM queued WHERE queued.task IS NOT NULL
  ), earliest AS (
    SELECT queued.task, (
      SELECT j.run_at FROM tenantry.jobs j
      WHERE j.tenant_id = tenant AND j.state = 'queued' AND j.task = queued.task ORDER BY j.run_at LIMIT 1
    ) AS due FROM queued WHERE queued.task IS NOT NULL
  )
  SELECT
    coalesce(min(earliest.due) FILTER (WHERE tasks ? earliest.task OR earliest.due > moment), 'infinity'),
    array_agg(earliest.task) FILTER (WHERE NOT tasks ? earliest.task AND earliest.due <= moment)
  FROM earliest
$$;

-- Ends the present attempt of a running job. The job is queued again at `again`; or it is dead when that is null. When a
-- newer job was queued under its key meanwhile, that one takes its place, and this one is cancelled.
CREATE FUNCTION tenantry.put_back(tenant uuid, job uuid, again timestamptz, reason text, counts boolean) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  outcome text;
BEGIN
  BEGIN
    UPDATE tenantry.jobs j SET
      state = CASE WHEN again IS NULL THEN 'dead' ELSE 'queued' END,
      run_at = coalesce(again, j.run_at),
      finished_at = CASE WHEN again IS NULL THEN clock_timestamp() END,
      attempt = CASE WHEN counts THEN j.attempt ELSE j.attempt - 1 END,
      last_error = coalesce(left(reason, 1000), j.last_error), lease = NULL, leased_until = NULL
    WHERE j.tenant_id = tenant AND j.id = job AND j.state = 'running' RETURNING j.state INTO outcome;
  EXCEPTION WHEN unique_violation THEN
    UPDATE tenantry.jobs j SET
      state = 'cancelled', finished_at = clock_timestamp(), last_error = left(reason, 1000), lease = NULL, leased_until = NULL
    WHERE j.tenant_id = tenant AND j.id = job AND j.state = 'running' RETURNING j.state INTO outcome;
  END;
  IF outcome = 'queued' THEN
    PERFORM tenantry.wake_jobs(tenant, again);
  END IF;
  RETURN outcome;
END
$$;

-- Puts back the jobs whose worker has not been heard of: its lease is over. The attempt counts, for the job may be what
-- ended the worker.
CREATE FUNCTION tenantry.recover_jobs() RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  -- A constant, for an index cannot be searched for the value of a volatile function.
  moment constant timestamptz := clock_timestamp();
  lost record;
BEGIN
  FOR lost IN
    SELECT j.tenant_id, j.id, j.attempt < j.max_attempts AS has_more FROM tenantry.jobs j
    WHERE j.state = 'running' AND j.leased_until < moment
    ORDER BY j.leased_until LIMIT 100 FOR UPDATE SKIP LOCKED
  LOOP
    PERFORM tenantry.put_back(
      lost.tenant_id, lost.id, CASE WHEN lost.has_more THEN clock_timestamp() END, 'The worker ended during the job.', true
    );
  END LOOP;
END
$$;

-- Applies what has happened since the last claim: who has new jobs, and how long jobs took. `used` is seconds, already
-- divided by the weight, by tenant; `tasks` has the names of the claimed tasks as its keys. Rows are locked in the order of
-- their keys, and before any other row of the table, so that two claims do not wait for each other in a circle.
CREATE FUNCTION tenantry.settle_shares(used jsonb, tasks jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  moment constant timestamptz := clock_timestamp();
  names constant text[] := ARRAY(SELECT jsonb_object_keys(tasks));
  -- A tenant that was idle has no credit for that time: it begins one start before the least of those that are served, so
  -- that it is the next.
  beginning double precision;
BEGIN
  IF EXISTS (SELECT FROM tenantry.job_wakes) OR used <> '{}' THEN
    WITH wakes AS (
      DELETE FROM tenantry.job_wakes w WHERE (w.tenant_id, w.id) IN (
        SELECT o.tenant_id, o.id FROM tenantry.job_wakes o LIMIT 1000 FOR UPDATE SKIP LOCKED
      ) RETURNING w.tenant_id, w.run_at
    ), changes AS (
      SELECT tenant_id, min(run_at) AS due, coalesce(sum(seconds), 0) AS seconds FROM (
        SELECT wakes.tenant_id, wakes.run_at, 0::double precision AS seconds FROM wakes
        UNION ALL
        SELECT key::uuid, 'infinity', value::double precision FROM jsonb_each_text(used)
      ) AS each GROUP BY tenant_id
    ), locked AS (
      SELECT q.tenant_id, changes.due, changes.seconds FROM tenantry.job_tenants q JOIN changes USING (tenant_id)
      ORDER BY q.tenant_id FOR NO KEY UPDATE OF q
    )
    UPDATE tenantry.job_tenants q SET
      next_at = least(q.next_at, locked.due), virtual_time = q.virtual_time + greatest(locked.seconds, 0)
    FROM locked WHERE q.tenant_id = locked.tenant_id;
  END IF;
  IF EXISTS (SELECT FROM tenantry.job_tenants q WHERE NOT q.active AND q.next_at <= moment)
    OR EXISTS (SELECT FROM tenantry.job_tenants q WHERE q.waits_for IS NOT NULL AND q.waits_for && names) THEN
    beginning := coalesce(
      (SELECT min(q.virtual_time) FROM tenantry.job_tenants q JOIN public.tenants t ON t.id = q.tenant_id
       WHERE q.active AND t.status = 'active') - 0.01,
      (SELECT max(q.virtual_time) FROM tenantry.job_tenants q)
    );
    UPDATE tenantry.job_tenants q SET
      active = true, waits_for = NULL, virtual_time = greatest(q.virtual_time, beginning)
    WHERE q.tenant_id IN (
      SELECT i.tenant_id FROM tenantry.job_tenants i
      WHERE NOT i.active AND (i.next_at <= moment OR (i.waits_for IS NOT NULL AND i.waits_for && names))
      FOR NO KEY UPDATE SKIP LOCKED
    );
  END IF;
END
$$;

-- Declares a tenant without due jobs of the claimed tasks idle until its next one. Not while a transaction holds its row,
-- having queued a job that is not visible yet: then the next claim tries again.
CREATE FUNCTION tenantry.rest_jobs(tenant uuid, tasks jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  found_jobs record;
BEGIN
  PERFORM FROM tenantry.job_tenants q WHERE q.tenant_id = tenant FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- A statement of its own, which sees what was committed before the lock.
  SELECT * INTO found_jobs FROM tenantry.next_jobs(tenant, tasks, clock_timestamp());
  UPDATE tenantry.job_tenants q SET
    next_at = found_jobs.next_at, waits_for = found_jobs.waits_for, active = found_jobs.next_at <= clock_timestamp()
  WHERE q.tenant_id = tenant;
END
$$;

-- Gives `worker` up to `wanted` jobs of all tenants, and leases them to it for `lease_ms` milliseconds. Each goes to the
-- active tenant that has had the least work for its weight, and there to the job that has been due longest.
--
--   tasks    JSON, {"task": most}: the tasks that the worker has handlers for, and how many of each may run at once in one
--            tenant; null is without limit
--   plans    JSON, {"plan": {"weight", "most"}}: the share of its tenants, and how many jobs of one may run at once. The
--            plan '' is for tenants whose plan is not there
--   used     JSON, {"tenant id": seconds}: what the worker's finished jobs have taken since its last claim, divided by the
--            weight
--
-- The jobs of a tenant that is not active wait. It reaches all tenants, so the server signs the call where contexts are
-- signed. It returns no payload.
CREATE FUNCTION tenantry.claim_jobs(
  worker text, wanted integer, tasks text, plans text, used text, lease_ms integer,
  expires bigint DEFAULT NULL, signature text DEFAULT NULL
)
RETURNS TABLE (
  tenant_id uuid, job_id uuid, lease uuid, task text, attempt integer, max_attempts integer, plan text,
  actor_type text, actor text, request_id text, created_at timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Plans the cursor for its first rows.
SET cursor_tuple_fraction = 0
AS $$
#variable_conflict use_column
DECLARE
  caps constant jsonb := tasks::jsonb;
  shares constant jsonb := plans::jsonb;
  remaining integer := least(wanted, 1000);
  moment timestamptz;
  -- Tenants that have nothing more for this claim.
  passed uuid[] := '{}';
  -- Read row by row, so that passing a tenant costs the same however many were passed before.
  candidates CURSOR FOR
    SELECT q.tenant_id, t.plan
    FROM tenantry.job_tenants q JOIN public.tenants t ON t.id = q.tenant_id
    WHERE q.active AND t.status = 'active' AND q.tenant_id <> ALL (passed)
    ORDER BY q.virtual_time FOR NO KEY UPDATE OF q SKIP LOCKED;
  chosen record;
  share jsonb;
  under_way jsonb;
  running bigint;
  found_job uuid;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'claim_jobs', expires, claim_jobs.worker, wanted, tasks, plans, used, lease_ms), expires, signature
  );
  -- One claim at a time sees to the queue as a whole; the others go on without waiting.
  IF pg_try_advisory_xact_lock(7165438012345001) THEN
    PERFORM tenantry.recover_jobs();
  END IF;
  PERFORM tenantry.settle_shares(used::jsonb, caps);
  moment := clock_timestamp();
  IF remaining > 0 THEN
    OPEN candidates;
  END IF;
  WHILE remaining > 0 AND cardinality(passed) < 1000 LOOP
    FETCH candidates INTO chosen;
    EXIT WHEN NOT FOUND;
    share := coalesce(shares -> chosen.plan, shares -> '');
    SELECT coalesce(sum(each.jobs), 0), coalesce(jsonb_object_agg(each.task, each.jobs), '{}') INTO running, under_way
    FROM (
      SELECT j.task, count(*) AS jobs FROM tenantry.jobs j
      WHERE j.tenant_id = chosen.tenant_id AND j.state = 'running' GROUP BY j.task
    ) AS each;
    found_job := NULL;
    IF running < (share ->> 'most')::bigint THEN
      SELECT due.id INTO found_job
      FROM jsonb_each_text(caps) AS known (name, most)
      CROSS JOIN LATERAL (
        SELECT j.id, j.run_at FROM tenantry.jobs j
        WHERE j.tenant_id = chosen.tenant_id AND j.task = known.name AND j.state = 'queued' AND j.run_at <= moment
          AND (j.key IS NULL OR NOT EXISTS (
            SELECT FROM tenantry.jobs other
            WHERE other.tenant_id = j.tenant_id AND other.task = j.task AND other.key = j.key AND other.state = 'running'
          ))
        ORDER BY j.run_at, j.id LIMIT 1 FOR UPDATE OF j SKIP LOCKED
      ) AS due
      WHERE known.most IS NULL OR coalesce((under_way ->> known.name)::bigint, 0) < known.most::bigint
      ORDER BY due.run_at, due.id LIMIT 1;
    END IF;
    IF found_job IS NULL THEN
      passed := passed || chosen.tenant_id;
      -- With running jobs, a limit may be the reason. Then there is something left to do.
      IF running = 0 THEN
        PERFORM tenantry.rest_jobs(chosen.tenant_id, caps);
      END IF;
      CONTINUE;
    END IF;
    UPDATE tenantry.jobs j SET
      state = 'running', attempt = j.attempt + 1, started_at = clock_timestamp(), worker = claim_jobs.worker,
      lease = gen_random_uuid(), leased_until = clock_timestamp() + lease_ms * interval '1 millisecond'
    WHERE j.tenant_id = chosen.tenant_id AND j.id = found_job
    RETURNING
      j.tenant_id, j.id, j.lease, j.task, j.attempt, j.max_attempts, chosen.plan, j.actor_type, j.actor, j.request_id,
      j.created_at
    INTO
      tenant_id, job_id, lease, task, attempt, max_attempts, plan, actor_type, actor, request_id, created_at;
    -- A hundredth of a second for now, so that tenants take turns while nobody knows how long their jobs take.
    UPDATE tenantry.job_tenants q SET virtual_time = q.virtual_time + 0.01 / (share ->> 'weight')::double precision
    WHERE q.tenant_id = chosen.tenant_id;
    remaining := remaining - 1;
    RETURN NEXT;
    -- The order has changed.
    CLOSE candidates;
    OPEN candidates;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenantry.claim_jobs(text, integer, text, text, text, integer, bigint, text) IS
  '@tenancy audited: a worker serves all tenants. It returns which job is next and on whose behalf, no payload, and is signed.';


-- 4  Lease --------------------------------------------------------------------------------------------------------------

-- Prolongs leases. `leases` is JSON, [[tenant id, job id, lease], …]; the lease is a secret that only its worker has.
-- Returns the jobs that are not the worker's any more: cancelled, or given to another worker after the lease was over. A
-- row that is locked, because a handler completes it in its transaction, is left as it is.
CREATE FUNCTION tenantry.extend_leases(leases text, lease_ms integer) RETURNS TABLE (lost uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE tenantry.jobs j SET leased_until = clock_timestamp() + least(lease_ms, 60000) * interval '1 millisecond'
  FROM (
    SELECT held.tenant_id, held.id FROM tenantry.jobs held
    JOIN jsonb_array_elements(leases::jsonb) AS own
      ON held.tenant_id = (own ->> 0)::uuid AND held.id = (own ->> 1)::uuid AND held.lease = (own ->> 2)::uuid
    WHERE held.state = 'running' FOR UPDATE OF held SKIP LOCKED
  ) AS mine
  WHERE j.tenant_id = mine.tenant_id AND j.id = mine.id;
  RETURN QUERY
  SELECT (own ->> 1)::uuid FROM jsonb_array_elements(leases::jsonb) AS own
  WHERE NOT EXISTS (
    SELECT FROM tenantry.jobs held
    WHERE held.tenant_id = (own ->> 0)::uuid AND held.id = (own ->> 1)::uuid AND held.lease = (own ->> 2)::uuid
      AND held.state IN ('running', 'succeeded')
  );
END
$$;
COMMENT ON FUNCTION tenantry.extend_leases(text, integer) IS
  '@tenancy audited: changes only rows whose lease the caller knows, a random secret of the worker that claimed them.';

-- Gives jobs back that a stopping worker has not finished. They are due at once, and the attempt does not count.
CREATE FUNCTION tenantry.release_jobs(leases text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  held record;
BEGIN
  FOR held IN
    SELECT j.tenant_id, j.id FROM tenantry.jobs j JOIN jsonb_array_elements(leases::jsonb) AS own
      ON j.tenant_id = (own ->> 0)::uuid AND j.id = (own ->> 1)::uuid AND j.lease = (own ->> 2)::uuid
    WHERE j.state = 'running' FOR UPDATE OF j SKIP LOCKED
  LOOP
    PERFORM tenantry.put_back(held.tenant_id, held.id, clock_timestamp(), NULL, false);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenantry.release_jobs(text) IS
  '@tenancy audited: changes only rows whose lease the caller knows, a random secret of the worker that claimed them.';


-- 5  The end ------------------------------------------------------------------------------------------------------------

-- Completes running jobs. Returns those that are not the worker's any more. May be called more than once.
CREATE FUNCTION tenantry.finish_jobs(leases text) RETURNS TABLE (lost uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE tenantry.jobs j SET state = 'succeeded', finished_at = clock_timestamp(), leased_until = NULL, last_error = NULL
  FROM jsonb_array_elements(leases::jsonb) AS own
  WHERE j.tenant_id = (own ->> 0)::uuid AND j.id = (own ->> 1)::uuid AND j.lease = (own ->> 2)::uuid AND j.state = 'running';
  RETURN QUERY
  SELECT (own ->> 1)::uuid FROM jsonb_array_elements(leases::jsonb) AS own
  WHERE NOT EXISTS (
    SELECT FROM tenantry.jobs j
    WHERE j.tenant_id = (own ->> 0)::uuid AND j.id = (own ->> 1)::uuid AND j.lease = (own ->> 2)::uuid AND j.state = 'succeeded'
  );
END
$$;
COMMENT ON FUNCTION tenantry.finish_jobs(text) IS
  '@tenancy audited: changes only rows whose lease the caller knows, a random secret of the worker that claimed them.';

-- Completes a running job of the bound tenant. In the transaction with the job's own effects, both are done exactly once.
-- Fails (TJ001) when the lease is not the job's: it was cancelled, or another worker has it. May be called more than once.
CREATE FUNCTION tenantry.complete_job(job uuid, presented_lease uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
BEGIN
  UPDATE tenantry.jobs j SET state = 'succeeded', finished_at = clock_timestamp(), leased_until = NULL, last_error = NULL
  WHERE j.tenant_id = tenant AND j.id = job AND j.lease = presented_lease AND j.state = 'running';
  IF NOT FOUND AND NOT EXISTS (
    SELECT FROM tenantry.jobs j
    WHERE j.tenant_id = tenant AND j.id = job AND j.lease = presented_lease AND j.state = 'succeeded'
  ) THEN
    RAISE EXCEPTION 'the job is not this worker''s any more' USING ERRCODE = 'TJ001';
  END IF;
END
$$;

-- Ends a failed attempt of a running job of the bound tenant. The job is queued again after `retry_ms` milliseconds, or is
-- dead when that is null or this was its last attempt. Returns the new state; null when the lease is not the job's. Whoever
-- may read the tenant's jobs reads `reason`.
CREATE FUNCTION tenantry.fail_job(job uuid, presented_lease uuid, reason text, retry_ms bigint) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  failed record;
BEGIN
  SELECT j.attempt < j.max_attempts AS has_more INTO failed FROM tenantry.jobs j
  WHERE j.tenant_id = tenant AND j.id = job AND j.lease = presented_lease AND j.state = 'running' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  RETURN tenantry.put_back(
    tenant, job, CASE WHEN failed.has_more THEN clock_timestamp() + retry_ms * interval '1 millisecond' END, reason, true
  );
END
$$;


-- 6  By hand ------------------------------------------------------------------------------------------------------------

-- Makes a job of the bound tenant due now, with all its attempts: a dead or cancelled one, or one that is still queued.
-- Returns its former state; null when there is no such job, or it is running or has succeeded. Fails (23505) when another
-- job is queued under its key.
CREATE FUNCTION tenantry.retry_job(job uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  held record;
BEGIN
  SELECT j.state, j.task INTO held FROM tenantry.jobs j
  WHERE j.tenant_id = tenant AND j.id = job AND j.state IN ('queued', 'dead', 'cancelled') FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE tenantry.jobs j SET state = 'queued', run_at = clock_timestamp(), attempt = 0, finished_at = NULL
  WHERE j.tenant_id = tenant AND j.id = job;
  PERFORM tenantry.wake_jobs(tenant, clock_timestamp());
  PERFORM tenantry.record_audit(
    'job.retried', 'Job', job::text, jsonb_build_object('task', held.task, 'state', held.state), NULL
  );
  RETURN held.state;
END
$$;

-- Cancels a queued or running job of the bound tenant. The handler of a running one is told at the next heartbeat; what it
-- has committed stays. Returns its former state; null when there is no such job, or it has ended.
CREATE FUNCTION tenantry.cancel_job(job uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  held record;
BEGIN
  SELECT j.state, j.task INTO held FROM tenantry.jobs j
  WHERE j.tenant_id = tenant AND j.id = job AND j.state IN ('queued', 'running') FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE tenantry.jobs j SET state = 'cancelled', finished_at = clock_timestamp(), lease = NULL, leased_until = NULL
  WHERE j.tenant_id = tenant AND j.id = job;
  PERFORM tenantry.record_audit(
    'job.cancelled', 'Job', job::text, jsonb_build_object('task', held.task, 'state', held.state), NULL
  );
  RETURN held.state;
END
$$;


-- 7  Upkeep -------------------------------------------------------------------------------------------------------------

-- How many jobs are in each state that is not an end in success, over all tenants, and since when the oldest has been due.
-- For metrics: it names no tenant.
CREATE FUNCTION tenantry.job_statistics()
RETURNS TABLE (task text, ready bigint, scheduled bigint, running bigint, dead bigint, oldest_ready_seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT j.task,
    count(*) FILTER (WHERE j.state = 'queued' AND j.run_at <= clock_timestamp()),
    count(*) FILTER (WHERE j.state = 'queued' AND j.run_at > clock_timestamp()),
    count(*) FILTER (WHERE j.state = 'running'),
    count(*) FILTER (WHERE j.state = 'dead'),
    coalesce(extract(epoch FROM clock_timestamp() - min(j.run_at) FILTER (WHERE j.state = 'queued' AND j.run_at <= clock_timestamp())), 0)::double precision
  FROM (
    SELECT q.task, q.state, q.run_at FROM tenantry.jobs q WHERE q.state = 'queued'
    UNION ALL SELECT r.task, r.state, r.run_at FROM tenantry.jobs r WHERE r.state = 'running'
    UNION ALL SELECT d.task, d.state, d.run_at FROM tenantry.jobs d WHERE d.state = 'dead'
  ) AS j
  GROUP BY j.task
$$;
COMMENT ON FUNCTION tenantry.job_statistics() IS
  '@tenancy audited: counts over all tenants for metrics; it names no tenant and shows no row.';

-- Removes finished jobs, up to `most`: those that have succeeded or were cancelled a week ago, dead ones after ninety
-- days. Returns how many. The times are fixed, so that nobody who may call it removes younger ones.
CREATE FUNCTION tenantry.remove_finished_jobs(most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  removed integer;
BEGIN
  WITH ended AS (
    SELECT old.tenant_id, old.id FROM tenantry.jobs old
    WHERE old.state IN ('succeeded', 'cancelled') AND old.finished_at < now() - interval '7 days'
    ORDER BY old.finished_at LIMIT least(most, 10000) FOR UPDATE SKIP LOCKED
  ), dead AS (
    SELECT old.tenant_id, old.id FROM tenantry.jobs old
    WHERE old.state = 'dead' AND old.finished_at < now() - interval '90 days'
    ORDER BY old.finished_at LIMIT least(most, 10000) FOR UPDATE SKIP LOCKED
  )
  DELETE FROM tenantry.jobs j WHERE (j.tenant_id, j.id) IN (
    (SELECT * FROM ended UNION ALL SELECT * FROM dead) LIMIT least(most, 10000)
  );
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;
COMMENT ON FUNCTION tenantry.remove_finished_jobs(integer) IS
  '@tenancy audited: removes jobs of all tenants that ended long ago, by times that the caller cannot choose.';


-- 8  Rights -------------------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL ROUTINES IN SCHEMA tenantry FROM PUBLIC;
-- Inside a tenant.
GRANT EXECUTE ON FUNCTION
  tenantry.enqueue(text, jsonb, timestamptz, text, integer, text),
  tenantry.retry_job(uuid),
  tenantry.cancel_job(uuid)
TO tenantry_app, tenantry_operator;
-- What workers need.
GRANT EXECUTE ON FUNCTION
  tenantry.claim_jobs(text, integer, text, text, text, integer, bigint, text),
  tenantry.extend_leases(text, integer),
  tenantry.release_jobs(text),
  tenantry.finish_jobs(text),
  tenantry.complete_job(uuid, uuid),
  tenantry.fail_job(uuid, uuid, text, bigint),
  tenantry.job_statistics(),
  tenantry.remove_finished_jobs(integer)
TO tenantry_app;

-- A worker takes short jobs ahead of its free slots, and gives back those that it could not begin soon. So jobs are given back
-- more often, and must not lose their place in the queue of their tenant by it.

-- Lease by lease, each found by its key, as in finish_jobs.
CREATE OR REPLACE FUNCTION tenantry.release_jobs(leases text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  own record;
  place timestamptz;
BEGIN
  FOR own IN
    SELECT (each ->> 0)::uuid AS tenant, (each ->> 1)::uuid AS job, (each ->> 2)::uuid AS lease
    FROM jsonb_array_elements(leases::jsonb) AS each ORDER BY 1, 2
  LOOP
    SELECT j.run_at INTO place FROM tenantry.jobs j
    WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'running'
    FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
      PERFORM tenantry.put_back(own.tenant, own.job, place, NULL, false);
    END IF;
  END LOOP;
END
$function$;

-- As above. A row that somebody else has locked is being ended: its lease is not prolonged, and is not lost yet.
CREATE OR REPLACE FUNCTION tenantry.extend_leases(leases text, lease_ms integer)
 RETURNS TABLE(lost uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  own record;
  held record;
BEGIN
  FOR own IN
    SELECT (each ->> 0)::uuid AS tenant, (each ->> 1)::uuid AS job, (each ->> 2)::uuid AS lease
    FROM jsonb_array_elements(leases::jsonb) AS each ORDER BY 1, 2
  LOOP
    -- As in claim_jobs: the owners of a tenant that waits for its erasure may take its data.
    SELECT t.status <> 'active' AND NOT (j.task = 'tenant-export.write' AND EXISTS (
      SELECT FROM tenantry.erasures e WHERE e.subject = t.id AND e.state = 'requested'
    )) AS is_suspended INTO held
    FROM tenantry.jobs j JOIN public.tenants t ON t.id = j.tenant_id
    WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'running'
    FOR UPDATE OF j SKIP LOCKED;
    IF held.is_suspended THEN
      PERFORM tenantry.put_back(own.tenant, own.job, clock_timestamp(), NULL, false);
    ELSIF FOUND THEN
      UPDATE tenantry.jobs j SET leased_until = clock_timestamp() + least(lease_ms, 60000) * interval '1 millisecond'
      WHERE j.tenant_id = own.tenant AND j.id = own.job;
    END IF;
    IF NOT EXISTS (
      SELECT FROM tenantry.jobs j
      WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state IN ('running', 'succeeded')
    ) THEN
      lost := own.job;
      RETURN NEXT;
    END IF;
  END LOOP;
END
$function$;

-- Most jobs have no key. They were in both indexes, each with one more write.
CREATE UNIQUE INDEX "jobs_queued_key_new" ON tenantry.jobs ("tenant_id", "task", "key") WHERE "state" = 'queued' AND "key" IS NOT NULL;
CREATE UNIQUE INDEX "jobs_running_key_new" ON tenantry.jobs ("tenant_id", "task", "key") WHERE "state" = 'running' AND "key" IS NOT NULL;
DROP INDEX tenantry."jobs_queued_key", tenantry."jobs_running_key";
ALTER INDEX tenantry."jobs_queued_key_new" RENAME TO "jobs_queued_key";
ALTER INDEX tenantry."jobs_running_key_new" RENAME TO "jobs_running_key";

-- The index that a key conflicts in is named by its condition.
CREATE OR REPLACE FUNCTION tenantry.enqueue(task text, payload jsonb DEFAULT '{}'::jsonb, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, job_key text DEFAULT NULL::text, max_attempts integer DEFAULT NULL::integer, key_mode text DEFAULT NULL::text)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
  ON CONFLICT (tenant_id, task, key) WHERE state = 'queued' AND key IS NOT NULL DO UPDATE SET
    payload = excluded.payload,
    run_at = CASE WHEN key_mode = 'preserve_run_at' THEN held.run_at ELSE excluded.run_at END,
    attempt = 0, max_attempts = excluded.max_attempts, last_error = NULL,
    actor_type = excluded.actor_type, actor = excluded.actor, request_id = excluded.request_id
  RETURNING held.id, held.run_at INTO queued, due;
  PERFORM tenantry.wake_jobs(tenant, due);
  RETURN queued;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.plan_schedules(plans text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  each record;
  queued integer := 0;
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'plan_schedules', expires, plans), expires, signature);
  -- In order, so that two workers do not wait for each other in a circle.
  FOR each IN
    SELECT (plan ->> 'tenant')::uuid AS tenant, plan ->> 'task' AS task, plan ->> 'cron' AS cron, plan ->> 'zone' AS zone,
      (plan ->> 'previous')::timestamptz AS previous, (plan ->> 'next')::timestamptz AS next, (plan ->> 'due')::boolean AS due,
      plan -> 'payload' AS payload
    FROM jsonb_array_elements(plans::jsonb) AS plan ORDER BY 1, 2
  LOOP
    INSERT INTO tenantry.job_schedules AS held (tenant_id, task, cron, time_zone, next_at)
    VALUES (each.tenant, each.task, each.cron, each.zone, each.next)
    ON CONFLICT (tenant_id, task) DO UPDATE SET cron = excluded.cron, time_zone = excluded.time_zone, next_at = excluded.next_at
    WHERE held.next_at = each.previous;
    IF FOUND AND each.due THEN
      INSERT INTO tenantry.jobs (tenant_id, task, payload, key, run_at, max_attempts, actor_type, actor)
      VALUES (each.tenant, each.task, coalesce(each.payload, '{}'), 'cron', clock_timestamp(), 10, 'system', 'cron')
      ON CONFLICT (tenant_id, task, key) WHERE state = 'queued' AND key IS NOT NULL DO NOTHING;
      PERFORM tenantry.wake_jobs(each.tenant, clock_timestamp());
      queued := queued + 1;
    END IF;
  END LOOP;
  RETURN queued;
END
$function$;

-- The jobs of a tenant that comes first are taken without asking for the order of the tenants after each of them.
CREATE OR REPLACE FUNCTION tenantry.claim_jobs(worker text, wanted integer, tasks text, plans text, used text, lease_ms integer, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS TABLE(tenant_id uuid, job_id uuid, lease uuid, task text, attempt integer, max_attempts integer, plan text, actor_type text, actor text, request_id text, created_at timestamp with time zone)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET cursor_tuple_fraction TO '0'
AS $function$
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
    SELECT q.tenant_id, q.virtual_time, t.plan, t.status = 'active' AS is_active
    FROM tenantry.job_tenants q JOIN public.tenants t ON t.id = q.tenant_id
    WHERE q.active AND (
      t.status = 'active'
      OR EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = t.id AND e.state = 'requested')
    ) AND NOT tenantry.is_fenced(q.tenant_id) AND q.tenant_id <> ALL (passed)
    ORDER BY q.virtual_time FOR NO KEY UPDATE OF q SKIP LOCKED;
  chosen record;
  share jsonb;
  under_way jsonb;
  running bigint;
  -- What the jobs taken from a tenant count, until that is written.
  charged double precision;
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
    charged := 0;
    -- While no other tenant comes before this one, its jobs are taken one after the other.
    LOOP
      found_job := NULL;
      IF running < (share ->> 'most')::bigint THEN
        SELECT due.id INTO found_job
        FROM jsonb_each_text(caps) AS known (name, most)
        CROSS JOIN LATERAL (
          SELECT j.id, j.run_at FROM tenantry.jobs j
          WHERE j.tenant_id = chosen.tenant_id AND j.task = known.name AND j.state = 'queued' AND j.run_at <= moment
            AND (chosen.is_active OR known.name = 'tenant-export.write')
            AND (j.key IS NULL OR NOT EXISTS (
              SELECT FROM tenantry.jobs other
              WHERE other.tenant_id = j.tenant_id AND other.task = j.task AND other.key = j.key AND other.state = 'running'
            ))
          ORDER BY j.run_at, j.id LIMIT 1 FOR UPDATE OF j SKIP LOCKED
        ) AS due
        WHERE known.most IS NULL OR coalesce((under_way ->> known.name)::bigint, 0) < known.most::bigint
        ORDER BY due.run_at, due.id LIMIT 1;
      END IF;
      EXIT WHEN found_job IS NULL;
      UPDATE tenantry.jobs j SET
        state = 'running', attempt = j.attempt + 1, started_at = clock_timestamp(), worker = claim_jobs.worker,
        lease = gen_random_uuid(), leased_until = clock_timestamp() + lease_ms * interval '1 millisecond'
      WHERE j.tenant_id = chosen.tenant_id AND j.id = found_job
      RETURNING
        j.tenant_id, j.id, j.lease, j.task, j.attempt, j.max_attempts, chosen.plan, j.actor_type, j.actor, j.request_id,
        j.created_at
      INTO
        tenant_id, job_id, lease, task, attempt, max_attempts, plan, actor_type, actor, request_id, created_at;
      RETURN NEXT;
      remaining := remaining - 1;
      running := running + 1;
      under_way := under_way || jsonb_build_object(task, coalesce((under_way ->> task)::bigint, 0) + 1);
      -- A hundredth of a second for now, so that tenants take turns while nobody knows how long their jobs take.
      charged := charged + 0.01 / (share ->> 'weight')::double precision;
      EXIT WHEN remaining = 0 OR EXISTS (
        SELECT FROM tenantry.job_tenants q
        WHERE q.active AND q.virtual_time < chosen.virtual_time + charged AND q.tenant_id <> chosen.tenant_id
          AND q.tenant_id <> ALL (passed)
      );
    END LOOP;
    IF charged > 0 THEN
      UPDATE tenantry.job_tenants q SET virtual_time = q.virtual_time + charged WHERE q.tenant_id = chosen.tenant_id;
    END IF;
    IF found_job IS NULL THEN
      passed := passed || chosen.tenant_id;
      -- With running jobs, a limit may be the reason. Then there is something left to do.
      IF running = 0 THEN
        PERFORM tenantry.rest_jobs(chosen.tenant_id, caps);
      END IF;
    ELSIF remaining > 0 THEN
      -- The order has changed.
      CLOSE candidates;
      OPEN candidates;
    END IF;
  END LOOP;
END
$function$;

-- A worker ends its jobs and takes the next ones in one visit, so each step costs as little as it can.

-- Lease by lease, each found by its key. As one join, the planner expected a hundred leases and read the whole queue.
CREATE OR REPLACE FUNCTION tenantry.finish_jobs(leases text)
 RETURNS TABLE(lost uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  own record;
BEGIN
  FOR own IN
    SELECT (each ->> 0)::uuid AS tenant, (each ->> 1)::uuid AS job, (each ->> 2)::uuid AS lease
    FROM jsonb_array_elements(leases::jsonb) AS each ORDER BY 1, 2
  LOOP
    UPDATE tenantry.jobs j SET state = 'succeeded', finished_at = clock_timestamp(), leased_until = NULL, last_error = NULL
    WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'running';
    IF NOT FOUND AND NOT EXISTS (
      SELECT FROM tenantry.jobs j
      WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'succeeded'
    ) THEN
      lost := own.job;
      RETURN NEXT;
    END IF;
  END LOOP;
END
$function$;

-- Without a tenant to wake, the seconds of ended jobs are added tenant by tenant.
CREATE OR REPLACE FUNCTION tenantry.settle_shares(used jsonb, tasks jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  moment constant timestamptz := clock_timestamp();
  names constant text[] := ARRAY(SELECT jsonb_object_keys(tasks));
  -- A tenant that was idle has no credit for that time: it begins one start before the least of those that are served, so
  -- that it is the next.
  beginning double precision;
  charged record;
BEGIN
  IF EXISTS (SELECT FROM tenantry.job_wakes) THEN
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
  ELSE
    -- The usual case: jobs have ended, and nobody waits to be woken. In the order of the tenants, as above.
    FOR charged IN SELECT key::uuid AS tenant, value::double precision AS seconds FROM jsonb_each_text(used) ORDER BY 1 LOOP
      UPDATE tenantry.job_tenants q SET virtual_time = q.virtual_time + greatest(charged.seconds, 0)
      WHERE q.tenant_id = charged.tenant;
    END LOOP;
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
$function$;

-- The list of tenants is not read again when no further job is wanted.
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
    SELECT q.tenant_id, t.plan, t.status = 'active' AS is_active
    FROM tenantry.job_tenants q JOIN public.tenants t ON t.id = q.tenant_id
    WHERE q.active AND (
      t.status = 'active'
      OR EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = t.id AND e.state = 'requested')
    ) AND q.tenant_id <> ALL (passed)
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
    IF remaining > 0 THEN
      -- The order has changed.
      CLOSE candidates;
      OPEN candidates;
    END IF;
  END LOOP;
END
$function$;

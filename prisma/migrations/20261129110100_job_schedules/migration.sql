-- Schedules: jobs that recur in each tenant, at times of a clock in the tenant's time zone.
--
-- Which tasks recur, and when, is in the code of modules, as cron expressions. Workers compute the times. The database keeps
-- the next time of each tenant and task, and queues a job once for each time, whichever worker asks first.

CREATE TABLE tenantry.job_schedules (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "task" TEXT NOT NULL,
    "cron" TEXT NOT NULL,
    -- As the tenant's settings have it, whether there is such a time zone or not.
    "time_zone" TEXT NOT NULL,
    "next_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "job_schedules_pkey" PRIMARY KEY ("tenant_id","id"),
    CONSTRAINT "job_schedules_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES public.tenants("id") ON DELETE CASCADE ON UPDATE RESTRICT
);
CREATE UNIQUE INDEX "job_schedules_tenant_id_task_key" ON tenantry.job_schedules ("tenant_id", "task");
-- Not `protect`: the server computes these rows from its code and the tenant's settings.
SELECT tenantry.isolate('tenantry.job_schedules');
REVOKE INSERT, UPDATE, DELETE ON tenantry.job_schedules FROM tenantry_app, tenantry_operator;
CREATE POLICY queue ON tenantry.job_schedules TO tenantry_owner USING (true) WITH CHECK (true);

-- The schedules of active tenants that need a new time: `tasks` is JSON, {"task": "cron"}. There is none yet, its expression
-- or the time zone has changed, or its time has come (`due`). `time_zone` is the tenant's setting timeZone. It reaches all
-- tenants, so the server signs the call.
CREATE FUNCTION tenantry.unplanned_schedules(
  tasks text, most integer, expires bigint DEFAULT NULL, signature text DEFAULT NULL
)
RETURNS TABLE (tenant_id uuid, task text, time_zone text, next_at timestamptz, due boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'unplanned_schedules', expires, tasks, most), expires, signature);
  RETURN QUERY
  SELECT wanted.tenant_id, wanted.task, wanted.zone, held.next_at,
    (held.cron = wanted.cron AND held.time_zone = wanted.zone) IS TRUE
  FROM (
    SELECT t.id AS tenant_id, known.task, known.cron, coalesce(left(t.settings ->> 'timeZone', 100), 'UTC') AS zone
    FROM public.tenants t CROSS JOIN jsonb_each_text(tasks::jsonb) AS known (task, cron)
    WHERE t.status = 'active'
  ) AS wanted
  LEFT JOIN tenantry.job_schedules held ON held.tenant_id = wanted.tenant_id AND held.task = wanted.task
  WHERE held.id IS NULL OR held.cron <> wanted.cron OR held.time_zone <> wanted.zone OR held.next_at <= clock_timestamp()
  LIMIT most;
END
$$;
COMMENT ON FUNCTION tenantry.unplanned_schedules(text, integer, bigint, text) IS
  '@tenancy audited: a worker plans the schedules of all tenants. It returns their ids and time zones, and is signed.';

-- Sets the next times of schedules, and queues the jobs that are due, each once: a schedule that another worker has planned
-- meanwhile is left alone. `plans` is JSON, an array of objects with "tenant", "task", "cron", "zone", "previous" (the
-- next_at that the worker saw; null when there was none), "next", "due" and "payload". While the job of the last time is
-- still queued, no second one is.
CREATE FUNCTION tenantry.plan_schedules(plans text, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
      ON CONFLICT (tenant_id, task, key) WHERE state = 'queued' DO NOTHING;
      PERFORM tenantry.wake_jobs(each.tenant, clock_timestamp());
      queued := queued + 1;
    END IF;
  END LOOP;
  RETURN queued;
END
$$;
COMMENT ON FUNCTION tenantry.plan_schedules(text, bigint, text) IS
  '@tenancy audited: a worker plans the schedules of all tenants, whose payloads are in its code, and is signed.';

REVOKE ALL ON ALL ROUTINES IN SCHEMA tenantry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  tenantry.unplanned_schedules(text, integer, bigint, text),
  tenantry.plan_schedules(text, bigint, text)
TO tenantry_app;

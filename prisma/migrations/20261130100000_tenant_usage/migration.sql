-- What each tenant uses: requests, time in the database, rows, bytes and jobs, per hour and per day.
--
-- Servers count in memory and add what they counted every few seconds. A tenant reads its own figures. Nobody can take
-- anything back: the server's role can only call add_tenant_usage, which adds.

CREATE TABLE tenantry.tenant_usage (
    "tenant_id" UUID NOT NULL,
    "period" TEXT NOT NULL CHECK ("period" IN ('hour', 'day')),
    -- The first moment of the hour or of the day, in UTC.
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "requests" BIGINT NOT NULL CHECK ("requests" >= 0),
    "database_ms" DOUBLE PRECISION NOT NULL CHECK ("database_ms" >= 0),
    "rows" BIGINT NOT NULL CHECK ("rows" >= 0),
    "bytes" BIGINT NOT NULL CHECK ("bytes" >= 0),
    "jobs" BIGINT NOT NULL CHECK ("jobs" >= 0),

    CONSTRAINT "tenant_usage_pkey" PRIMARY KEY ("tenant_id","period","starts_at"),
    CONSTRAINT "tenant_usage_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES public.tenants("id") ON DELETE CASCADE ON UPDATE RESTRICT
) WITH (fillfactor = 50);
-- Operators ask for the largest tenants of some hours or days.
CREATE INDEX "tenant_usage_period_starts_at_idx" ON tenantry.tenant_usage ("period", "starts_at");
ALTER TABLE tenantry.tenant_usage ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON tenantry.tenant_usage FOR SELECT USING (%s)',
    tenantry.isolation_predicate('tenant_id')
  );
END
$$;
CREATE POLICY counting ON tenantry.tenant_usage TO tenantry_owner USING (true) WITH CHECK (true);
GRANT SELECT ON tenantry.tenant_usage TO tenantry_app, tenantry_operator;
COMMENT ON TABLE tenantry.tenant_usage IS
  '@tenancy transient: what this installation has served, for its bills';

-- The last batch that each process has added, so that a batch that is sent again counts once.
CREATE TABLE tenantry.usage_writers (
    "server" UUID NOT NULL PRIMARY KEY,
    "batch" BIGINT NOT NULL,
    "written_at" TIMESTAMPTZ(3) NOT NULL
);
ALTER TABLE tenantry.usage_writers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY counting ON tenantry.usage_writers TO tenantry_owner USING (true) WITH CHECK (true);
-- An erasure searches every table for what is left of the tenant.
GRANT SELECT ON tenantry.usage_writers TO tenantry_operator;
COMMENT ON TABLE tenantry.usage_writers IS '@tenancy shared: which batches of counts were added';

-- Adds what a process has counted. `usage` is a JSON array of [tenant, hour, requests, database_ms, rows, bytes, jobs]. The
-- numbers of batches increase; a batch that was added before is not added again, and the answer is false. What was counted
-- for tenants that are erased is left out.
--
-- It names tenants, so a server signs it where contexts are signed, and a tenant's transaction may not call it. Nothing is
-- added to the future or to days that are over for long, whatever the clock of a server says.
CREATE FUNCTION tenantry.add_tenant_usage(
  server uuid, batch bigint, usage text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  this_hour constant timestamptz := date_trunc('hour', clock_timestamp(), 'UTC');
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'add_tenant_usage', expires, server, batch, usage), expires, signature
  );
  IF current_setting('app.current_tenant', true) <> '' THEN
    RAISE EXCEPTION 'a tenant''s transaction adds no usage' USING ERRCODE = '42501';
  END IF;
  INSERT INTO tenantry.usage_writers AS w (server, batch, written_at) VALUES (server, batch, clock_timestamp())
  ON CONFLICT ON CONSTRAINT usage_writers_pkey DO UPDATE SET batch = excluded.batch, written_at = excluded.written_at
  WHERE w.batch < excluded.batch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  WITH counted AS (
    SELECT (each ->> 0)::uuid AS tenant_id,
      greatest(least(date_trunc('hour', (each ->> 1)::timestamptz, 'UTC'), this_hour), this_hour - interval '2 days') AS hour,
      (each ->> 2)::bigint AS requests, (each ->> 3)::double precision AS database_ms, (each ->> 4)::bigint AS rows,
      (each ->> 5)::bigint AS bytes, (each ->> 6)::bigint AS jobs
    FROM jsonb_array_elements(usage::jsonb) AS each
  ), periods AS (
    SELECT tenant_id, 'hour' AS period, hour AS starts_at, requests, database_ms, rows, bytes, jobs FROM counted
    UNION ALL
    SELECT tenant_id, 'day', date_trunc('day', hour, 'UTC'), requests, database_ms, rows, bytes, jobs FROM counted
  ), added AS (
    INSERT INTO tenantry.tenant_usage AS u (tenant_id, period, starts_at, requests, database_ms, rows, bytes, jobs)
    SELECT p.tenant_id, p.period, p.starts_at, sum(p.requests), sum(p.database_ms), sum(p.rows), sum(p.bytes), sum(p.jobs)
    FROM periods p JOIN public.tenants t ON t.id = p.tenant_id AND NOT tenantry.is_fenced(t.id)
    GROUP BY p.tenant_id, p.period, p.starts_at
    -- In order, so that two servers do not wait for each other.
    ORDER BY p.tenant_id, p.period, p.starts_at
    ON CONFLICT ON CONSTRAINT tenant_usage_pkey DO UPDATE SET
      requests = u.requests + excluded.requests, database_ms = u.database_ms + excluded.database_ms,
      rows = u.rows + excluded.rows, bytes = u.bytes + excluded.bytes, jobs = u.jobs + excluded.jobs
    RETURNING u.tenant_id, u.period, u.xmax = 0 AS begins
  )
  -- Once in each hour of a tenant: what is kept no longer.
  DELETE FROM tenantry.tenant_usage old USING (SELECT DISTINCT tenant_id FROM added WHERE begins AND period = 'hour') b
  WHERE old.tenant_id = b.tenant_id AND (
    (old.period = 'hour' AND old.starts_at < this_hour - interval '8 days')
    OR (old.period = 'day' AND old.starts_at < this_hour - interval '1100 days')
  );
  -- Processes that have ended. One that goes on writes every few seconds.
  DELETE FROM tenantry.usage_writers w WHERE w.written_at < clock_timestamp() - interval '30 days';
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenantry.add_tenant_usage(uuid, bigint, text, bigint, text) IS
  '@tenancy audited: adds counts to tenants that a server names, which signs them; it returns nothing of a tenant';

REVOKE ALL ON FUNCTION tenantry.add_tenant_usage(uuid, bigint, text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.add_tenant_usage(uuid, bigint, text, bigint, text) TO tenantry_app;

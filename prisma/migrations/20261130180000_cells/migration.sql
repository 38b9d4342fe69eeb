-- More than one database: cells. The tenants of the default cell are in its table of tenants; the directory, which is there
-- too, names the cell of every tenant that is elsewhere. A cell says itself which tenants it does not serve: those that
-- arrive, that leave, or that have left.

-- 1  The cells and the directory, in the default cell --------------------------------------------------------------------

CREATE TABLE tenantry.cells (
    "name" TEXT NOT NULL PRIMARY KEY CHECK ("name" ~ '^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$' AND "name" <> 'default'),
    -- Whether no new tenant is placed there.
    "draining" BOOLEAN NOT NULL DEFAULT false,
    "added_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE tenantry.cells ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.cells TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.cells IS '@tenancy shared: the databases beside this one';
GRANT SELECT ON tenantry.cells TO tenantry_operator;

CREATE TABLE tenantry.directory (
    -- The tenant. No foreign key: it is in another database.
    "subject" UUID NOT NULL PRIMARY KEY,
    "slug" TEXT NOT NULL UNIQUE,
    "cell" TEXT NOT NULL REFERENCES tenantry.cells ("name"),
    -- Counts what was written to the whole directory, in the order of the commits.
    "changed" BIGINT NOT NULL UNIQUE
);
ALTER TABLE tenantry.directory ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.directory TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.directory IS '@tenancy shared: which tenants are in other cells';
GRANT SELECT ON tenantry.directory TO tenantry_operator;

-- One row, or none. Servers ask for what is newer than what they know, and would not hear of an entry that is gone: when this number
-- changes, they read all of the directory again. An entry that stayed for them would keep the id of an erased tenant.
CREATE TABLE tenantry.directory_state (
    "is_only" BOOLEAN NOT NULL PRIMARY KEY DEFAULT true CHECK ("is_only"),
    "removals" BIGINT NOT NULL DEFAULT 0
);
ALTER TABLE tenantry.directory_state ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.directory_state TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.directory_state IS '@tenancy shared: how often an entry of the directory was removed';
GRANT SELECT ON tenantry.directory_state TO tenantry_operator;

-- Adds a cell, or says whether it takes new tenants.
CREATE FUNCTION tenantry.set_cell(cell_name text, drains boolean) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO tenantry.cells (name, draining) VALUES (cell_name, drains)
  ON CONFLICT (name) DO UPDATE SET draining = drains
$$;

-- Says where a tenant is. Null as its cell: in the default one. Null as its slug: not in that cell any more, which changes
-- nothing when it is in another one. One change at a time, so that servers miss none. Fails (23505) when the slug is another
-- tenant's.
CREATE FUNCTION tenantry.place_tenant(tenant uuid, new_slug text, new_cell text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  LOCK TABLE tenantry.directory IN SHARE ROW EXCLUSIVE MODE;
  IF new_slug IS NULL OR new_cell IS NULL THEN
    DELETE FROM tenantry.directory d WHERE d.subject = tenant AND (new_slug IS NOT NULL OR d.cell = new_cell);
    IF FOUND THEN
      INSERT INTO tenantry.directory_state AS s (removals) VALUES (1)
      ON CONFLICT (is_only) DO UPDATE SET removals = s.removals + 1;
    END IF;
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM public.tenants t WHERE t.slug = new_slug AND t.id <> tenant) THEN
    RAISE EXCEPTION 'the slug % is taken', new_slug USING ERRCODE = '23505', CONSTRAINT = 'tenants_slug_key';
  END IF;
  INSERT INTO tenantry.directory AS d (subject, slug, cell, changed)
  VALUES (tenant, new_slug, new_cell, (SELECT coalesce(max(o.changed), 0) + 1 FROM tenantry.directory o))
  ON CONFLICT (subject) DO UPDATE SET slug = excluded.slug, cell = excluded.cell, changed = excluded.changed
  WHERE d.slug <> excluded.slug OR d.cell <> excluded.cell;
END
$$;

-- What was written to the directory since a number, at most 10,000 entries; one row without an entry when there is none. The
-- server signs the question: it tells the slugs of tenants.
CREATE FUNCTION tenantry.read_directory(since bigint, expires bigint DEFAULT NULL, signature text DEFAULT NULL)
RETURNS TABLE (removals bigint, subject uuid, slug text, cell text, changed bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'read_directory', expires, since), expires, signature);
  RETURN QUERY SELECT s.removals, d.subject, d.slug, d.cell, d.changed
    FROM (SELECT coalesce((SELECT o.removals FROM tenantry.directory_state o), 0) AS removals) AS s
    LEFT JOIN tenantry.directory d ON d.changed > since
    ORDER BY d.changed LIMIT 10000;
END
$$;
COMMENT ON FUNCTION tenantry.read_directory(bigint, bigint, text) IS
  '@tenancy audited: tells a server, which signs the question, in which cell each tenant is, and nothing of them';

-- A slug is one tenant's in all cells: the default cell refuses those that the directory has.
CREATE FUNCTION tenantry.refuse_placed_slug() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM tenantry.cells) THEN
    -- In the order of changes of the directory, which look for the slug here.
    LOCK TABLE tenantry.directory IN ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM tenantry.directory d WHERE d.slug = NEW.slug AND d.subject <> NEW.id) THEN
      RAISE EXCEPTION 'the slug % is taken', NEW.slug USING ERRCODE = '23505', CONSTRAINT = 'tenants_slug_key';
    END IF;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER refuse_placed_slug BEFORE INSERT OR UPDATE OF slug ON public.tenants
  FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_placed_slug();


-- 2  The fence of moves, in every cell ------------------------------------------------------------------------------------

CREATE TABLE tenantry.moves (
    "subject" UUID NOT NULL PRIMARY KEY,
    -- leaving: it is read and not written. arriving, left: the rows are a copy that nobody uses.
    "state" TEXT NOT NULL CHECK ("state" IN ('leaving', 'arriving', 'left')),
    -- Where it goes, or comes from.
    "other_cell" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE tenantry.moves ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.moves TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.moves IS '@tenancy shared: which tenants come from another cell, or go there; a row ends with the move';
GRANT SELECT ON tenantry.moves TO tenantry_operator;

-- As before; and the tenants that are moved are fenced, too.
CREATE OR REPLACE FUNCTION tenantry.set_fence() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  fenced constant uuid[] := ARRAY(
    SELECT e.subject FROM tenantry.erasures e WHERE e.state = 'running' UNION SELECT m.subject FROM tenantry.moves m ORDER BY 1
  );
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION tenantry.is_fenced(tenant uuid) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s',
    CASE WHEN cardinality(fenced) = 0 THEN 'false' ELSE format('tenant = ANY (%L::uuid[])', fenced) END
  );
END
$$;

-- Refuses a transaction of a fenced tenant: TE001 for one that is erased, TE003 for one that is moved, unless it only reads
-- and the tenant is still here.
CREATE FUNCTION tenantry.refuse_fenced(tenant uuid, read_only boolean) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  state constant text := (SELECT m.state FROM tenantry.moves m WHERE m.subject = tenant);
BEGIN
  IF state IS NULL OR EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = tenant AND e.state = 'running') THEN
    RAISE EXCEPTION 'the tenant is being erased' USING ERRCODE = 'TE001';
  END IF;
  IF state <> 'leaving' OR read_only IS NOT TRUE THEN
    RAISE EXCEPTION 'the tenant is being moved' USING ERRCODE = 'TE003';
  END IF;
END
$$;

COMMENT ON FUNCTION tenantry.refuse_fenced(uuid, boolean) IS
  '@tenancy audited: says of a tenant, whose id the caller knows, that it is moved or erased, and nothing else';

-- Says that a tenant leaves this cell, arrives in it or has left it; null: that it is served here. From the commit on its
-- transactions are refused as that asks for; those that were open before have to end before its rows are copied.
CREATE FUNCTION tenantry.fence_tenant(
  tenant uuid, new_state text, cell text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'fence_tenant', expires, tenant, coalesce(new_state, ''), coalesce(cell, '')), expires, signature
  );
  LOCK TABLE tenantry.erasures IN SHARE ROW EXCLUSIVE MODE;
  IF new_state = 'leaving' AND EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = tenant) THEN
    RAISE EXCEPTION 'the tenant waits for its erasure' USING ERRCODE = '55006';
  END IF;
  IF new_state IS NULL THEN
    DELETE FROM tenantry.moves m WHERE m.subject = tenant;
    -- Its jobs have come with it, or were passed over while it was fenced.
    PERFORM tenantry.wake_jobs(tenant, coalesce((
      SELECT min(j.run_at) FROM tenantry.jobs j WHERE j.tenant_id = tenant AND j.state = 'queued'
    ), 'infinity')) FROM public.tenants t WHERE t.id = tenant;
  ELSE
    INSERT INTO tenantry.moves (subject, state, other_cell) VALUES (tenant, new_state, cell)
    ON CONFLICT (subject) DO UPDATE SET state = excluded.state, other_cell = excluded.other_cell;
  END IF;
  PERFORM tenantry.set_fence();
  -- Servers drop what they have cached of the tenant, and end its subscriptions, whose clients come back.
  PERFORM pg_notify('tenantry_access', json_build_object('tenantId', tenant)::text);
END
$$;

-- As before; and it asks for what reason a tenant is fenced.
CREATE OR REPLACE FUNCTION tenantry.open_context(
  tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean,
  seal_front bytea, seal_back bytea
) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  state constant text := current_setting('TimeZone') || current_setting('DateStyle')
    || coalesce(current_setting('app.current_tenant', true), '')
    -- Nothing is left of this while no tenant is being erased: see section 6.
    || CASE WHEN tenantry.is_fenced(tenant) THEN 'fenced' ELSE '' END;
  done text;
BEGIN
  IF state <> 'UTCISO, MDY' THEN
    IF current_setting('app.current_tenant', true) <> '' THEN
      RAISE EXCEPTION 'this transaction is already bound to a tenant' USING ERRCODE = '25001';
    END IF;
    IF tenantry.is_fenced(tenant) AND NOT tenantry.moves_tenant(tenant) THEN
      PERFORM tenantry.refuse_fenced(tenant, read_only);
    END IF;
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL DateStyle = 'ISO, MDY';
  END IF;
  IF tenant IS NULL THEN
    RAISE EXCEPTION 'a transaction cannot be bound to no tenant' USING ERRCODE = '22004';
  END IF;
  IF actor IS NULL OR actor = '' THEN
    RAISE EXCEPTION 'a tenant''s transaction needs an actor' USING ERRCODE = '22004';
  END IF;
  IF actor_type IS NULL OR actor_type NOT IN ('user', 'api_key', 'job', 'operator', 'system') THEN
    RAISE EXCEPTION 'unknown actor type %', actor_type USING ERRCODE = '22023';
  END IF;
  IF tenantry.contexts_are_signed() THEN
    -- An assignment, because PERFORM would run a query; and one expression, because each costs.
    done := concat(
      set_config('app.current_tenant', tenant::text, true), set_config('app.current_actor', actor, true),
      set_config('app.current_actor_type', actor_type, true),
      set_config('app.current_request', coalesce(request_id, ''), true),
      set_config('statement_timeout', statement_timeout_ms::text, true),
      CASE WHEN read_only THEN set_config('transaction_read_only', 'on', true) END
    );
    RETURN set_config('app.context_seal', tenantry.seal(seal_front, seal_back), true);
  END IF;
  EXECUTE format(
    'SET LOCAL app.current_tenant = %L; SET LOCAL app.current_actor = %L; '
    'SET LOCAL app.current_actor_type = %L; SET LOCAL app.current_request = %L; SET LOCAL statement_timeout = %L',
    tenant, actor, actor_type, coalesce(request_id, ''), statement_timeout_ms
  );
  IF read_only THEN
    SET LOCAL transaction_read_only = on;
  END IF;
  RETURN NULL;
END
$$;

-- As before; and no job of a tenant that is moved or erased is given out.
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
    ) AND NOT tenantry.is_fenced(q.tenant_id) AND q.tenant_id <> ALL (passed)
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

-- As before; and a tenant that is being erased is not noted to be sealed later.
CREATE OR REPLACE FUNCTION tenantry.audit_work(server uuid, done xid8, failed uuid[], expires bigint, signature text, OUT leads boolean, OUT through xid8, OUT tenants uuid[], OUT since xid8[], OUT restored boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  lease constant interval := '6 seconds';
  own_database constant text := tenantry.audit_database();
  state record;
  sealed_below xid8;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'audit_work', expires, server, coalesce(done::text, ''), array_to_string(failed, ',')),
    expires, signature
  );
  SELECT s.holder, s.until, s.watermark, s.database INTO state FROM tenantry.audit_sealer s;
  IF NOT FOUND THEN
    INSERT INTO tenantry.audit_sealer DEFAULT VALUES ON CONFLICT DO NOTHING;
  END IF;
  leads := state.holder = server
    AND state.until BETWEEN clock_timestamp() + lease / 2 AND clock_timestamp() + lease;
  IF leads IS NOT TRUE THEN
    UPDATE tenantry.audit_sealer s SET holder = server, until = clock_timestamp() + lease
    WHERE s.holder IS NULL OR s.holder = server OR s.until IS NULL
      OR s.until NOT BETWEEN clock_timestamp() AND clock_timestamp() + lease
    RETURNING s.holder, s.until, s.watermark, s.database INTO state;
    leads := FOUND;
  END IF;
  IF NOT leads THEN
    RETURN;
  END IF;
  -- Numbers of another database, and those that were not assigned yet, say nothing of what is sealed.
  sealed_below := CASE
    WHEN state.database = own_database AND state.watermark <= pg_snapshot_xmin(pg_current_snapshot()) THEN state.watermark
  END;
  IF done IS NOT NULL THEN
    DELETE FROM tenantry.audit_behind b WHERE sealed_below IS NULL OR b.tenant_id <> ALL (failed);
    INSERT INTO tenantry.audit_behind (tenant_id, since)
    SELECT t.id, coalesce(sealed_below, '0') FROM public.tenants t WHERE t.id = ANY (failed)
      -- The row would come back behind the erasure, which could then not delete the tenant.
      AND NOT EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = t.id AND e.state = 'running')
    ON CONFLICT DO NOTHING;
    IF state.database IS DISTINCT FROM own_database OR state.watermark IS DISTINCT FROM done THEN
      UPDATE tenantry.audit_sealer s SET watermark = done, database = own_database WHERE s.holder = server;
      sealed_below := done;
      state.database := own_database;
    END IF;
  END IF;
  restored := state.database IS DISTINCT FROM own_database;
  IF sealed_below IS NULL THEN
    SELECT pg_snapshot_xmin(now_here), ARRAY(
      SELECT t.id FROM public.tenants t WHERE EXISTS (
        SELECT FROM public.audit_log e
        WHERE e.tenant_id = t.id
          AND NOT EXISTS (
            SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id
          )
      ) ORDER BY t.id
    ) INTO through, tenants FROM pg_current_snapshot() now_here;
    since := array_fill(NULL::xid8, ARRAY[cardinality(tenants)]);
  ELSE
    SELECT pg_snapshot_xmin(now_here), work.tenants, work.since INTO through, tenants, since
    FROM pg_current_snapshot() now_here, LATERAL (
      SELECT array_agg(each.tenant_id ORDER BY each.is_behind) AS tenants,
        array_agg(each.since ORDER BY each.is_behind) AS since
      FROM (
        SELECT DISTINCT e.tenant_id, sealed_below AS since, false AS is_behind FROM public.audit_log e
        WHERE e.tx >= sealed_below AND e.tx < pg_snapshot_xmin(now_here)
          AND NOT EXISTS (
            SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id
          )
          AND NOT EXISTS (SELECT FROM tenantry.audit_behind b WHERE b.tenant_id = e.tenant_id)
        UNION ALL
        SELECT b.tenant_id, nullif(b.since, '0'), true FROM tenantry.audit_behind b
      ) AS each
    ) AS work;
  END IF;
END
$function$;

REVOKE ALL ON FUNCTION tenantry.set_cell(text, boolean), tenantry.place_tenant(uuid, text, text),
  tenantry.read_directory(bigint, bigint, text), tenantry.refuse_placed_slug(), tenantry.refuse_fenced(uuid, boolean),
  tenantry.fence_tenant(uuid, text, text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.set_cell(text, boolean), tenantry.place_tenant(uuid, text, text),
  tenantry.fence_tenant(uuid, text, text, bigint, text) TO tenantry_operator;
GRANT EXECUTE ON FUNCTION tenantry.read_directory(bigint, bigint, text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.refuse_fenced(uuid, boolean) TO tenantry_app, tenantry_operator;

-- What owners ask for through the API: the erasure of the tenant, and of one person in it.

-- Gives a worker the next jobs of all tenants. As before; and of a tenant that waits for its erasure, which is suspended, it
-- gives out exports, so that its owners can take their data with them.
CREATE OR REPLACE FUNCTION tenantry.claim_jobs(
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
    -- The order has changed.
    CLOSE candidates;
    OPEN candidates;
  END LOOP;
END
$$;


-- Erases a person from the bound tenant: `person` is a user's id, `address` an e-mail address; one of them may be null. The
-- membership and the invitations are deleted, and so are the archives of the tenant, which are copies. Elsewhere, a text that
-- is exactly the id or one of the addresses becomes a random one, in every table of the walk but the audit log, from which the
-- caller deletes values afterwards. Returns what was done, where the id or an address still is within a longer text, and the
-- addresses. The server signs the question. Fails (TE002) when the person is the only owner.
CREATE FUNCTION tenantry.erase_person(
  person text, address text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  acting constant text := (SELECT actor FROM tenantry.current_actor());
  stand_in constant text := 'erased-' || left(replace(gen_random_uuid()::text, '-', ''), 16);
  addresses text[];
  counts jsonb := '{}';
  changed jsonb := '[]';
  remaining jsonb := '[]';
  found_rows bigint;
  each record;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'erase_person', expires, tenant, acting, coalesce(person, ''), coalesce(address, '')),
    expires, signature
  );
  -- One change of members at a time.
  PERFORM FROM public.tenants t WHERE t.id = tenant FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = tenant AND m.user_id = person AND m.role = 'owner')
    AND NOT EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = tenant AND m.user_id <> person AND m.role = 'owner')
  THEN
    RAISE EXCEPTION 'the person is the only owner' USING ERRCODE = 'TE002';
  END IF;
  addresses := ARRAY(
    SELECT lower(m.email) FROM public.memberships m WHERE m.tenant_id = tenant AND m.user_id = person
    UNION SELECT lower(i.email) FROM public.invitations i WHERE i.tenant_id = tenant AND i.accepted_by = person
    UNION SELECT lower(address) WHERE address IS NOT NULL
  );
  DELETE FROM public.memberships m
  WHERE m.tenant_id = tenant AND (m.user_id = person OR person IS NULL AND lower(m.email) = ANY (addresses));
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  counts := counts || jsonb_build_object('memberships', found_rows);
  DELETE FROM public.invitations i
  WHERE i.tenant_id = tenant AND (i.accepted_by = person OR i.email = ANY (addresses));
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  counts := counts || jsonb_build_object('invitations', found_rows);
  DELETE FROM public.tenant_exports x WHERE x.tenant_id = tenant;
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  counts := counts || jsonb_build_object('exports', found_rows);
  -- Kept results are copies of what was answered.
  DELETE FROM public.idempotency_keys k WHERE k.tenant_id = tenant AND (
    k.actor = person OR strpos(lower(k.result::text), lower(person)) > 0
    OR EXISTS (SELECT FROM unnest(addresses) AS known (address) WHERE strpos(lower(k.result::text), known.address) > 0)
  );

  FOR each IN
    SELECT w.schema_name, w.table_name, w.condition, tenantry.only_rows(w.target) AS rows_of_table, a.attname
    FROM tenantry.tenant_tables() w JOIN pg_attribute a ON a.attrelid = w.target
    WHERE w.kind IS DISTINCT FROM 'derived' AND w.problem IS NULL
      AND NOT (w.schema_name = 'public' AND w.table_name IN ('audit_log', 'tenants'))
      AND NOT (w.schema_name = 'tenantry' AND w.table_name LIKE 'audit%')
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)
    ORDER BY w.schema_name, w.table_name, a.attnum
  LOOP
    EXECUTE format(
      'UPDATE %1$s AS t SET %2$I = CASE WHEN t.%2$I = $2 THEN $4 ELSE $4 || ''@example.invalid'' END '
      'WHERE %3$s AND (t.%2$I = $2 OR lower(t.%2$I) = ANY ($3))',
      each.rows_of_table, each.attname, each.condition
    ) USING tenant, person, addresses, stand_in;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    IF found_rows > 0 THEN
      changed := changed || jsonb_build_object(
        'table', each.schema_name || '.' || each.table_name, 'column', each.attname, 'rows', found_rows
      );
    END IF;
  END LOOP;

  FOR each IN
    SELECT w.schema_name, w.table_name, w.condition, tenantry.only_rows(w.target) AS rows_of_table
    FROM tenantry.tenant_tables() w
    WHERE w.kind IS DISTINCT FROM 'derived' AND w.problem IS NULL
      AND NOT (w.schema_name = 'public' AND w.table_name = 'audit_log')
      AND NOT (w.schema_name = 'tenantry' AND w.table_name LIKE 'audit%')
    ORDER BY w.schema_name, w.table_name
  LOOP
    EXECUTE format(
      'SELECT count(*) FROM %s AS t WHERE %s AND EXISTS ('
        'SELECT FROM unnest($2) AS known (text) WHERE strpos(lower(t::text), known.text) > 0'
      ')', each.rows_of_table, each.condition
    ) INTO found_rows USING tenant, array_remove(addresses || lower(person), NULL);
    IF found_rows > 0 THEN
      remaining := remaining || jsonb_build_object('table', each.schema_name || '.' || each.table_name, 'rows', found_rows);
    END IF;
  END LOOP;

  counts := counts || jsonb_build_object('changed', changed, 'remaining', remaining);
  PERFORM tenantry.record_audit('person.erased', 'Tenant', tenant::text, NULL, counts);
  RETURN counts || jsonb_build_object('addresses', addresses);
END
$$;

REVOKE ALL ON ALL ROUTINES IN SCHEMA tenantry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.erase_person(text, text, bigint, text) TO tenantry_app;

-- Moves of tenants that work meanwhile. The copy is made in passes: each takes, under one snapshot of the source, the rows that
-- were written since the pass before. Writes are refused only during the last one, which is short.
--
--   1  The fence       a tenant that leaves is written, and each of its transactions holds a lock that the last pass waits for
--   2  Changes         which rows were written since a transaction, and which keys there are
--   3  The copy        rows that arrive replace those with the same key
--   4  Triggers        that must not answer to rows which arrive


-- 1  The fence ----------------------------------------------------------------------------------------------------------

-- In the target: rows of the source that older transactions have written are here. Null before the first pass.
ALTER TABLE tenantry.moves ADD COLUMN "through" XID8;

-- The lock that transactions share which may write a tenant that leaves. Whoever moves the tenant takes it alone for the last
-- pass. It is one of a session, so a move that is killed lets the tenant go on by itself.
CREATE FUNCTION tenantry.writes_of(tenant uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT hashtextextended('writes of ' || tenant::text, 0) $$;

-- Whether something outside of the tenant's own transactions may write its rows here, when it is fenced. For a tenant that
-- leaves, this transaction then holds the lock.
CREATE FUNCTION tenantry.enters(tenant uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN EXISTS (SELECT FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'leaving')
    AND NOT EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = tenant AND e.state = 'running')
    AND pg_try_advisory_xact_lock_shared(tenantry.writes_of(tenant));
END
$$;

-- As before; but a tenant that leaves is written (TE003) except during the last pass.
--
-- The row is locked after the lock was got, because the snapshot of this transaction may be older than the end of the move: then
-- the row has changed, and PostgreSQL refuses (40001) or reads it again. The lock on the row alone would not do: those who
-- share it can keep a change of the row waiting without end.
CREATE OR REPLACE FUNCTION tenantry.refuse_fenced(tenant uuid, read_only boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = tenant AND e.state = 'running') THEN
    RAISE EXCEPTION 'the tenant is being erased' USING ERRCODE = 'TE001';
  END IF;
  IF EXISTS (SELECT FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'leaving') THEN
    IF read_only THEN
      RETURN;
    END IF;
    IF pg_try_advisory_xact_lock_shared(tenantry.writes_of(tenant)) THEN
      PERFORM FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'leaving' FOR SHARE;
      IF FOUND THEN
        RETURN;
      END IF;
    END IF;
  END IF;
  RAISE EXCEPTION 'the tenant is being moved' USING ERRCODE = 'TE003';
END
$$;

-- As before; a tenant that is here already does not arrive, and nobody is told of a tenant that begins to leave: it is served
-- as before.
CREATE OR REPLACE FUNCTION tenantry.fence_tenant(
  tenant uuid, new_state text, cell text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  old_state text;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'fence_tenant', expires, tenant, coalesce(new_state, ''), coalesce(cell, '')), expires, signature
  );
  LOCK TABLE tenantry.erasures IN SHARE ROW EXCLUSIVE MODE;
  old_state := (SELECT m.state FROM tenantry.moves m WHERE m.subject = tenant);
  IF new_state = 'leaving' AND EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = tenant) THEN
    RAISE EXCEPTION 'the tenant waits for its erasure' USING ERRCODE = '55006';
  END IF;
  IF new_state = 'arriving' AND old_state IS NULL AND EXISTS (SELECT FROM public.tenants t WHERE t.id = tenant) THEN
    RAISE EXCEPTION 'there is a tenant with this id' USING ERRCODE = '23505';
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
  IF coalesce(new_state, 'leaving') <> 'leaving' OR coalesce(old_state, 'leaving') <> 'leaving' THEN
    -- Servers drop what they have cached of the tenant, and end its subscriptions, whose clients come back.
    PERFORM pg_notify('tenantry_access', json_build_object('tenantId', tenant)::text);
  END IF;
END
$$;


-- 2  Changes ------------------------------------------------------------------------------------------------------------

-- How old, in transactions, a row is at most that `since` or a later transaction has written, as age() counts it. The xmin of a
-- row has 32 bits only: a row that is older by more than 2^31 transactions may be taken for a new one, and no new one for an
-- old one as long as `since` itself is not that old. Fails (55000) when it is, or is not of this database.
CREATE FUNCTION tenantry.age_since(since xid8) RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- Transactions that are under way may have higher numbers.
  next constant numeric := pg_snapshot_xmax(pg_current_snapshot())::text::numeric;
BEGIN
  IF since::text::numeric NOT BETWEEN next - 2000000000 AND next + 1000000 THEN
    RAISE EXCEPTION 'the transaction % is too old, or of another database', since USING ERRCODE = '55000';
  END IF;
  RETURN age(since::xid);
END
$$;

-- The columns by which a row is found again: of the primary key, else of the first unique index that finds every row. Null when
-- there is none.
CREATE FUNCTION tenantry.key_columns(target oid) RETURNS name[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY(
    SELECT a.attname FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS each (attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = each.attnum
    WHERE each.place <= i.indnkeyatts ORDER BY each.place
  )
  FROM pg_index i
  WHERE i.indrelid = target AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
    AND NOT EXISTS (
      SELECT FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS each (attnum, place)
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = each.attnum
      WHERE each.place <= i.indnkeyatts AND NOT a.attnotnull
    )
  ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1
$$;

-- For every table of the walk: how many rows the bound tenant has, and how many of them `since` or a later transaction has
-- written.
CREATE FUNCTION tenantry.tenant_changes(since xid8) RETURNS TABLE (target oid, rows bigint, changed bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  youngest constant integer := tenantry.age_since(since);
  walked record;
BEGIN
  FOR walked IN SELECT w.target, w.condition FROM tenantry.tenant_tables() w WHERE w.kind IS DISTINCT FROM 'derived' LOOP
    EXECUTE format(
      'SELECT count(*), count(*) FILTER (WHERE age(t.xmin) <= $2) FROM %s AS t WHERE %s',
      tenantry.only_rows(walked.target), walked.condition
    ) INTO rows, changed USING tenant, youngest;
    target := walked.target;
    RETURN NEXT;
  END LOOP;
END
$$;

-- A cursor over the rows of the bound tenant in a table of the walk that `since` or a later transaction has written, one line
-- of JSON each; over all of them when it is null.
--
-- A seal covers the number of the transaction that has written an entry. One that is not sealed yet will be sealed there, by the
-- number that it gets there; here it is 0. When the seal has come, the entry is read again.
--
-- No nested loops: there are no statistics of rows that this transaction has copied, and without them the planner may compare
-- each entry with each seal.
CREATE FUNCTION tenantry.open_changed_rows(target oid, since xid8) RETURNS refcursor
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
  is_log constant boolean := target = 'public.audit_log'::regclass;
  columns text;
  lines refcursor;
BEGIN
  SELECT string_agg(CASE WHEN is_log AND a.attname = 'tx'
    THEN 'CASE WHEN l.entry_id IS NOT NULL THEN t.tx ELSE ''0'' END AS tx' ELSE format('t.%I', a.attname)
  END, ', ' ORDER BY a.attnum) INTO columns
  FROM pg_attribute a WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped;
  OPEN lines FOR EXECUTE format(
    'SELECT replace(replace(row_to_json(r)::text, chr(10), '' ''), chr(13), '' '') AS line FROM (SELECT %s FROM %s AS t %s WHERE %s %s) AS r',
    columns, tenantry.only_rows(target),
    CASE WHEN is_log THEN 'LEFT JOIN tenantry.audit_leaves AS l ON l.tenant_id = $1 AND l.entry_id = t.id' END,
    tenantry.walked_condition(target),
    CASE WHEN since IS NOT NULL THEN format(
      'AND (age(t.xmin) <= $2 %s)', CASE WHEN is_log THEN 'OR age(l.xmin) <= $2' END
    ) END
  ) USING tenantry.current_tenant(), CASE WHEN since IS NOT NULL THEN tenantry.age_since(since) END;
  RETURN lines;
END
$$;

-- The hash by which the key of a row of the alias t is put into a bucket.
CREATE FUNCTION tenantry.key_hash(target oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('hashtextextended(ROW(%s)::text COLLATE "C", 0)', string_agg(format('t.%I', key), ', '))
  FROM unnest(tenantry.key_columns(target)) AS key
$$;

-- The keys of the bound tenant in a table, in buckets: how many there are in each, and the sum of their hashes. `mask` is the
-- number of buckets less one, and a power of two less one.
CREATE FUNCTION tenantry.key_buckets(target oid, mask integer) RETURNS TABLE (bucket integer, digest text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT (h & $2)::integer, count(*) || '' '' || sum(h) FROM (SELECT %s AS h FROM %s AS t WHERE %s) AS each GROUP BY 1',
    tenantry.key_hash(target), tenantry.only_rows(target), tenantry.walked_condition(target)
  ) USING tenantry.current_tenant(), mask;
END
$$;

-- The keys in some of these buckets, one line of JSON each.
CREATE FUNCTION tenantry.keys_in(target oid, mask integer, buckets integer[]) RETURNS TABLE (line text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT row_to_json(r)::text FROM (SELECT %s FROM %s AS t WHERE %s AND (%s & $2)::integer = ANY ($3)) AS r',
    (SELECT string_agg(format('t.%I', key), ', ') FROM unnest(tenantry.key_columns(target)) AS key),
    tenantry.only_rows(target), tenantry.walked_condition(target), tenantry.key_hash(target)
  ) USING tenantry.current_tenant(), mask, buckets;
END
$$;


-- 3  The copy -----------------------------------------------------------------------------------------------------------

-- Begins a pass of a tenant that arrives, and binds this transaction to it.
CREATE FUNCTION tenantry.open_arrival(tenant uuid, actor text, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  signing_key record;
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'open_arrival', expires, tenant, actor), expires, signature);
  PERFORM FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'arriving' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the tenant does not arrive here' USING ERRCODE = '42501';
  END IF;
  PERFORM tenantry.begin_work(tenant);
  SELECT k.seal_front, k.seal_back INTO signing_key FROM tenantry.context_keys k;
  PERFORM tenantry.open_context(tenant, actor, 'operator', '', 0, false, signing_key.seal_front, signing_key.seal_back);
END
$$;

-- The statement that inserts lines into a table, or replaces the rows with their keys. A row with the same key that is not the
-- tenant's is left alone, and then the copy is not equal. Columns that the database computes are computed anew.
CREATE FUNCTION tenantry.merge_lines(target oid, columns text[], source text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format(
    'INSERT INTO %1$s AS t (%2$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM (%4$s) AS each (line), '
    'json_populate_record(NULL::%1$s, each.line::json) AS r %5$s RETURNING 1',
    target::regclass,
    string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
    string_agg(
      CASE WHEN target = 'public.audit_log'::regclass AND a.attname = 'tx'
        THEN 'CASE r.tx WHEN ''0'' THEN pg_current_xact_id() ELSE r.tx END'
        ELSE format('r.%I', a.attname)
      END, ', ' ORDER BY a.attnum
    ),
    source,
    CASE WHEN keys IS NOT NULL THEN format(
      'ON CONFLICT (%s) DO UPDATE SET %s WHERE %s',
      (SELECT string_agg(quote_ident(key), ', ') FROM unnest(keys) AS key),
      -- All of them, also equal ones, so that every row which has arrived was written by this transaction.
      coalesce(
        string_agg(format('%1$I = excluded.%1$I', a.attname), ', ') FILTER (
          WHERE a.attname <> ALL (keys) AND a.attidentity <> 'a'
        ),
        string_agg(format('%1$I = excluded.%1$I', a.attname), ', ') FILTER (WHERE a.attidentity <> 'a')
      ),
      tenantry.walked_condition(target)
    ) END
  )
  FROM pg_attribute a
  CROSS JOIN LATERAL (SELECT tenantry.key_columns(target) AS keys) AS key
  WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY (columns) AND a.attgenerated = ''
  GROUP BY keys
$$;

-- Inserts or replaces rows of the tenant that arrives.
CREATE FUNCTION tenantry.merge_rows(target oid, columns text[], lines text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.require_import();
BEGIN
  EXECUTE tenantry.merge_lines(target, columns, 'SELECT unnest($2)') USING tenant, lines;
END
$$;

COMMENT ON FUNCTION tenantry.merge_rows(oid, text[], text[]) IS
  '@tenancy audited: its statement has the names of columns from the catalog; what the caller names is only compared with them.';

-- The same with the lines that stage_rows has kept for tables which refer to each other, or to themselves: in one statement, at
-- whose end PostgreSQL checks the references. `columns` is JSON, the columns of each table.
CREATE FUNCTION tenantry.merge_staged(targets oid[], columns jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.require_import();
  parts text;
BEGIN
  SELECT string_agg(format('m%s AS (%s)', each.place, tenantry.merge_lines(
      each.target, ARRAY(SELECT jsonb_array_elements_text(columns -> (each.place - 1)::integer)),
      format('SELECT w.line FROM tenantry.life_lines w WHERE w.subject = $1 AND w.target = %s', each.target)
    )), ', ' ORDER BY each.place)
  INTO parts FROM unnest(targets) WITH ORDINALITY AS each (target, place);
  EXECUTE format('WITH %s SELECT', parts) USING tenant;
  DELETE FROM tenantry.life_lines w WHERE w.subject = tenant AND w.target = ANY (targets);
END
$$;

-- Deletes rows of the tenant that arrives, in one statement for tables that refer to each other. `keys` is JSON: for each table
-- the keys, or null for all of its rows.
CREATE FUNCTION tenantry.remove_arrived(targets oid[], keys jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.require_import();
  parts text;
BEGIN
  SELECT string_agg(format(
      'd%s AS (DELETE FROM %s AS t %s WHERE %s %s RETURNING 1)', each.place, tenantry.only_rows(each.target),
      CASE WHEN has_keys THEN format(
        'USING jsonb_populate_recordset(NULL::%s, $2 -> %s) AS r', each.target::regclass, each.place - 1
      ) END,
      tenantry.walked_condition(each.target),
      CASE WHEN has_keys THEN (
        SELECT string_agg(format(' AND t.%1$I = r.%1$I', key), '') FROM unnest(tenantry.key_columns(each.target)) AS key
      ) END
    ), ', ' ORDER BY each.place)
  INTO parts FROM unnest(targets) WITH ORDINALITY AS each (target, place)
  CROSS JOIN LATERAL (SELECT jsonb_typeof(keys -> (each.place - 1)::integer) = 'array' AS has_keys) AS given;
  EXECUTE format('WITH %s SELECT', parts) USING tenant, keys;
END
$$;

-- Ends a pass: rows of the source that transactions before `through` have written are here. Numbers that the database gives
-- out continue behind those which have arrived, in the tables `targets`.
CREATE FUNCTION tenantry.finish_arrival(through xid8, targets oid[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.require_import();
  numbered record;
  highest bigint;
  given bigint;
BEGIN
  FOR numbered IN
    SELECT a.attname AS name, a.attrelid AS target, owned.sequence FROM pg_attribute a
    CROSS JOIN LATERAL (SELECT pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) AS sequence) AS owned
    WHERE a.attrelid = ANY (targets) AND a.attnum > 0 AND NOT a.attisdropped AND owned.sequence IS NOT NULL
  LOOP
    EXECUTE format(
      'SELECT max(t.%I), (SELECT s.last_value FROM %s AS s) FROM %s AS t WHERE %s', numbered.name, numbered.sequence,
      tenantry.only_rows(numbered.target), tenantry.walked_condition(numbered.target)
    ) INTO highest, given USING tenant;
    IF highest > given THEN
      PERFORM setval(numbered.sequence, highest);
    END IF;
  END LOOP;
  PERFORM tenantry.end_work(tenant);
  UPDATE tenantry.moves m SET through = finish_arrival.through WHERE m.subject = tenant AND m.state = 'arriving';
END
$$;


-- 4  Triggers -----------------------------------------------------------------------------------------------------------

-- As before; and rows that arrive keep their version.
CREATE OR REPLACE FUNCTION tenantry.next_version() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF coalesce(current_setting('app.tenant_life', true), '') <> '' THEN
    IF tenantry.moves_tenant(coalesce(to_jsonb(OLD) ->> 'tenant_id', to_jsonb(OLD) ->> 'id')::uuid) THEN
      RETURN NEW;
    END IF;
  END IF;
  NEW.version := OLD.version;
  -- Compares the rows' bytes: not every type has an equality (json has none).
  IF NEW OPERATOR(pg_catalog.*<>) OLD THEN
    NEW.version := OLD.version + 1;
  END IF;
  RETURN NEW;
END
$$;

-- As before; and an impersonation that has ended may arrive again.
CREATE OR REPLACE FUNCTION tenantry.check_impersonation() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF tenantry.moves_tenant(OLD.tenant_id) THEN
    RETURN NEW;
  END IF;
  IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_at > clock_timestamp() + interval '1 minute' THEN
    RAISE EXCEPTION 'an impersonation can only be ended, once and now' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END
$$;

-- As before; and what was revoked in the source has arrived, or arrives, as it is.
CREATE OR REPLACE FUNCTION tenantry.revoke_api_keys_of_member() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF tenantry.moves_tenant(OLD.tenant_id) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF OLD.user_id = NEW.user_id THEN
      RETURN NULL;
    END IF;
  END IF;
  UPDATE public.api_keys SET revoked_at = clock_timestamp()
  WHERE tenant_id = OLD.tenant_id AND created_by = OLD.user_id AND revoked_at IS NULL;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION tenantry.revoke_invitations_of_member() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  ranks constant text[] := ARRAY['owner', 'admin', 'member', 'viewer'];
BEGIN
  IF tenantry.moves_tenant(OLD.tenant_id) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF OLD.user_id = NEW.user_id AND array_position(ranks, NEW.role) <= array_position(ranks, OLD.role) THEN
      RETURN NULL;
    END IF;
  END IF;
  UPDATE public.invitations SET revoked_at = clock_timestamp()
  WHERE tenant_id = OLD.tenant_id AND invited_by = OLD.user_id AND accepted_at IS NULL AND revoked_at IS NULL;
  RETURN NULL;
END
$$;

-- The seals, as the entries themselves, may arrive again.
DROP TRIGGER append_only_update ON tenantry.audit_leaves;
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_leaves FOR EACH ROW WHEN (
  NOT tenantry.moves_tenant(OLD."tenant_id")
  AND NOT tenantry.is_redaction(to_jsonb(OLD), to_jsonb(NEW), ARRAY['salts'], OLD."tenant_id", OLD."entry_id")
  AND NOT (
    to_jsonb(OLD) - 'salts' = to_jsonb(NEW) - 'salts' AND tenantry.is_dropped(OLD."tenant_id", OLD."entry_id")
  )
) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_leaves ENABLE ALWAYS TRIGGER append_only_update;
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['audit_redactions', 'audit_nodes', 'audit_seals', 'audit_cuts'] LOOP
    EXECUTE format('DROP TRIGGER append_only_update ON tenantry.%I', target);
    EXECUTE format(
      'CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.%I FOR EACH ROW '
      'WHEN (NOT tenantry.moves_tenant(OLD."tenant_id")) EXECUTE FUNCTION tenantry.refuse_change()', target
    );
    EXECUTE format('ALTER TABLE tenantry.%I ENABLE ALWAYS TRIGGER append_only_update', target);
  END LOOP;
END
$$;


-- 5  What writes rows of tenants without being bound to them ------------------------------------------------------------------

-- Each as before; a tenant that leaves is served as any other, except during the last pass, and nothing changes rows that
-- arrive.

CREATE OR REPLACE FUNCTION tenantry.add_tenant_usage(server uuid, batch bigint, usage text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
    FROM periods p JOIN public.tenants t ON t.id = p.tenant_id AND (NOT tenantry.is_fenced(t.id) OR tenantry.enters(t.id))
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
$function$;

CREATE OR REPLACE FUNCTION tenantry.add_field_usage(server uuid, batch bigint, usage text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  most_clients constant integer := 20;
  today constant timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'add_field_usage', expires, server, batch, usage), expires, signature
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
  WITH given AS (
    SELECT t.id AS tenant_id,
      greatest(least(date_trunc('day', (each ->> 1)::timestamptz, 'UTC'), today), today - interval '2 days') AS day,
      each ->> 2 AS coordinate, each ->> 3 AS client, each ->> 4 AS api_key, (each ->> 5)::bigint AS requests,
      each ->> 6 AS operation
    FROM jsonb_array_elements(usage::jsonb) AS each
    JOIN public.tenants t ON t.id = (each ->> 0)::uuid AND (NOT tenantry.is_fenced(t.id) OR tenantry.enters(t.id))
  ), clients AS (
    SELECT g.tenant_id, g.day, g.client, g.api_key, k.known,
      (SELECT count(*) FROM tenantry.field_usage u WHERE u.tenant_id = g.tenant_id AND u.day = g.day AND u.coordinate = '')
        + row_number() OVER (PARTITION BY g.tenant_id, g.day, k.known ORDER BY g.client, g.api_key) AS number
    FROM (SELECT DISTINCT tenant_id, day, client, api_key FROM given) g
    CROSS JOIN LATERAL (SELECT EXISTS (
      SELECT FROM tenantry.field_usage u WHERE u.tenant_id = g.tenant_id AND u.day = g.day AND u.coordinate = ''
        AND u.client = g.client AND u.api_key = g.api_key
    ) AS known) k
  ), added AS (
    INSERT INTO tenantry.field_usage AS u (tenant_id, day, coordinate, client, api_key, requests, operation)
    SELECT g.tenant_id, g.day, g.coordinate, CASE WHEN kept THEN g.client ELSE 'other' END,
      CASE WHEN kept THEN g.api_key ELSE '' END, sum(g.requests), max(g.operation)
    FROM given g JOIN clients c USING (tenant_id, day, client, api_key)
    CROSS JOIN LATERAL (SELECT c.known OR c.number <= most_clients) AS k (kept)
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT ON CONSTRAINT field_usage_pkey DO UPDATE SET
      requests = u.requests + excluded.requests, operation = excluded.operation
    RETURNING u.tenant_id, u.coordinate = '' AND u.xmax = 0 AS begins
  )
  -- With the first request of a client on a day: what is kept no longer.
  DELETE FROM tenantry.field_usage old USING (SELECT DISTINCT tenant_id FROM added WHERE begins) b
  WHERE old.tenant_id = b.tenant_id AND old.day < today - interval '90 days';
  RETURN true;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.recover_jobs()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  -- A constant, for an index cannot be searched for the value of a volatile function.
  moment constant timestamptz := clock_timestamp();
  lost record;
BEGIN
  FOR lost IN
    SELECT j.tenant_id, j.id, j.attempt < j.max_attempts AS has_more FROM tenantry.jobs j
    WHERE j.state = 'running' AND j.leased_until < moment
      AND (NOT tenantry.is_fenced(j.tenant_id) OR tenantry.enters(j.tenant_id))
    ORDER BY j.leased_until LIMIT 100 FOR UPDATE SKIP LOCKED
  LOOP
    PERFORM tenantry.put_back(
      lost.tenant_id, lost.id, CASE WHEN lost.has_more THEN clock_timestamp() END, 'The worker ended during the job.', true
    );
  END LOOP;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.remove_finished_jobs(most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  removed integer;
BEGIN
  WITH ended AS (
    SELECT old.tenant_id, old.id FROM tenantry.jobs old
    WHERE old.state IN ('succeeded', 'cancelled') AND old.finished_at < now() - interval '7 days'
      AND (NOT tenantry.is_fenced(old.tenant_id) OR tenantry.enters(old.tenant_id))
    ORDER BY old.finished_at LIMIT least(most, 10000) FOR UPDATE SKIP LOCKED
  ), dead AS (
    SELECT old.tenant_id, old.id FROM tenantry.jobs old
    WHERE old.state = 'dead' AND old.finished_at < now() - interval '90 days'
      AND (NOT tenantry.is_fenced(old.tenant_id) OR tenantry.enters(old.tenant_id))
    ORDER BY old.finished_at LIMIT least(most, 10000) FOR UPDATE SKIP LOCKED
  )
  DELETE FROM tenantry.jobs j WHERE (j.tenant_id, j.id) IN (
    (SELECT * FROM ended UNION ALL SELECT * FROM dead) LIMIT least(most, 10000)
  );
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$function$;

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
    ) AND (NOT tenantry.is_fenced(q.tenant_id) OR tenantry.enters(q.tenant_id)) AND q.tenant_id <> ALL (passed)
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


REVOKE ALL ON FUNCTION tenantry.writes_of(uuid), tenantry.enters(uuid), tenantry.age_since(xid8), tenantry.key_columns(oid),
  tenantry.tenant_changes(xid8), tenantry.open_changed_rows(oid, xid8), tenantry.key_hash(oid), tenantry.key_buckets(oid, integer),
  tenantry.keys_in(oid, integer, integer[]), tenantry.open_arrival(uuid, text, bigint, text),
  tenantry.merge_lines(oid, text[], text), tenantry.merge_rows(oid, text[], text[]), tenantry.merge_staged(oid[], jsonb),
  tenantry.remove_arrived(oid[], jsonb), tenantry.finish_arrival(xid8, oid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.writes_of(uuid), tenantry.key_columns(oid), tenantry.tenant_changes(xid8),
  tenantry.open_changed_rows(oid, xid8), tenantry.key_buckets(oid, integer), tenantry.keys_in(oid, integer, integer[]),
  tenantry.open_arrival(uuid, text, bigint, text), tenantry.merge_rows(oid, text[], text[]), tenantry.merge_staged(oid[], jsonb),
  tenantry.remove_arrived(oid[], jsonb), tenantry.finish_arrival(xid8, oid[])
TO tenantry_operator;
-- Triggers ask it as whoever writes.
GRANT EXECUTE ON FUNCTION tenantry.moves_tenant(uuid) TO tenantry_app, tenantry_operator;
COMMENT ON FUNCTION tenantry.moves_tenant(uuid) IS
  '@tenancy audited: says whether this transaction itself imports, moves or erases the tenant, and nothing else';

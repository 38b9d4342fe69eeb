-- Moves of tenants into a schema of their own, and back into the tables of all, in the same database. The copy is made by the passes of
-- the moves between cells; only the tables of the application are copied. docs/schemas.md describes the steps.
--
--   1  The copy        on which side it is, and which transaction may write it
--   2  The switch      one transaction changes where the tenant is
--   3  The fence       a transaction is bound where its tenant is, also when it has begun before the switch
--   4  The passes      write the copy only
--   5  Triggers        that must not answer to rows of the copy


-- 1  The copy -----------------------------------------------------------------------------------------------------------

-- Tenants that have their rows on both sides: in `public` and in a schema of their own. `tenantry.schemas` says on which side a tenant
-- is; the rows of the other side are a copy. Before the move they are what the passes have copied, afterwards what was left behind.
CREATE TABLE tenantry.schema_moves (
    "subject" UUID NOT NULL PRIMARY KEY,
    -- The newest migration that the copy has; null for a copy in the tables of all.
    "migration" TEXT,
    -- Rows that older transactions have written are in the copy. Null before the first pass, and after the move.
    "through" XID8,
    "moved_at" TIMESTAMPTZ(3),
    -- The transaction that writes the copy, and its tables.
    "tx" XID8,
    "targets" OID[] NOT NULL DEFAULT '{}'
);
ALTER TABLE tenantry.schema_moves ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.schema_moves TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.schema_moves IS
  '@tenancy shared: which tenants are moved into a schema or out of it; a row ends with the copy';
GRANT SELECT ON tenantry.schema_moves TO tenantry_operator;

-- The tables of the side on which the tenant is not, of a tenant that has both.
CREATE FUNCTION tenantry.copies_of(tenant uuid) RETURNS SETOF oid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT other.oid FROM pg_class own
  JOIN pg_class other ON other.relname = own.relname AND other.relkind = 'r' AND other.relnamespace = CASE
    WHEN EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN 'public'::regnamespace ELSE own.relnamespace
  END
  WHERE own.relnamespace = to_regnamespace(tenantry.schema_of(tenant)) AND own.relkind = 'r'
    AND EXISTS (SELECT FROM tenantry.schema_moves m WHERE m.subject = tenant)
$$;

-- The same for the bound tenant.
CREATE FUNCTION tenantry.copied_tables() RETURNS SETOF oid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT tenantry.copies_of(tenantry.current_tenant()) $$;

-- The schema in which the bound tenant is; null for a tenant in the tables of all, and when none is bound.
CREATE FUNCTION tenantry.bound_schema() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT tenantry.schema_of(s.subject) FROM tenantry.schemas s
  WHERE s.subject = nullif(current_setting('app.current_tenant', true), '')::uuid
$$;

-- Whether this transaction writes the copy of a tenant, and the table is one of it. The setting is only asked first because it costs
-- nothing: whoever sets it gains nothing, because the row is what counts.
CREATE FUNCTION tenantry.is_copy(target oid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(current_setting('app.tenant_life', true), '') = '' THEN
    RETURN false;
  END IF;
  RETURN EXISTS (
    SELECT FROM tenantry.schema_moves m WHERE m.tx = pg_current_xact_id_if_assigned() AND target = ANY (m.targets)
  );
END
$$;
COMMENT ON FUNCTION tenantry.is_copy(oid) IS
  '@tenancy audited: says whether this transaction itself writes a copy into the table, and nothing else';

-- Begins the copy of a tenant that is being moved within this database.
CREATE FUNCTION tenantry.note_copy(tenant uuid, newest text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'leaving' AND m.other_cell = '' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the tenant is not moved within this database' USING ERRCODE = '42501';
  END IF;
  INSERT INTO tenantry.schema_moves (subject, migration) VALUES (tenant, newest);
END
$$;

-- The same in the tables of all. (The copy in a schema begins with the schema, which only the owner makes.)
CREATE FUNCTION tenantry.begin_copy(tenant uuid, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'begin_copy', expires, tenant), expires, signature);
  IF NOT EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN
    RAISE EXCEPTION 'the tenant has no schema of its own' USING ERRCODE = '42501';
  END IF;
  PERFORM tenantry.note_copy(tenant, NULL);
END
$$;

-- Ends the copy of a tenant: drops the schema when the tenant is not there, else demands that nothing of it is left in the tables of
-- all. That is asked in a transaction that is bound to the tenant.
CREATE FUNCTION tenantry.end_copy(tenant uuid, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
  target oid;
  is_left boolean;
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'end_copy', expires, tenant), expires, signature);
  PERFORM FROM tenantry.schema_moves m WHERE m.subject = tenant FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', tenantry.schema_of(tenant));
  ELSE
    IF tenantry.current_tenant() <> tenant THEN
      RAISE EXCEPTION 'this transaction is bound to another tenant' USING ERRCODE = '42501';
    END IF;
    FOR target IN SELECT tenantry.copies_of(tenant) LOOP
      EXECUTE format(
        'SELECT EXISTS (SELECT FROM %s AS t WHERE %s)', tenantry.only_rows(target), tenantry.walked_condition(target)
      ) INTO is_left USING tenant;
      IF is_left THEN
        RAISE EXCEPTION 'rows of the copy are left in %', target::regclass USING ERRCODE = '55000';
      END IF;
    END LOOP;
  END IF;
  DELETE FROM tenantry.schema_moves m WHERE m.subject = tenant;
END
$$;

-- As before; and no copy is left.
CREATE OR REPLACE FUNCTION tenantry.remove_schema(tenant uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  LOCK TABLE tenantry.schemas IN SHARE ROW EXCLUSIVE MODE;
  EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', tenantry.schema_of(tenant));
  DELETE FROM tenantry.schemas s WHERE s.subject = tenant;
  DELETE FROM tenantry.schema_moves m WHERE m.subject = tenant;
  PERFORM tenantry.set_schemas();
END
$function$;


-- 2  The switch ---------------------------------------------------------------------------------------------------------

-- The lock that reading transactions share which could see the switch happen. It is taken alone for the switch.
CREATE FUNCTION tenantry.reads_of(tenant uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT hashtextextended('reads of ' || tenant::text, 0) $$;

-- Says that the tenant is where its copy was, and that the copy is where the tenant was. The session must have the lock on the writes of
-- the tenant alone, so that the copy is what the last pass has compared. Fails (55P03) when reading transactions do not end in time, or
-- a migration is under way, which has to know where the tenant is.
CREATE FUNCTION tenantry.switch_placement(tenant uuid, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
  copied_migration text;
  left_migration text;
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'switch_placement', expires, tenant), expires, signature);
  IF NOT EXISTS (
    SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid() AND l.granted AND l.mode = 'ExclusiveLock'
      AND l.objsubid = 1 AND l.classid::bigint << 32 | l.objid::bigint = tenantry.writes_of(tenant)
  ) THEN
    RAISE EXCEPTION 'this session does not have the lock on the writes of the tenant' USING ERRCODE = '42501';
  END IF;
  PERFORM pg_advisory_xact_lock(tenantry.reads_of(tenant));
  -- The lock of `tenantry migrate`.
  IF NOT pg_try_advisory_xact_lock(7263546101) THEN
    RAISE EXCEPTION 'a migration is under way' USING ERRCODE = '55P03';
  END IF;
  SELECT m.migration INTO copied_migration FROM tenantry.schema_moves m
  WHERE m.subject = tenant AND m.moved_at IS NULL AND m.through IS NOT NULL FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the tenant has no copy that could take its place' USING ERRCODE = '42501';
  END IF;
  -- A transaction with an older snapshot that writes locks this row, and is refused because it has changed.
  UPDATE tenantry.moves m SET since = clock_timestamp() WHERE m.subject = tenant AND m.state = 'leaving' AND m.other_cell = '';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the tenant is not moved within this database' USING ERRCODE = '42501';
  END IF;
  LOCK TABLE tenantry.schemas IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM tenantry.schemas s WHERE s.subject = tenant RETURNING s.migration INTO left_migration;
  IF coalesce(left_migration, copied_migration) IS DISTINCT FROM (
    SELECT max(p.migration_name COLLATE "C") FROM public._prisma_migrations p
    WHERE p.finished_at IS NOT NULL AND p.rolled_back_at IS NULL
  ) THEN
    RAISE EXCEPTION 'the schema lacks migrations' USING ERRCODE = '55000';
  END IF;
  IF left_migration IS NULL THEN
    INSERT INTO tenantry.schemas (subject, migration) VALUES (tenant, copied_migration);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO tenantry_app', tenantry.schema_of(tenant));
  END IF;
  PERFORM tenantry.set_schemas();
  UPDATE tenantry.schema_moves m SET moved_at = clock_timestamp(), through = NULL WHERE m.subject = tenant;
END
$$;

-- Ends the fence of a tenant that was moved within this database, when every transaction has ended that was open at the switch. A schema
-- that was left is closed to servers.
CREATE FUNCTION tenantry.settle_move(tenant uuid, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'settle_move', expires, tenant), expires, signature);
  LOCK TABLE tenantry.erasures IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM tenantry.moves m USING tenantry.schema_moves moved
  WHERE m.subject = tenant AND m.other_cell = '' AND moved.subject = tenant AND moved.moved_at IS NOT NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the tenant was not moved within this database' USING ERRCODE = '42501';
  END IF;
  IF NOT EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM tenantry_app', tenantry.schema_of(tenant));
  END IF;
  PERFORM tenantry.set_fence();
END
$$;

-- A copy in another cell is put into the tables of all, and is made from them. So a tenant with a schema of its own, or with a copy here,
-- does not leave for another cell.
CREATE OR REPLACE FUNCTION tenantry.refuse_placed_move() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NEW.state = 'leaving' AND NEW.other_cell <> '' AND (
    EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = NEW.subject)
    OR EXISTS (SELECT FROM tenantry.schema_moves m WHERE m.subject = NEW.subject)
  ) THEN
    RAISE EXCEPTION 'a tenant with a schema of its own cannot be moved to another cell' USING ERRCODE = '0A000';
  END IF;
  RETURN NEW;
END
$$;


-- 3  The fence ----------------------------------------------------------------------------------------------------------
--
-- A tenant that is moved within this database is fenced like one that leaves for another cell (`other_cell` is empty), until every
-- transaction has ended that was open at the switch. So each of its transactions comes to refuse_fenced, and asks afterwards where the
-- tenant is. One that writes holds a lock by then, so that this does not change before it ends. One that reads a single snapshot
-- reads what was true then. One that reads several holds a lock, too.

-- As before; a transaction that writes the copy enters, and one that could read both before and after the switch holds a lock.
CREATE OR REPLACE FUNCTION tenantry.refuse_fenced(tenant uuid, read_only boolean)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM tenantry.schema_moves c WHERE c.subject = tenant AND c.tx = pg_current_xact_id_if_assigned()) THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = tenant AND e.state = 'running') THEN
    RAISE EXCEPTION 'the tenant is being erased' USING ERRCODE = 'TE001';
  END IF;
  IF EXISTS (SELECT FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'leaving') THEN
    IF read_only THEN
      IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
        OR pg_try_advisory_xact_lock_shared(tenantry.reads_of(tenant))
      THEN
        RETURN;
      END IF;
    ELSIF pg_try_advisory_xact_lock_shared(tenantry.writes_of(tenant)) THEN
      PERFORM FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'leaving' FOR SHARE;
      IF FOUND THEN
        RETURN;
      END IF;
    END IF;
  END IF;
  RAISE EXCEPTION 'the tenant is being moved' USING ERRCODE = 'TE003';
END
$function$;

-- As before; nothing outside of the application's tables is copied within a database, so it can be written at any time.
CREATE OR REPLACE FUNCTION tenantry.enters(tenant uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN EXISTS (SELECT FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'leaving')
    AND NOT EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = tenant AND e.state = 'running')
    AND (
      EXISTS (SELECT FROM tenantry.moves m WHERE m.subject = tenant AND m.other_cell = '')
      OR pg_try_advisory_xact_lock_shared(tenantry.writes_of(tenant))
    );
END
$function$;

-- As before; where the tenant is, it asks behind the fence. Of a fenced tenant it asks in any case: has_schemas() is newer than the
-- snapshot of a transaction can be.
CREATE OR REPLACE FUNCTION tenantry.bind(tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  inner_pad bytea;
  outer_pad bytea;
  seal_front bytea;
  seal_back bytea;
  done text;
BEGIN
  IF tenantry.contexts_are_signed() THEN
    SELECT k.inner_pad, k.outer_pad, k.seal_front, k.seal_back
    INTO inner_pad, outer_pad, seal_front, seal_back FROM tenantry.context_keys k;
    IF (
      encode(sha256(outer_pad || sha256(inner_pad || convert_to(
        concat_ws(E'\x1f', 'bind', expires, tenant, actor_type, actor, coalesce(request_id, '')), 'UTF8'
      ))), 'hex') = signature
      AND abs(expires - 60 - date_part('epoch', clock_timestamp())) <= 60
    ) IS NOT TRUE THEN
      PERFORM tenantry.require_signature(
        concat_ws(E'\x1f', 'bind', expires, tenant, actor_type, actor, coalesce(request_id, '')), expires, signature
      );
    END IF;
  END IF;
  done := tenantry.open_context(
    tenant, actor, actor_type, request_id, statement_timeout_ms, read_only, seal_front, seal_back
  );
  IF tenantry.has_schemas() OR tenantry.is_fenced(tenant) THEN
    IF EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN
      RAISE EXCEPTION 'the tenant has a schema of its own' USING ERRCODE = 'TE004';
    END IF;
  END IF;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.bind_placed(tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean, expires bigint, signature text, placed text, newest text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  signing_key record;
  found_schema record;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'bind', expires, tenant, actor_type, actor, coalesce(request_id, '')), expires, signature
  );
  SELECT k.seal_front, k.seal_back INTO signing_key FROM tenantry.context_keys k;
  PERFORM tenantry.open_context(
    tenant, actor, actor_type, request_id, statement_timeout_ms, read_only, signing_key.seal_front, signing_key.seal_back
  );
  IF placed IS NOT NULL THEN
    SELECT s.migration INTO found_schema FROM tenantry.schemas s
    WHERE s.subject = tenant AND placed = tenantry.schema_of(tenant);
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the tenant has no such schema' USING ERRCODE = 'TE005';
    END IF;
    -- In the order of bytes, in which migrations are applied.
    IF (found_schema.migration COLLATE "C" >= newest COLLATE "C") IS NOT TRUE THEN
      RAISE EXCEPTION 'the schema of the tenant lacks migrations' USING ERRCODE = 'TE006';
    END IF;
  END IF;
END
$function$;


-- 4  The passes ---------------------------------------------------------------------------------------------------------

-- The bound tenant, in a transaction in which it arrives here, or in one that writes these tables of its copy. No other tables are
-- written then: the rest of the tenant is no copy.
CREATE FUNCTION tenantry.require_arrival(written oid[]) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
BEGIN
  IF NOT tenantry.moves_tenant(tenant) AND NOT EXISTS (
    SELECT FROM tenantry.schema_moves m
    WHERE m.subject = tenant AND m.tx = pg_current_xact_id_if_assigned() AND m.targets @> written
  ) THEN
    RAISE EXCEPTION 'these tables are no copy of the tenant' USING ERRCODE = '42501';
  END IF;
  RETURN tenant;
END
$$;

-- For some tables of the walk: how many rows the bound tenant has, and how many of them `since` or a later transaction has written.
DROP FUNCTION tenantry.tenant_changes(xid8);
CREATE FUNCTION tenantry.tenant_changes(since xid8, targets oid[])
 RETURNS TABLE(target oid, rows bigint, changed bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  youngest constant integer := tenantry.age_since(since);
  walked record;
BEGIN
  FOR walked IN SELECT w.target, w.condition FROM tenantry.tenant_tables() w WHERE w.target = ANY (targets) LOOP
    EXECUTE format(
      'SELECT count(*), count(*) FILTER (WHERE age(t.xmin) <= $2) FROM %s AS t WHERE %s',
      tenantry.only_rows(walked.target), walked.condition
    ) INTO rows, changed USING tenant, youngest;
    target := walked.target;
    RETURN NEXT;
  END LOOP;
END
$function$;

-- As before; and it opens the copy of a tenant that is moved within this database, too.
CREATE OR REPLACE FUNCTION tenantry.open_arrival(tenant uuid, actor text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  signing_key record;
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'open_arrival', expires, tenant, actor), expires, signature);
  PERFORM FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'arriving' FOR NO KEY UPDATE;
  IF FOUND THEN
    PERFORM tenantry.begin_work(tenant);
  ELSE
    UPDATE tenantry.schema_moves m SET tx = pg_current_xact_id(), targets = ARRAY(SELECT tenantry.copies_of(tenant))
    WHERE m.subject = tenant;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the tenant does not arrive here' USING ERRCODE = '42501';
    END IF;
    PERFORM set_config('app.tenant_life', 'on', true);
  END IF;
  SELECT k.seal_front, k.seal_back INTO signing_key FROM tenantry.context_keys k;
  PERFORM tenantry.open_context(tenant, actor, 'operator', '', 0, false, signing_key.seal_front, signing_key.seal_back);
END
$function$;

-- Each as before; only tables that are a copy are written.
CREATE OR REPLACE FUNCTION tenantry.stage_rows(target oid, lines text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_arrival(ARRAY[stage_rows.target]);
BEGIN
  INSERT INTO tenantry.life_lines (subject, target, line)
  SELECT tenant, stage_rows.target, each.line FROM unnest(lines) WITH ORDINALITY AS each (line, place) ORDER BY each.place;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.merge_rows(target oid, columns text[], lines text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_arrival(ARRAY[merge_rows.target]);
BEGIN
  EXECUTE tenantry.merge_lines(target, columns, 'SELECT unnest($2)') USING tenant, lines;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.merge_staged(targets oid[], columns jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_arrival(targets);
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
$function$;

CREATE OR REPLACE FUNCTION tenantry.remove_arrived(targets oid[], keys jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_arrival(targets);
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
$function$;

CREATE OR REPLACE FUNCTION tenantry.finish_arrival(through xid8, targets oid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_arrival(targets);
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
  UPDATE tenantry.schema_moves m SET through = finish_arrival.through, tx = NULL WHERE m.subject = tenant AND m.moved_at IS NULL;
END
$function$;


-- 5  Triggers -----------------------------------------------------------------------------------------------------------

-- Each as before; and rows of a copy are not news: no entry of the log, no number of a quota, no version and no event.
CREATE OR REPLACE FUNCTION tenantry.write_audit()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  old_row jsonb;
  new_row jsonb;
  secrets text[] := '{}';
  event text := 'created';
  acting record;
BEGIN
  IF coalesce(current_setting('app.tenant_life', true), '') <> '' THEN
    IF TG_OP = 'INSERT' THEN
      old_row := to_jsonb(NEW);
    ELSE
      old_row := to_jsonb(OLD);
    END IF;
    IF tenantry.moves_tenant(coalesce(old_row ->> 'tenant_id', old_row ->> 'id')::uuid) OR tenantry.is_copy(TG_RELID) THEN
      RETURN NULL;
    END IF;
    old_row := NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    old_row := to_jsonb(OLD);
    event := 'deleted';
  END IF;
  IF TG_OP <> 'DELETE' THEN
    new_row := to_jsonb(NEW);
  END IF;
  IF TG_OP = 'UPDATE' THEN
    IF old_row = new_row THEN
      RETURN NULL;
    END IF;
    event := 'updated';
  END IF;

  IF coalesce(current_setting('app.current_tenant', true), '') <> '' THEN
    acting := tenantry.current_actor();
  ELSIF (
    SELECT rolbypassrls OR pg_has_role(oid, 'tenantry_owner', 'MEMBER')
      -- Of a conversion (docs/tenantize.md): the policy holds while old code may write the table without a tenant.
      OR NOT pg_has_role(oid, 'tenantry_app', 'MEMBER')
        AND EXISTS (SELECT FROM pg_policy WHERE polrelid = TG_RELID AND polname = 'tenantize')
    FROM pg_roles WHERE rolname = session_user
  ) THEN
    SELECT 'system' AS actor_type, session_user::text AS actor INTO acting;
  ELSE
    RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = '42501';
  END IF;

  -- A rough test of all names at once comes first: this is done for each row, and in most tables no column holds a secret.
  IF (SELECT string_agg(key, E'\n') FROM jsonb_object_keys(coalesce(new_row, old_row)) AS key)
    ~* 'pass|pwd|secret|token|credential|hash|salt|key|code'
  THEN
    secrets := ARRAY(
      SELECT key FROM jsonb_object_keys(coalesce(new_row, old_row)) AS key WHERE tenantry.names_secret(key)
    );
  END IF;
  IF TG_NARGS > 2 THEN
    IF NOT coalesce(new_row, old_row) ?& TG_ARGV[2:] THEN
      RAISE EXCEPTION 'a concealed column of % is gone: SELECT tenantry.conceal(…) with its new name', TG_RELID::regclass
        USING ERRCODE = '42703';
    END IF;
    secrets := secrets || TG_ARGV[2:];
  END IF;

  INSERT INTO public.audit_log
    (tenant_id, actor, actor_type, action, entity, entity_id, old_value, new_value, request_id)
  VALUES (
    -- A tenant-scoped row carries tenant_id; the tenants table itself is keyed by id.
    coalesce(coalesce(new_row, old_row) ->> 'tenant_id', coalesce(new_row, old_row) ->> 'id')::uuid,
    acting.actor,
    acting.actor_type,
    TG_ARGV[1] || '.' || event,
    TG_ARGV[0],
    coalesce(new_row, old_row) ->> 'id',
    old_row - secrets,
    new_row - secrets,
    nullif(current_setting('app.current_request', true), '')
  );
  RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.next_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF coalesce(current_setting('app.tenant_life', true), '') <> '' THEN
    IF tenantry.moves_tenant(coalesce(to_jsonb(OLD) ->> 'tenant_id', to_jsonb(OLD) ->> 'id')::uuid) OR tenantry.is_copy(TG_RELID) THEN
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
$function$;

CREATE OR REPLACE FUNCTION tenantry.count_added()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF tenantry.is_copy(TG_RELID) THEN
    RETURN NULL;
  END IF;
  PERFORM tenantry.add_use(tenant_id, TG_ARGV[0], count(*)) FROM changed GROUP BY tenant_id ORDER BY tenant_id;
  RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.count_changed()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF tenantry.is_copy(TG_RELID) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'TRUNCATE' THEN
    UPDATE tenantry.resource_usage SET used = 0 WHERE resource = TG_ARGV[0];
  ELSIF TG_OP = 'UPDATE' THEN
    IF TG_NARGS = 1 OR to_jsonb(OLD) -> TG_ARGV[1] = 'null' THEN
      PERFORM tenantry.give_back(OLD.tenant_id, TG_ARGV[0], 1);
    END IF;
    IF TG_NARGS = 1 OR to_jsonb(NEW) -> TG_ARGV[1] = 'null' THEN
      PERFORM tenantry.add_use(NEW.tenant_id, TG_ARGV[0], 1);
    END IF;
  ELSE
    EXECUTE format(
      'SELECT tenantry.%I(tenant_id, $1, count(*)) FROM changed WHERE %s GROUP BY tenant_id ORDER BY tenant_id',
      CASE TG_OP WHEN 'INSERT' THEN 'add_use' ELSE 'give_back' END,
      CASE WHEN TG_NARGS = 1 THEN 'true' ELSE format('%I IS NULL', TG_ARGV[1]) END
    ) USING TG_ARGV[0];
  END IF;
  RETURN NULL;
END
$function$;

CREATE OR REPLACE FUNCTION tenantry.announce_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
  change jsonb;
  keys jsonb := '{}';
  old_keys jsonb := '{}';
BEGIN
  IF tenantry.is_copy(TG_RELID) THEN
    RETURN NULL;
  END IF;
  IF NOT EXISTS (
    SELECT FROM tenantry.listening WHERE tenant_id = tenant AND until > clock_timestamp()
  ) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' AND OLD *= NEW THEN
    RETURN NULL;
  END IF;
  change := jsonb_build_object(
    'tenantId', tenant,
    'entity', TG_ARGV[0],
    'kind', CASE TG_OP WHEN 'INSERT' THEN 'CREATED' WHEN 'UPDATE' THEN 'UPDATED' ELSE 'DELETED' END,
    'id', CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END
  );
  IF TG_NARGS > 1 THEN
    IF TG_OP <> 'DELETE' THEN
      SELECT jsonb_object_agg(key, to_jsonb(NEW) -> key) INTO keys FROM unnest(TG_ARGV[1:]) AS key;
    END IF;
    IF TG_OP <> 'INSERT' THEN
      SELECT jsonb_object_agg(key, to_jsonb(OLD) -> key) INTO old_keys FROM unnest(TG_ARGV[1:]) AS key;
    END IF;
    IF TG_OP = 'DELETE' THEN
      keys := old_keys;
    ELSIF TG_OP = 'UPDATE' AND keys <> old_keys THEN
      PERFORM pg_notify('tenantry_changes', (change || jsonb_build_object('keys', old_keys))::text);
    END IF;
  END IF;
  PERFORM pg_notify('tenantry_changes', (change || jsonb_build_object('keys', keys))::text);
  RETURN NULL;
END
$function$;

-- As before; of a tenant that has rows on both sides, the tables where it is.
CREATE OR REPLACE FUNCTION tenantry.limited_resources()
 RETURNS TABLE(resource text, target regclass, unless_set text)
 LANGUAGE sql
 STABLE
AS $function$
  SELECT DISTINCT ON (arguments[1]) arguments[1], tgrelid::pg_catalog.regclass, CASE WHEN tgnargs > 1 THEN arguments[2] END
  FROM pg_catalog.pg_trigger
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace,
  pg_catalog.string_to_array(pg_catalog.encode(tgargs, 'escape'), '\000') AS arguments,
  tenantry.bound_schema() AS own
  WHERE tgname = 'count_added' AND tgparentid = 0
    AND tgfoid IN ('tenantry.count_added'::pg_catalog.regproc, 'tenantry.count_changed'::pg_catalog.regproc)
    AND (n.nspname OPERATOR(pg_catalog.!~) '^tenant_[0-9a-f]{32}$' OR n.nspname OPERATOR(pg_catalog.=) own)
  ORDER BY arguments[1], coalesce(n.nspname OPERATOR(pg_catalog.=) own, false) DESC
$function$;


REVOKE ALL ON FUNCTION tenantry.copies_of(uuid), tenantry.copied_tables(), tenantry.bound_schema(), tenantry.is_copy(oid),
  tenantry.note_copy(uuid, text), tenantry.begin_copy(uuid, bigint, text), tenantry.end_copy(uuid, bigint, text),
  tenantry.reads_of(uuid), tenantry.switch_placement(uuid, bigint, text), tenantry.settle_move(uuid, bigint, text),
  tenantry.require_arrival(oid[]), tenantry.tenant_changes(xid8, oid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.begin_copy(uuid, bigint, text), tenantry.end_copy(uuid, bigint, text),
  tenantry.switch_placement(uuid, bigint, text), tenantry.settle_move(uuid, bigint, text), tenantry.tenant_changes(xid8, oid[])
TO tenantry_operator;
-- Triggers and exports ask them as whoever is bound.
GRANT EXECUTE ON FUNCTION tenantry.is_copy(oid), tenantry.bound_schema(), tenantry.copied_tables() TO tenantry_app, tenantry_operator;

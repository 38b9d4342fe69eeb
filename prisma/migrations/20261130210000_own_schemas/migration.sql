-- Tenants with a schema of their own, in which the tables of the application are (docs/schemas.md). Which these are, the models say;
-- `tenantry tenant create --placement schema` makes the schema and `tenantry migrate` keeps it up to date.

-- The name of the schema, for every tenant.
CREATE FUNCTION tenantry.schema_of(tenant uuid) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN 'tenant_' || replace(tenant::text, '-', '');

CREATE TABLE tenantry.schemas (
    -- The tenant. No foreign key: its schema is made before it, and dropped before it is erased.
    "subject" UUID NOT NULL PRIMARY KEY,
    -- The newest migration that the schema has. Names of migrations begin with their time.
    "migration" TEXT NOT NULL,
    -- Why the last attempt to bring it up to date failed; null when it did not.
    "problem" TEXT,
    "made_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE tenantry.schemas ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.schemas TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.schemas IS '@tenancy shared: which tenants have a schema of their own; a row ends with the schema';
GRANT SELECT ON tenantry.schemas TO tenantry_operator;

-- Whether any tenant has one. A constant, which set_schemas replaces, so that a binding costs nothing where there is none.
CREATE FUNCTION tenantry.has_schemas() RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN false;

CREATE FUNCTION tenantry.set_schemas() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  any_left constant boolean := EXISTS (SELECT FROM tenantry.schemas);
BEGIN
  IF tenantry.has_schemas() <> any_left THEN
    EXECUTE format(
      'CREATE OR REPLACE FUNCTION tenantry.has_schemas() RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s', any_left::text
    );
  END IF;
END
$$;

-- Says that a tenant has a schema of its own, which has the migrations up to this one.
CREATE FUNCTION tenantry.record_schema(tenant uuid, newest text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- One at a time, or two would replace has_schemas at once.
  LOCK TABLE tenantry.schemas IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO tenantry.schemas (subject, migration) VALUES (tenant, newest);
  PERFORM tenantry.set_schemas();
END
$$;

-- Drops the schema of a tenant, with all that is in it.
CREATE FUNCTION tenantry.remove_schema(tenant uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  LOCK TABLE tenantry.schemas IN SHARE ROW EXCLUSIVE MODE;
  EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', tenantry.schema_of(tenant));
  DELETE FROM tenantry.schemas s WHERE s.subject = tenant;
  PERFORM tenantry.set_schemas();
END
$$;

-- A step of an erasure: drops the schema of the tenant when its rows are erased. It waits briefly for its locks, because it would
-- hold up others; the erasure can be called again.
CREATE FUNCTION tenantry.erase_schema(erasure uuid, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
  tenant constant uuid := tenantry.open_erasure(erasure, expires, signature);
BEGIN
  PERFORM tenantry.remove_schema(tenant);
  PERFORM tenantry.end_work(tenant);
END
$$;

-- As before; and it refuses a tenant with a schema of its own (TE004), whose statements would find nothing in `public`.
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
  IF tenantry.has_schemas() THEN
    IF EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN
      RAISE EXCEPTION 'the tenant has a schema of its own' USING ERRCODE = 'TE004';
    END IF;
  END IF;
  done := tenantry.open_context(
    tenant, actor, actor_type, request_id, statement_timeout_ms, read_only, seal_front, seal_back
  );
END
$function$;

-- The same for a tenant in the schema `placed`, whose statements are written for the migrations up to `newest`. Null: for statements
-- that name every schema themselves, such as those that walk the catalog. The caller sets search_path. Refuses a tenant that has no
-- such schema (TE005), and one whose schema lacks migrations (TE006).
CREATE FUNCTION tenantry.bind_placed(
  tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean,
  expires bigint, signature text, placed text, newest text
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  signing_key record;
  found_schema record;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'bind', expires, tenant, actor_type, actor, coalesce(request_id, '')), expires, signature
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
  SELECT k.seal_front, k.seal_back INTO signing_key FROM tenantry.context_keys k;
  PERFORM tenantry.open_context(
    tenant, actor, actor_type, request_id, statement_timeout_ms, read_only, signing_key.seal_front, signing_key.seal_back
  );
END
$$;

-- Every table with rows of a tenant, as before; of the schemas of single tenants only that of this one. Null: none of them.
CREATE FUNCTION tenantry.tables_of(tenant uuid)
 RETURNS TABLE(target oid, schema_name text, table_name text, kind text, condition text, problem text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT c.oid, n.nspname::text, c.relname::text, declared.kind, way.condition, CASE
    WHEN way.condition IS NULL THEN
      format(
        'has no column tenant_id and no foreign key that leads to a tenant. If it has no rows of tenants, say so: '
        'COMMENT ON TABLE %1$I.%2$I IS ''@tenancy shared: why''', n.nspname, c.relname
      )
    WHEN c.relkind = 'f' THEN
      'is a foreign table: its rows are in another database. Erase them by a module''s `erase`, and say so: '
      || format('COMMENT ON FOREIGN TABLE %1$I.%2$I IS ''@tenancy shared: erased by a module''', n.nspname, c.relname)
    WHEN NOT pg_has_role('tenantry_owner', c.relowner, 'USAGE') THEN
      format('does not belong to tenantry_owner: ALTER TABLE %1$I.%2$I OWNER TO tenantry_owner', n.nspname, c.relname)
  END
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT tenantry.declared_tenancy(c.oid) AS kind) AS declared
  CROSS JOIN LATERAL (SELECT tenantry.tenant_condition(c.oid, 't', '{}') AS condition) AS way
  WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND (n.nspname !~ '^tenant_[0-9a-f]{32}$' OR n.nspname = tenantry.schema_of(tables_of.tenant))
    AND declared.kind IS DISTINCT FROM 'shared'
    AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C";
END
$function$;

-- The tables with rows of the bound tenant.
CREATE OR REPLACE FUNCTION tenantry.tenant_tables()
 RETURNS TABLE(target oid, schema_name text, table_name text, kind text, condition text, problem text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT * FROM tenantry.tables_of(nullif(current_setting('app.current_tenant', true), '')::uuid)
$function$;

-- As before; for a tenant with a schema of its own, the tables there.
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
  tenantry.schema_of(nullif(pg_catalog.current_setting('app.current_tenant', true), '')::uuid) AS own
  WHERE tgname = 'count_added' AND tgparentid = 0
    AND tgfoid IN ('tenantry.count_added'::pg_catalog.regproc, 'tenantry.count_changed'::pg_catalog.regproc)
    AND (n.nspname OPERATOR(pg_catalog.!~) '^tenant_[0-9a-f]{32}$' OR n.nspname OPERATOR(pg_catalog.=) own)
  ORDER BY arguments[1], coalesce(n.nspname OPERATOR(pg_catalog.=) own, false) DESC
$function$;

REVOKE ALL ON FUNCTION tenantry.schema_of(uuid), tenantry.has_schemas(), tenantry.set_schemas(),
  tenantry.record_schema(uuid, text), tenantry.remove_schema(uuid), tenantry.erase_schema(uuid, bigint, text),
  tenantry.bind_placed(uuid, text, text, text, integer, boolean, bigint, text, text, text), tenantry.tables_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.schema_of(uuid), tenantry.tables_of(uuid),
  tenantry.bind_placed(uuid, text, text, text, integer, boolean, bigint, text, text, text) TO tenantry_app, tenantry_operator;
GRANT EXECUTE ON FUNCTION tenantry.erase_schema(uuid, bigint, text) TO tenantry_operator;

-- A copy of a tenant is put into the tables of all. Until a move can make a schema there, a tenant that has one is not moved.
CREATE FUNCTION tenantry.refuse_placed_move() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NEW.state = 'leaving' AND EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = NEW.subject) THEN
    RAISE EXCEPTION 'a tenant with a schema of its own cannot be moved yet' USING ERRCODE = '0A000';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER refuse_placed_move BEFORE INSERT OR UPDATE ON tenantry.moves
  FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_placed_move();
REVOKE ALL ON FUNCTION tenantry.refuse_placed_move() FROM PUBLIC;

-- How many schemas of tenants there are, and how many of them lack migrations up to this one.
CREATE FUNCTION tenantry.schema_status(newest text, OUT schemas bigint, OUT behind bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT count(*), count(*) FILTER (WHERE s.migration COLLATE "C" < newest COLLATE "C") FROM tenantry.schemas s
$$;
COMMENT ON FUNCTION tenantry.schema_status(text, OUT bigint, OUT bigint) IS
  '@tenancy audited: tells two numbers for all tenants together, and nothing of any of them';
REVOKE ALL ON FUNCTION tenantry.schema_status(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.schema_status(text) TO tenantry_app, tenantry_operator;

-- Whether a tenant has a schema of its own.
CREATE FUNCTION tenantry.is_placed(tenant uuid) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF tenantry.has_schemas() THEN
    RETURN EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant);
  END IF;
  RETURN false;
END
$$;
REVOKE ALL ON FUNCTION tenantry.is_placed(uuid) FROM PUBLIC;

-- The functions that find candidates of a search look into the table in `public`. For a tenant with a schema they find none, and the
-- search reads its rows. This is for the functions that index_search has made, and for those that it will make.
DO $$
DECLARE
  definition text;
BEGIN
  FOR definition IN
    SELECT pg_get_functiondef(p.oid) FROM pg_proc p
    WHERE p.pronamespace = 'tenantry'::regnamespace AND p.prolang = (SELECT l.oid FROM pg_language l WHERE l.lanname = 'plpgsql')
      AND (p.proname = 'index_search' OR p.proname LIKE 'candidates\_of\_%')
  LOOP
    IF strpos(definition, 'IF start !~') = 0 THEN
      RAISE EXCEPTION 'a search cannot be told of schemas: %', definition;
    END IF;
    EXECUTE replace(definition, 'IF start !~', 'IF tenantry.is_placed(tenant) OR start !~');
  END LOOP;
END
$$;

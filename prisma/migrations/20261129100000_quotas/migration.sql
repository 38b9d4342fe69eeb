-- Quotas: how many rows of a kind a tenant may have under its plan.
--
--   1  Plans      what the plans allow, as the servers know it from their file
--   2  Counters   one row per tenant and resource, kept by triggers
--   3  Limits     limit_rows puts the triggers on a table
--   4  Check      compares a counter with the rows
--   5  Rights
--   6  Members and API keys
--
-- A counter is changed by a trigger at the end of each statement that adds or removes rows, and its row stays locked until
-- the transaction ends. So concurrent transactions cannot exceed a quota, a rollback undoes the count, and no row is counted
-- to decide. The price: transactions of one tenant that add rows of the same resource wait for each other between that
-- statement and their commit (docs/quotas.md).


-- 1  Plans --------------------------------------------------------------------------------------------------------------

-- What each plan allows. The plans are in a file that the servers read (PLANS_FILE). A server writes its plans here when it
-- starts. A tenant whose plan is not here has the smallest one. Nothing is limited while the table is empty.
CREATE TABLE tenantry.plans (
    "name" TEXT NOT NULL PRIMARY KEY,
    "is_smallest" BOOLEAN NOT NULL,
    -- The most rows by resource. A resource that is absent is unlimited.
    "quotas" JSONB NOT NULL CHECK (jsonb_typeof("quotas") = 'object')
);
ALTER TABLE tenantry.plans ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY plans ON tenantry.plans TO tenantry_owner USING (true) WITH CHECK (true);

-- Replaces the plans. `plans` is a JSON array of {"name", "quotas"}, the smallest plan first. Plans apply to all tenants, so
-- the server signs them where contexts are signed. Writes nothing when the plans are the same.
CREATE FUNCTION tenantry.set_plans(plans text, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  wanted constant jsonb := (
    SELECT jsonb_agg(jsonb_build_array(plan ->> 'name', position = 1, plan -> 'quotas') ORDER BY plan ->> 'name' COLLATE "C")
    FROM jsonb_array_elements(plans::jsonb) WITH ORDINALITY AS each (plan, position)
  );
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'set_plans', expires, plans), expires, signature);
  IF wanted IS NULL THEN
    RAISE EXCEPTION 'there is no plan' USING ERRCODE = '22023';
  END IF;
  IF wanted = (
    SELECT jsonb_agg(jsonb_build_array(name, is_smallest, quotas) ORDER BY name COLLATE "C") FROM tenantry.plans
  ) THEN
    RETURN;
  END IF;
  -- Two servers that start at the same time write one after the other.
  LOCK TABLE tenantry.plans IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM tenantry.plans;
  INSERT INTO tenantry.plans (name, is_smallest, quotas)
  SELECT plan ->> 0, (plan ->> 1)::boolean, plan -> 2 FROM jsonb_array_elements(wanted) AS plan;
END
$$;


-- 2  Counters -----------------------------------------------------------------------------------------------------------

-- How many rows of a resource a tenant has. Readable inside the tenant; written by the functions below, which run as the
-- owner. Every change replaces the row, so pages have room for the next version.
CREATE TABLE tenantry.resource_usage (
    "tenant_id" UUID NOT NULL,
    "resource" TEXT NOT NULL,
    "used" BIGINT NOT NULL CHECK ("used" >= 0),

    CONSTRAINT "resource_usage_pkey" PRIMARY KEY ("tenant_id","resource"),
    CONSTRAINT "resource_usage_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES public.tenants("id") ON DELETE CASCADE ON UPDATE RESTRICT
) WITH (fillfactor = 50);
ALTER TABLE tenantry.resource_usage ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON tenantry.resource_usage FOR SELECT USING (%s)',
    tenantry.isolation_predicate('tenant_id')
  );
END
$$;
CREATE POLICY counting ON tenantry.resource_usage TO tenantry_owner USING (true) WITH CHECK (true);
GRANT SELECT ON tenantry.resource_usage TO tenantry_app, tenantry_operator;

-- Adds new rows to a counter, and returns what it is then. Refuses (TQ001) more than the quota of the tenant's plan; the server
-- reads the message. Roles that row-level security does not hold, and the owner, are not limited: these are operators and
-- maintenance. Whoever has connected as the server's role cannot change that.
CREATE FUNCTION tenantry.add_use(tenant uuid, counted text, added bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  present bigint;
  allowed bigint;
BEGIN
  -- Waits for concurrent transactions of the tenant, and then adds to what they have left. One statement, because this is
  -- done for each new row; so the plan is the one that the tenant had before the wait.
  INSERT INTO tenantry.resource_usage AS held (tenant_id, resource, used) VALUES (tenant, counted, added)
  ON CONFLICT (tenant_id, resource) DO UPDATE SET used = held.used + excluded.used
  RETURNING held.used, (
    SELECT (p.quotas ->> counted)::bigint FROM public.tenants t JOIN tenantry.plans p ON p.name = t.plan OR p.is_smallest
    WHERE t.id = tenant ORDER BY p.is_smallest LIMIT 1
  ) INTO present, allowed;
  IF present > allowed THEN
    IF NOT (
      SELECT rolbypassrls OR pg_has_role(oid, 'tenantry_owner', 'MEMBER') FROM pg_roles WHERE rolname = session_user
    ) THEN
      RAISE EXCEPTION 'the quota of % is exceeded: % of % used', counted, present - added, allowed USING ERRCODE = 'TQ001';
    END IF;
  END IF;
  RETURN present;
END
$$;

-- Takes removed rows off a counter. Never fails: a tenant that is above its quota, because its plan was changed, can remove
-- rows, and a counter that was wrong does not keep rows from being removed.
CREATE FUNCTION tenantry.give_back(tenant uuid, counted text, removed bigint) RETURNS void
LANGUAGE sql VOLATILE
AS $$
  UPDATE tenantry.resource_usage SET used = greatest(used - removed, 0) WHERE tenant_id = tenant AND resource = counted
$$;

-- The trigger behind limit_rows for new rows; `changed` has them. Its argument is the resource. One statement without
-- another expression, because PostgreSQL prepares every expression of a function anew in each transaction. In order, so that
-- two statements on several tenants do not wait for each other.
CREATE FUNCTION tenantry.count_added() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tenantry.add_use(tenant_id, TG_ARGV[0], count(*)) FROM changed GROUP BY tenant_id ORDER BY tenant_id;
  RETURN NULL;
END
$$;

-- The trigger behind limit_rows for everything else, and for new rows of a table where not every row counts. Arguments: the
-- resource, and the column that excludes a row from the count when it has a value. `changed` has the new rows after INSERT,
-- and the old ones after DELETE.
CREATE FUNCTION tenantry.count_changed() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
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
$$;


-- 3  Limits -------------------------------------------------------------------------------------------------------------

-- The resources that are counted, each with its table, and with the column that excludes a row when it has a value.
-- PostgreSQL stores the arguments of a trigger with a zero byte after each.
CREATE FUNCTION tenantry.limited_resources() RETURNS TABLE (resource text, target regclass, unless_set text)
LANGUAGE sql STABLE
AS $$
  SELECT arguments[1], tgrelid::regclass, CASE WHEN tgnargs > 1 THEN arguments[2] END
  FROM pg_catalog.pg_trigger, pg_catalog.string_to_array(pg_catalog.encode(tgargs, 'escape'), '\000') AS arguments
  WHERE tgname = 'count_added' AND tgparentid = 0
    AND tgfoid IN ('tenantry.count_added'::pg_catalog.regproc, 'tenantry.count_changed'::pg_catalog.regproc)
$$;

-- Counts the rows of a protected table as a resource, from now on, and limits them by the quotas of plans. Present rows are
-- counted, which locks the table until the transaction ends; nobody is refused for having them. May be called more than once.
--
-- With `unless_set`, a row does not count while that column has a value: `revoked_at`, `archived_at`.
CREATE FUNCTION tenantry.limit_rows(target regclass, resource text, unless_set name DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  arguments constant text := concat_ws(', ', quote_literal(resource), quote_literal(unless_set));
  other regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = limit_rows.target AND polname = 'tenant_isolation') THEN
    RAISE EXCEPTION '% is not protected: SELECT tenantry.protect(%)', target, quote_literal(target::text)
      USING ERRCODE = '42P16';
  END IF;
  IF resource !~ '^[a-zA-Z][a-zA-Z0-9_]{0,62}$' THEN
    RAISE EXCEPTION '% is not the name of a resource', resource USING ERRCODE = '42602';
  END IF;
  SELECT taken.target INTO other FROM tenantry.limited_resources() taken
  WHERE taken.resource = limit_rows.resource AND taken.target <> limit_rows.target;
  IF FOUND THEN
    RAISE EXCEPTION 'the resource % is counted in %', resource, other USING ERRCODE = '42710';
  END IF;
  IF unless_set IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = limit_rows.target AND attname = unless_set AND attnum > 0
      AND NOT attnotnull AND NOT attisdropped
  ) THEN
    RAISE EXCEPTION '% has no column % that may be null', target, unless_set USING ERRCODE = '42703';
  END IF;

  EXECUTE format(
    'CREATE OR REPLACE TRIGGER count_added AFTER INSERT ON %s REFERENCING NEW TABLE AS changed '
    'FOR EACH STATEMENT EXECUTE FUNCTION tenantry.%I(%s)',
    target, CASE WHEN unless_set IS NULL THEN 'count_added' ELSE 'count_changed' END, arguments
  );
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER count_removed AFTER DELETE ON %s REFERENCING OLD TABLE AS changed '
    'FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed(%s)', target, arguments
  );
  -- Row by row, and only for rows that begin or cease to count: other updates pay nothing but the comparison.
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER count_moved AFTER UPDATE ON %s FOR EACH ROW WHEN (%s) '
    'EXECUTE FUNCTION tenantry.count_changed(%s)', target,
    'OLD.tenant_id <> NEW.tenant_id'
      || CASE WHEN unless_set IS NULL THEN '' ELSE format(' OR (OLD.%1$I IS NULL) <> (NEW.%1$I IS NULL)', unless_set) END,
    arguments
  );
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER count_truncated AFTER TRUNCATE ON %s '
    'FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed(%s)', target, arguments
  );

  -- The policies hold the owner too, and no tenant is bound. The triggers' lock keeps writers out until the commit.
  EXECUTE format('CREATE POLICY counting ON %s FOR SELECT TO tenantry_owner USING (true)', target);
  DELETE FROM tenantry.resource_usage held WHERE held.resource = limit_rows.resource;
  EXECUTE format(
    'INSERT INTO tenantry.resource_usage (tenant_id, resource, used) '
    'SELECT tenant_id, %L, count(*) FROM %s WHERE %s GROUP BY tenant_id',
    resource, target, CASE WHEN unless_set IS NULL THEN 'true' ELSE format('%I IS NULL', unless_set) END
  );
  EXECUTE format('DROP POLICY counting ON %s', target);
END
$$;

-- Ends the count of a table's rows. For a migration that gives the quota up, or moves the resource to another table.
CREATE FUNCTION tenantry.unlimit_rows(target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  name text;
BEGIN
  DELETE FROM tenantry.resource_usage held USING tenantry.limited_resources() counted
  WHERE counted.target = unlimit_rows.target AND held.resource = counted.resource;
  FOREACH name IN ARRAY ARRAY['count_added', 'count_removed', 'count_moved', 'count_truncated'] LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', name, target);
  END LOOP;
END
$$;


-- 4  Check --------------------------------------------------------------------------------------------------------------

-- For operators: what the counter of the bound tenant says, and how many rows there are. They are equal, unless somebody has
-- switched triggers off, as a restore of data with --disable-triggers does. With `repair`, the counter is set to the rows.
CREATE FUNCTION tenantry.check_use(counted text, repair boolean) RETURNS TABLE (used bigint, rows bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  condition constant text := (
    SELECT format(
      'FROM %s WHERE tenant_id = $1 AND %s', target,
      CASE WHEN unless_set IS NULL THEN 'true' ELSE format('%I IS NULL', unless_set) END
    )
    FROM tenantry.limited_resources() WHERE resource = counted
  );
BEGIN
  IF condition IS NULL THEN
    RAISE EXCEPTION '% is not counted', counted USING ERRCODE = '22023';
  END IF;
  IF repair THEN
    INSERT INTO tenantry.resource_usage (tenant_id, resource, used) VALUES (tenant, counted, 0) ON CONFLICT DO NOTHING;
    -- Whoever adds or removes rows now is counted afterwards; everybody else has committed, and is seen below.
    PERFORM FROM tenantry.resource_usage WHERE tenant_id = tenant AND resource = counted FOR UPDATE;
  END IF;
  -- One statement, so both figures are of the same moment.
  EXECUTE format(
    'SELECT coalesce((SELECT u.used FROM tenantry.resource_usage u WHERE u.tenant_id = $1 AND u.resource = $2), 0), '
    '(SELECT count(*) %s)', condition
  ) INTO used, rows USING tenant, counted;
  IF repair AND used <> rows THEN
    UPDATE tenantry.resource_usage u SET used = rows WHERE u.tenant_id = tenant AND u.resource = counted;
  END IF;
  RETURN NEXT;
END
$$;


-- 5  Rights -------------------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL ROUTINES IN SCHEMA tenantry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.set_plans(text, bigint, text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.limited_resources() TO tenantry_app, tenantry_operator;
GRANT EXECUTE ON FUNCTION tenantry.check_use(text, boolean) TO tenantry_operator;


-- 6  Members and API keys -----------------------------------------------------------------------------------------------

SELECT tenantry.limit_rows('public.memberships', 'members');
-- A revoked key does not count. An expired one does until it is revoked: time alone changes no counter.
SELECT tenantry.limit_rows('public.api_keys', 'apiKeys', 'revoked_at');

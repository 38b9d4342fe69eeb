-- The SQL kernel: what PostgreSQL itself guarantees about tenants, whatever the application does.
--
-- Every object here belongs to tenantry_owner. The server connects as tenantry_app, which owns nothing and has
-- neither SUPERUSER nor BYPASSRLS; operators connect as tenantry_operator. The roles exist before the first
-- migration runs: `tenantry migrate` creates them.

CREATE SCHEMA tenantry;
REVOKE ALL ON SCHEMA tenantry FROM PUBLIC;
GRANT USAGE ON SCHEMA tenantry TO tenantry_app, tenantry_operator;

-- A UUIDv7 (RFC 9562) from the database's clock: 48 bits of milliseconds, 12 bits of their fraction, 62 random
-- bits. Ids sort by the microsecond they were made in. PostgreSQL has a uuidv7() of its own only from version 18 on.
CREATE FUNCTION tenantry.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
  SELECT (
    lpad(to_hex(clock.microseconds / 1000), 12, '0')
    -- 28672 is the version, 7, in the highest four of these sixteen bits.
    || to_hex(28672 + (clock.microseconds % 1000) * 4096 / 1000)
    -- A version 4 UUID already carries the right variant bits here.
    || right(replace(gen_random_uuid()::text, '-', ''), 16)
  )::uuid
  FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS clock (microseconds)
$$;

-- The tenant this transaction is bound to. Fails loudly (42501) when there is none: an unbound query is a defect,
-- and zero rows would hide it. A transaction-local setting that has ended reads '' rather than NULL.
CREATE FUNCTION tenantry.current_tenant() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  tenant constant text := current_setting('app.current_tenant', true);
BEGIN
  IF tenant IS NULL OR tenant = '' THEN
    RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = '42501';
  END IF;
  RETURN tenant::uuid;
END
$$;

-- Binds this transaction to a tenant, and says on whose behalf it acts. The first statement of every transaction
-- on tenant data, at its top level, once. All settings are transaction-local, so that none can travel to the next
-- user of a pooled connection. SET LOCAL rather than set_config: a distributed PostgreSQL forwards only the former
-- to its workers (and an EXCEPTION block would open a subtransaction, so there is none).
CREATE FUNCTION tenantry.bind(
  tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  bound constant text := current_setting('app.current_tenant', true);
BEGIN
  IF bound <> '' THEN
    RAISE EXCEPTION 'this transaction is already bound to a tenant' USING ERRCODE = '25001';
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
  EXECUTE format(
    'SET LOCAL app.current_tenant = %L; SET LOCAL app.current_actor = %L; '
    'SET LOCAL app.current_actor_type = %L; SET LOCAL app.current_request = %L; SET LOCAL statement_timeout = %L',
    tenant, actor, actor_type, coalesce(request_id, ''), statement_timeout_ms
  );
  IF read_only THEN
    SET LOCAL transaction_read_only = on;
  END IF;
END
$$;

-- The isolation predicate, in one place: a distributed PostgreSQL that refuses sub-selects in policies needs it
-- changed here only. The sub-select makes PostgreSQL evaluate the function once per query, not once per row.
CREATE FUNCTION tenantry.isolation_predicate(tenant_column name) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT format('%I = (SELECT tenantry.current_tenant())', tenant_column) $$;

-- The row trigger behind the audit log: one entry for each changed row, in the transaction of the change, or the
-- change fails. Arguments: the entity's name and the prefix of its actions. The tenant is the row's own; actor and
-- request are the transaction's. Maintenance that binds no tenant (only a superuser can do that) is recorded under
-- the name of the database role. Columns that hold secrets, by the suffix of their names, are left out.
CREATE FUNCTION tenantry.write_audit() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  old_row jsonb;
  new_row jsonb;
  secrets text[];
  event text := 'created';
  bound constant boolean := coalesce(current_setting('app.current_tenant', true), '') <> '';
BEGIN
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

  secrets := ARRAY(
    SELECT key FROM jsonb_object_keys(coalesce(new_row, old_row)) AS key WHERE key ~ '(^|_)(hash|secret|password)$'
  );

  INSERT INTO public.audit_log
    (tenant_id, actor, actor_type, action, entity, entity_id, old_value, new_value, request_id)
  VALUES (
    -- A tenant-scoped row carries tenant_id; the tenants table itself is keyed by id.
    coalesce(coalesce(new_row, old_row) ->> 'tenant_id', coalesce(new_row, old_row) ->> 'id')::uuid,
    CASE WHEN bound THEN current_setting('app.current_actor') ELSE session_user END,
    CASE WHEN bound THEN current_setting('app.current_actor_type') ELSE 'system' END,
    TG_ARGV[1] || '.' || event,
    TG_ARGV[0],
    coalesce(new_row, old_row) ->> 'id',
    old_row - secrets,
    new_row - secrets,
    nullif(current_setting('app.current_request', true), '')
  );
  RETURN NULL;
END
$$;

-- Records something that is not a change of a row (an export, a sign-in, a denied attempt). Tenant, actor and
-- request come from the transaction, never from the caller, and the actions of write_audit are refused: an entry
-- that says a row was changed exists only if it was.
CREATE FUNCTION tenantry.record_audit(
  action text, entity text, entity_id text, old_value jsonb DEFAULT NULL, new_value jsonb DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF action !~ '^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$' THEN
    RAISE EXCEPTION 'an audit action reads entity.event, not %', action USING ERRCODE = '22023';
  END IF;
  IF action ~ '\.(created|updated|deleted)$' THEN
    RAISE EXCEPTION 'the action % is reserved for changes of rows', action USING ERRCODE = '42501';
  END IF;
  INSERT INTO public.audit_log
    (tenant_id, actor, actor_type, action, entity, entity_id, old_value, new_value, request_id)
  VALUES (
    tenantry.current_tenant(),
    current_setting('app.current_actor'),
    current_setting('app.current_actor_type'),
    action, entity, entity_id, old_value, new_value,
    nullif(current_setting('app.current_request', true), '')
  );
END
$$;

-- Holds for everybody, the owner included: an audit entry is never changed or removed.
CREATE FUNCTION tenantry.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '42501';
END
$$;

-- Makes a table tenant-scoped, in one call and more than once without harm: row-level security that binds the
-- owner too, the isolation policy, the audit trigger, and the grants. `entity` is the name in the audit log;
-- without it the table's name is taken in the singular (line_items → LineItem).
--
-- Refuses (42P16) a table on which row-level security alone would not isolate. PostgreSQL checks keys without it,
-- so that a key without the tenant is an existence oracle (unique) or a reference across tenants (foreign).
CREATE FUNCTION tenantry.protect(target regclass, entity text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  tenant_column constant smallint := (
    SELECT attnum FROM pg_attribute
    WHERE attrelid = target AND attname = 'tenant_id' AND atttypid = 'uuid'::regtype AND attnotnull AND NOT attisdropped
  );
  table_name constant text := (SELECT relname FROM pg_class WHERE oid = target);
  entity_name text := entity;
  offender text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class WHERE oid = target AND relkind IN ('r', 'p')) THEN
    RAISE EXCEPTION '% is not a table', target USING ERRCODE = '42P16';
  END IF;
  IF tenant_column IS NULL THEN
    RAISE EXCEPTION '% needs a column tenant_id uuid NOT NULL', target USING ERRCODE = '42P16';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_index WHERE indrelid = target AND indisprimary) THEN
    RAISE EXCEPTION '% needs a primary key (tenant_id, id)', target USING ERRCODE = '42P16';
  END IF;

  SELECT indexrelid::regclass::text INTO offender FROM pg_index
  WHERE indrelid = target AND (indisunique OR indisexclusion) AND indkey[0] <> tenant_column LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the unique key % of % must start with tenant_id', offender, target USING ERRCODE = '42P16';
  END IF;

  -- A foreign key to a tenant-scoped table pairs the two tenant columns.
  SELECT c.conname INTO offender
  FROM pg_constraint c
  JOIN pg_attribute referenced
    ON referenced.attrelid = c.confrelid AND referenced.attname = 'tenant_id' AND NOT referenced.attisdropped
  WHERE c.conrelid = target AND c.contype = 'f'
    AND NOT EXISTS (
      SELECT FROM unnest(c.conkey, c.confkey) AS pair (own, other)
      WHERE pair.own = tenant_column AND pair.other = referenced.attnum
    )
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the foreign key % of % must carry tenant_id', offender, target USING ERRCODE = '42P16';
  END IF;

  IF NOT EXISTS (
    SELECT FROM pg_constraint
    WHERE conrelid = target AND contype = 'f' AND confrelid = 'public.tenants'::regclass
      AND conkey = ARRAY[tenant_column]
  ) THEN
    RAISE EXCEPTION '% needs a foreign key from tenant_id to tenants', target USING ERRCODE = '42P16';
  END IF;

  IF entity_name IS NULL THEN
    entity_name := replace(initcap(replace(
      CASE WHEN table_name LIKE '%ies' THEN regexp_replace(table_name, 'ies$', 'y')
           ELSE regexp_replace(table_name, '([^s])s$', '\1') END,
      '_', ' ')), ' ', '');
  END IF;

  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
  IF EXISTS (SELECT FROM pg_policy WHERE polrelid = target AND polname = 'tenant_isolation') THEN
    EXECUTE format('DROP POLICY tenant_isolation ON %s', target);
  END IF;
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON %s USING (%2$s) WITH CHECK (%2$s)',
    target, tenantry.isolation_predicate('tenant_id')
  );
  PERFORM tenantry.audit(target, entity_name);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO tenantry_app, tenantry_operator', target);
END
$$;

-- Puts the audit trigger on a table. `protect` calls it; only the tenants table, which has policies and grants of
-- its own, needs it alone.
CREATE FUNCTION tenantry.audit(target regclass, entity text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s '
    'FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit(%L, %L)',
    target, entity, lower(regexp_replace(entity, '([a-z0-9])([A-Z])', '\1_\2', 'g'))
  );
END
$$;

-- PostgreSQL lets everybody execute a new function. Here only what a transaction needs is open.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tenantry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  tenantry.uuid_v7(),
  tenantry.current_tenant(),
  tenantry.bind(uuid, text, text, text, integer, boolean),
  tenantry.record_audit(text, text, text, jsonb, jsonb)
TO tenantry_app, tenantry_operator;

-- The server refuses to run on a database whose migrations are not its own. (A shadow database has no such table.)
DO $$
BEGIN
  IF to_regclass('public._prisma_migrations') IS NOT NULL THEN
    GRANT SELECT ON public._prisma_migrations TO tenantry_app;
  END IF;
END
$$;

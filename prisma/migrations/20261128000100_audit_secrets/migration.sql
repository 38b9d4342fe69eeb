-- What the audit log does not record: columns that hold secrets. Until now only names in snake_case that end in _hash,
-- _secret or _password were taken for one.

-- Whether the name of a column says that it holds a secret, in whatever style it is written: password_hash, apiSecret,
-- Access-Token. Rather one too many than one too few. src/kernel/access/secret-names.ts has the same expression.
CREATE FUNCTION tenantry.names_secret(column_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT column_name ~*
    'pass[_ -]?(word|wd|code|phrase|key)|pwd|secret(?!ar)|token|credential|hash(?!tag)|salt|(api|access|private|signing|encryption|session|recovery|backup)[_ -]?(key|code)'
$$;

-- As in the migration of signed contexts, but for what is left out: names_secret says which columns by their names, and the
-- trigger's further arguments name those that `conceal` has declared. One that is no longer there was renamed, and nobody
-- has said what to do with it under its new name: the change is refused.
CREATE OR REPLACE FUNCTION tenantry.write_audit() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  old_row jsonb;
  new_row jsonb;
  secrets text[] := '{}';
  event text := 'created';
  acting record;
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

  IF coalesce(current_setting('app.current_tenant', true), '') <> '' THEN
    acting := tenantry.current_actor();
  ELSIF (
    SELECT rolbypassrls OR pg_has_role(oid, 'tenantry_owner', 'MEMBER') FROM pg_roles WHERE rolname = session_user
  ) THEN
    SELECT 'system' AS actor_type, session_user::text AS actor INTO acting;
  ELSE
    RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = '42501';
  END IF;

  -- First of all names at once, and roughly: this is done for each row, and in most tables no column holds a secret.
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
$$;

-- The columns of a table that were declared secret. Arguments of a trigger end in a zero byte each; a backslash is doubled.
CREATE FUNCTION tenantry.concealed(target regclass) RETURNS text[]
LANGUAGE sql STABLE
AS $$
  SELECT coalesce((
    SELECT (string_to_array(replace(encode(tgargs, 'escape'), '\\', '\'), '\000'))[3:tgnargs]
    FROM pg_catalog.pg_trigger
    WHERE tgrelid = target AND tgfoid = 'tenantry.write_audit'::regproc AND tgname = 'audit'
  ), '{}')
$$;

-- As in the kernel; what was declared secret stays secret.
CREATE OR REPLACE FUNCTION tenantry.audit(target regclass, entity text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  arguments constant text := (
    SELECT string_agg(format(', %L', name), '' ORDER BY name) FROM unnest(tenantry.concealed(target)) AS name
  );
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s '
    'FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit(%L, %L%s)',
    target, entity, lower(regexp_replace(entity, '([a-z0-9])([A-Z])', '\1_\2', 'g')), arguments
  );
END
$$;

-- Keeps columns out of the audit log whose names do not say that they hold a secret, beside those that were declared before
-- and are still there. In one call and more than once without harm. What was recorded before stays recorded.
CREATE FUNCTION tenantry.conceal(target regclass, VARIADIC columns name[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  definition constant text := (
    SELECT pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = target AND tgfoid = 'tenantry.write_audit'::regproc AND tgname = 'audit'
  );
  present constant name[] := ARRAY(
    SELECT attname FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped
  );
  entity_and_prefix text;
  unknown name;
BEGIN
  IF definition IS NULL THEN
    RAISE EXCEPTION '% has no audit trigger: SELECT tenantry.protect(%)', target, quote_literal(target::text)
      USING ERRCODE = '42P16';
  END IF;
  SELECT name INTO unknown FROM unnest(columns) AS name WHERE name <> ALL (present) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% has no column %', target, unknown USING ERRCODE = '42703';
  END IF;
  SELECT format('%L, %L', parts[1], parts[2]) INTO entity_and_prefix
  FROM pg_trigger, string_to_array(replace(encode(tgargs, 'escape'), '\\', '\'), '\000') AS parts
  WHERE tgrelid = target AND tgfoid = 'tenantry.write_audit'::regproc AND tgname = 'audit';
  -- The rest of the trigger stays what it is: one may be for some columns only.
  EXECUTE regexp_replace(
    regexp_replace(definition, 'tenantry\.write_audit\(.*\)$', ''),
    '^CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'
  ) || format('tenantry.write_audit(%s%s)', entity_and_prefix, (
    SELECT string_agg(format(', %L', name), '' ORDER BY name)
    FROM (
      SELECT name FROM unnest(columns) AS name
      UNION
      SELECT name FROM unnest(tenantry.concealed(target)) AS name WHERE name = ANY (present)
    ) AS declared
  ));
END
$$;

REVOKE ALL ON FUNCTION
  tenantry.names_secret(text), tenantry.concealed(regclass), tenantry.conceal(regclass, name[])
FROM PUBLIC;

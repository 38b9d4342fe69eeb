-- The audit trigger accepts the writes of old code while a table is converted (docs/tenantize.md).
--
-- Old code logs in as a role of its own and binds no tenant; a policy named `tenantize` lets it write until the conversion is
-- finished. The trigger refused it, because it knew only the owner and roles with BYPASSRLS. The server's role stays refused
-- in such a table too: otherwise a statement could take its own tenant away in the middle, and be recorded as the system's.

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
$$;

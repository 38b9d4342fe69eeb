-- The triggers of a write do the same as before with fewer calls of functions and fewer queries.

-- As before. The seal is checked once, and the parts of the context are read without a call.
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
  acting text;
  acting_type text;
  bound uuid;
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
    -- Checks the seal of the whole context; its parts may be read afterwards.
    bound := tenantry.current_tenant();
    acting := current_setting('app.current_actor');
    acting_type := current_setting('app.current_actor_type');
  ELSIF (
    SELECT rolbypassrls OR pg_has_role(oid, 'tenantry_owner', 'MEMBER')
      -- Of a conversion (docs/tenantize.md): the policy holds while old code may write the table without a tenant.
      OR NOT pg_has_role(oid, 'tenantry_app', 'MEMBER')
        AND EXISTS (SELECT FROM pg_policy WHERE polrelid = TG_RELID AND polname = 'tenantize')
    FROM pg_roles WHERE rolname = session_user
  ) THEN
    acting := session_user;
    acting_type := 'system';
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
    acting,
    acting_type,
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

-- As before. Whether a transaction is bound is asked here: PostgreSQL would parse the condition of the trigger for each statement
-- that writes an entry. Few tenants have a webhook, so that comes before the question whether the tenant is moving.
CREATE OR REPLACE FUNCTION tenantry.queue_deliveries()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  delivery uuid;
BEGIN
  IF coalesce(current_setting('app.current_tenant', true), '') = '' THEN
    RETURN NULL;
  END IF;
  IF NOT EXISTS (
    SELECT FROM public.webhooks w
    WHERE w.tenant_id = NEW.tenant_id AND w.disabled_at IS NULL AND NEW.action = ANY (w.events)
  ) THEN
    RETURN NULL;
  END IF;
  IF tenantry.moves_tenant(NEW.tenant_id) THEN
    RETURN NULL;
  END IF;
  FOR delivery IN
    INSERT INTO public.webhook_deliveries (tenant_id, webhook_id, event, entity, entity_id, occurred_at)
    SELECT w.tenant_id, w.id, NEW.action, NEW.entity, NEW.entity_id, NEW.created_at FROM public.webhooks w
    WHERE w.tenant_id = NEW.tenant_id AND w.disabled_at IS NULL AND NEW.action = ANY (w.events)
    RETURNING id
  LOOP
    -- As many attempts as a job can have: each of them sends once at most, and the delivery counts what was sent.
    PERFORM tenantry.enqueue(
      'webhook.deliver', jsonb_build_object('deliveryId', delivery), NULL::timestamptz, delivery::text, 100
    );
  END LOOP;
  RETURN NULL;
END
$function$;

CREATE OR REPLACE TRIGGER queue_deliveries AFTER INSERT ON public.audit_log
FOR EACH ROW EXECUTE FUNCTION tenantry.queue_deliveries();

-- As before. Only a transaction that moves a tenant can write a copy.
CREATE OR REPLACE FUNCTION tenantry.count_added()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF coalesce(current_setting('app.tenant_life', true), '') <> '' AND tenantry.is_copy(TG_RELID) THEN
    RETURN NULL;
  END IF;
  PERFORM tenantry.add_use(tenant_id, TG_ARGV[0], count(*)) FROM changed GROUP BY tenant_id ORDER BY tenant_id;
  RETURN NULL;
END
$function$;

-- As before. Most tenants have no subscriber, so that comes first.
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
  IF NOT EXISTS (
    SELECT FROM tenantry.listening WHERE tenant_id = tenant AND until > clock_timestamp()
  ) THEN
    RETURN NULL;
  END IF;
  IF tenantry.is_copy(TG_RELID) THEN
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

-- As before. The plan is found by its name, without a sort; the smallest plan stands for one that is unknown.
CREATE OR REPLACE FUNCTION tenantry.add_use(tenant uuid, counted text, added bigint)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
DECLARE
  present bigint;
  allowed bigint;
BEGIN
  -- Waits for concurrent transactions of the tenant, and then adds to what they have left. One statement, because this is
  -- done for each new row; so the plan is the one that the tenant had before the wait.
  INSERT INTO tenantry.resource_usage AS held (tenant_id, resource, used) VALUES (tenant, counted, added)
  ON CONFLICT (tenant_id, resource) DO UPDATE SET used = held.used + excluded.used
  RETURNING held.used, (
    SELECT (coalesce(
      (SELECT p.quotas FROM tenantry.plans p WHERE p.name = t.plan),
      (SELECT p.quotas FROM tenantry.plans p WHERE p.is_smallest LIMIT 1)
    ) ->> counted)::bigint FROM public.tenants t WHERE t.id = tenant
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
$function$;

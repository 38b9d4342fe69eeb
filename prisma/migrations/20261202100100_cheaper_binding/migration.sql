-- As before. Without signed contexts, too, the settings are made by functions: SET LOCAL was text that PostgreSQL had to parse
-- for each transaction.
CREATE OR REPLACE FUNCTION tenantry.open_context(tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean, seal_front bytea, seal_back bytea)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
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
  -- An assignment, because PERFORM would run a query; and one expression, because each costs.
  done := concat(
    set_config('app.current_tenant', tenant::text, true), set_config('app.current_actor', actor, true),
    set_config('app.current_actor_type', actor_type, true),
    set_config('app.current_request', coalesce(request_id, ''), true),
    set_config('statement_timeout', statement_timeout_ms::text, true),
    CASE WHEN read_only THEN set_config('transaction_read_only', 'on', true) END
  );
  IF tenantry.contexts_are_signed() THEN
    RETURN set_config('app.context_seal', tenantry.seal(seal_front, seal_back), true);
  END IF;
  RETURN NULL;
END
$function$;

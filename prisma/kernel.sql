-- Generated from the migrations by `npm run generate`. Do not edit: write a migration.
--
-- The roles, functions, policies, grants and triggers as the database has them after all migrations: what is in force, and in
-- a review, what a migration changes of it. The migration that made a function says why it is as it is.
--
-- Of a table only these are shown. Its columns, keys and indexes are in the migrations. Everything belongs to tenantry_owner
-- unless a line says otherwise, and what an owner may do with its own objects is not listed: a function without a GRANT can
-- be called by its owner alone.


-- Roles -----------------------------------------------------------------------------------------------------------------

-- tenantry_app
CREATE ROLE tenantry_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE tenantry_app SET DateStyle = 'ISO, MDY';
ALTER ROLE tenantry_app SET IntervalStyle = 'postgres';
ALTER ROLE tenantry_app SET TimeZone = 'UTC';
ALTER ROLE tenantry_app SET bytea_output = 'hex';
ALTER ROLE tenantry_app SET default_transaction_isolation = 'read committed';
ALTER ROLE tenantry_app SET default_transaction_read_only = 'off';
ALTER ROLE tenantry_app SET extra_float_digits = '1';
ALTER ROLE tenantry_app SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE tenantry_app SET jit = 'off';
ALTER ROLE tenantry_app SET lock_timeout = '10s';
ALTER ROLE tenantry_app SET search_path = public, pg_temp;
ALTER ROLE tenantry_app SET standard_conforming_strings = 'on';
ALTER ROLE tenantry_app SET statement_timeout = '30s';

-- tenantry_operator
CREATE ROLE tenantry_operator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;
ALTER ROLE tenantry_operator SET DateStyle = 'ISO, MDY';
ALTER ROLE tenantry_operator SET IntervalStyle = 'postgres';
ALTER ROLE tenantry_operator SET TimeZone = 'UTC';
ALTER ROLE tenantry_operator SET bytea_output = 'hex';
ALTER ROLE tenantry_operator SET default_transaction_isolation = 'read committed';
ALTER ROLE tenantry_operator SET default_transaction_read_only = 'off';
ALTER ROLE tenantry_operator SET extra_float_digits = '1';
ALTER ROLE tenantry_operator SET search_path = public, pg_temp;
ALTER ROLE tenantry_operator SET standard_conforming_strings = 'on';

-- tenantry_owner
CREATE ROLE tenantry_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- The database and its schemas ------------------------------------------------------------------------------------------

-- database tenantry
GRANT CONNECT ON DATABASE tenantry TO PUBLIC;
GRANT CONNECT ON DATABASE tenantry TO tenantry_app;
GRANT CONNECT ON DATABASE tenantry TO tenantry_operator;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE tenantry TO tenantry_owner;

-- schema public
ALTER SCHEMA public OWNER TO pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT USAGE ON SCHEMA public TO tenantry_app;
GRANT USAGE ON SCHEMA public TO tenantry_operator;
GRANT CREATE, USAGE ON SCHEMA public TO tenantry_owner;

-- schema tenantry
GRANT USAGE ON SCHEMA tenantry TO tenantry_app;
GRANT USAGE ON SCHEMA tenantry TO tenantry_operator;

-- Functions -------------------------------------------------------------------------------------------------------------

-- tenantry.accept_invitation(text,text,text,text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.accept_invitation(presented_hash text, invitee text, verified_email text, request_id text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS TABLE(outcome text, membership_id uuid, role text, joined_at timestamp with time zone, tenant_id uuid, slug text, name text, status text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  bound constant boolean := coalesce(current_setting('app.current_tenant', true), '') <> '';
  bound_again text;
  acting record;
  signing_key record;
  invitation record;
  tenant record;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(
      E'\x1f', 'accept_invitation', expires, presented_hash, invitee,
      coalesce(verified_email, ''), coalesce(request_id, '')
    ),
    expires, signature
  );
  IF bound THEN
    -- Fails as well when the context is not the one that was bound.
    acting := tenantry.current_actor();
    IF (acting.actor_type = 'user' AND acting.actor = invitee) IS NOT TRUE THEN
      RAISE EXCEPTION 'this transaction does not act for whoever accepts the invitation' USING ERRCODE = '42501';
    END IF;
  END IF;
  SELECT i.tenant_id, i.id, i.email INTO invitation FROM public.invitations i WHERE i.token_hash = presented_hash;
  IF NOT FOUND OR lower(verified_email COLLATE "C") IS DISTINCT FROM invitation.email THEN
    outcome := CASE WHEN invitation.id IS NULL THEN 'unknown' ELSE 'other_email' END;
    RETURN NEXT;
    RETURN;
  END IF;

  IF bound THEN
    bound_again := format(
      'SET LOCAL app.current_tenant = %L; SET LOCAL app.current_actor = %L; SET LOCAL app.current_actor_type = %L; '
      'SET LOCAL app.current_request = %L; SET LOCAL statement_timeout = %L; SET LOCAL app.context_seal = %L',
      current_setting('app.current_tenant'), current_setting('app.current_actor'),
      current_setting('app.current_actor_type'), current_setting('app.current_request'),
      current_setting('statement_timeout'), coalesce(current_setting('app.context_seal', true), '')
    );
    SET LOCAL app.current_tenant = '';
  END IF;
  SELECT k.seal_front, k.seal_back INTO signing_key FROM tenantry.context_keys k;
  PERFORM tenantry.open_context(
    invitation.tenant_id, invitee, 'user', request_id, 5000, false, signing_key.seal_front, signing_key.seal_back
  );
  -- One change of a tenant's members at a time, as everywhere; and the tenant is not suspended meanwhile.
  SELECT t.* INTO tenant FROM public.tenants t WHERE t.id = invitation.tenant_id FOR NO KEY UPDATE;
  SELECT i.* INTO invitation
  FROM public.invitations i
  WHERE i.tenant_id = invitation.tenant_id AND i.id = invitation.id AND i.token_hash = presented_hash
  FOR UPDATE;

  outcome := CASE
    WHEN invitation.id IS NULL THEN 'unknown'
    WHEN tenant.status <> 'active' THEN 'suspended'
    WHEN invitation.accepted_at IS NOT NULL THEN 'used'
    WHEN invitation.revoked_at IS NOT NULL THEN 'revoked'
    WHEN invitation.expires_at <= clock_timestamp() THEN 'expired'
  END;
  IF outcome IS NULL THEN
    INSERT INTO public.memberships (user_id, email, role, invited_by)
    VALUES (invitee, invitation.email, invitation.role, invitation.invited_by)
    ON CONFLICT (tenant_id, user_id) DO NOTHING
    RETURNING id, role, joined_at INTO membership_id, role, joined_at;
    outcome := CASE WHEN FOUND THEN 'accepted' ELSE 'member' END;
  END IF;
  IF outcome = 'accepted' THEN
    UPDATE public.invitations SET accepted_at = clock_timestamp(), accepted_by = invitee
    WHERE tenant_id = invitation.tenant_id AND id = invitation.id;
    tenant_id := tenant.id;
    slug := tenant.slug;
    name := tenant.name;
    status := tenant.status;
  END IF;
  IF bound THEN
    EXECUTE bound_again;
  END IF;
  RETURN NEXT;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.accept_invitation(text,text,text,text,bigint,text) TO tenantry_app;

-- tenantry.add_context_key(text,bytea,bytea)
CREATE OR REPLACE FUNCTION tenantry.add_context_key(fingerprint text, inner_pad bytea, outer_pad bytea)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  -- 244 random bits each, as 64 bytes: a block of SHA-256.
  front bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
  back bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
BEGIN
  front := front || sha256(front);
  back := back || sha256(back);
  LOCK TABLE tenantry.context_keys IN SHARE ROW EXCLUSIVE MODE;
  SELECT k.seal_front, k.seal_back INTO front, back FROM (
    SELECT 0 AS rank, own.seal_front, own.seal_back FROM tenantry.context_keys own
    UNION ALL SELECT 1, front, back
  ) k ORDER BY k.rank LIMIT 1;
  INSERT INTO tenantry.context_keys VALUES (fingerprint, inner_pad, outer_pad, front, back) ON CONFLICT DO NOTHING;
  CREATE OR REPLACE FUNCTION tenantry.contexts_are_signed() RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN true;
END
$function$;

-- tenantry.announce_access()
CREATE OR REPLACE FUNCTION tenantry.announce_access()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF TG_TABLE_NAME = 'tenants' THEN
    PERFORM pg_notify('tenantry_access', json_build_object('tenantId', OLD.id)::text);
  ELSE
    IF TG_OP <> 'INSERT' THEN
      PERFORM pg_notify('tenantry_access', json_build_object('tenantId', OLD.tenant_id, 'userId', OLD.user_id)::text);
    END IF;
    IF TG_OP <> 'DELETE' THEN
      PERFORM pg_notify('tenantry_access', json_build_object('tenantId', NEW.tenant_id, 'userId', NEW.user_id)::text);
    END IF;
  END IF;
  RETURN NULL;
END
$function$;

-- tenantry.announce_api_key()
CREATE OR REPLACE FUNCTION tenantry.announce_api_key()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM pg_notify('tenantry_access', json_build_object('tenantId', NEW.tenant_id, 'userId', NEW.created_by)::text);
  ELSE
    PERFORM pg_notify('tenantry_access', json_build_object('tenantId', OLD.tenant_id, 'userId', OLD.created_by)::text);
  END IF;
  RETURN NULL;
END
$function$;

-- tenantry.announce_change()
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

-- tenantry.audit(regclass,text)
CREATE OR REPLACE FUNCTION tenantry.audit(target regclass, entity text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  -- What was declared secret stays secret.
  arguments constant text := (
    SELECT string_agg(format(', %L', name), '' ORDER BY name) FROM unnest(tenantry.concealed(target)) AS name
  );
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s '
    'FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit(%L, %L%s)',
    target, entity, lower(regexp_replace(entity, '([a-z0-9])([A-Z])', '\1_\2', 'g') COLLATE "C"), arguments
  );
END
$function$;

-- tenantry.backfill_tenant(regclass,double precision)
CREATE OR REPLACE PROCEDURE tenantry.backfill_tenant(IN target regclass, IN rest double precision DEFAULT 0.5)
 LANGUAGE plpgsql
AS $procedure$
DECLARE
  page bigint;
  pages bigint;
  -- How far a batch looks, and how many rows it takes. By rows, since a stretch without any says nothing of the next.
  stretch constant integer := 64;
  batch integer := 200;
  began timestamptz;
  spent double precision;
  filled bigint;
  filled_in_pass bigint;
  missing bigint;
  samples text;
  key_columns constant text := (
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY array_position(indkey::smallint[], attnum))
    FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
    WHERE indrelid = target AND indisprimary
  );
BEGIN
  LOOP
    page := 0;
    filled_in_pass := 0;
    -- Rows beyond were written after the trigger was there.
    pages := pg_relation_size(target) / current_setting('block_size')::integer;
    WHILE page < pages LOOP
      began := clock_timestamp();
      -- An array of addresses is always looked up one by one, whatever the planner believes of the table.
      EXECUTE format(
        'WITH touched AS (
           UPDATE %1$s SET tenant_id = NULL WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM %1$s WHERE ctid >= %2$L AND ctid < %3$L AND tenant_id IS NULL
             LIMIT %4$s FOR NO KEY UPDATE SKIP LOCKED))
           RETURNING tenant_id)
         SELECT count(tenant_id) FROM touched',
        target, format('(%s,0)', page), format('(%s,0)', page + stretch), batch
      ) INTO filled;
      COMMIT;
      filled_in_pass := filled_in_pass + filled;
      spent := extract(epoch FROM clock_timestamp() - began);
      IF filled < batch THEN
        page := page + stretch;
      ELSIF spent < 0.025 THEN
        batch := least(batch * 2, 5000);
      END IF;
      IF spent > 0.05 THEN
        batch := greatest(batch / 2, 10);
      END IF;
      PERFORM set_config(
        'application_name', format('tenantize %s: page %s of %s', target, least(page, pages), pages), false);
      PERFORM pg_sleep(spent * rest);
    END LOOP;

    EXECUTE format('SELECT count(*) FROM %s WHERE tenant_id IS NULL', target) INTO missing;
    EXIT WHEN missing = 0;
    IF filled_in_pass = 0 THEN
      EXECUTE format(
        'SELECT string_agg(sample, '', '') FROM (
           SELECT ROW(%2$s)::text FROM %1$s WHERE tenant_id IS NULL LIMIT 5 FOR NO KEY UPDATE SKIP LOCKED
         ) rows (sample)', target, coalesce(key_columns, 'ctid')) INTO samples;
      IF samples IS NOT NULL THEN
        RAISE EXCEPTION '% row(s) of % have no tenant, such as % %', missing, target, coalesce(key_columns, 'ctid'), samples
          USING ERRCODE = '23502';
      END IF;
      -- All that is left is held by others. The row locks just taken end here.
      COMMIT;
      PERFORM pg_sleep(1);
    END IF;
  END LOOP;
END
$procedure$;

-- tenantry.bind(uuid,text,text,text,integer,boolean,bigint,text)
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
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.bind(uuid,text,text,text,integer,boolean,bigint,text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.bind(uuid,text,text,text,integer,boolean,bigint,text) TO tenantry_operator;

-- tenantry.candidates_of_conversations(text)
CREATE OR REPLACE FUNCTION tenantry.candidates_of_conversations(term text)
 RETURNS uuid[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN NULL::uuid[];
GRANT EXECUTE ON FUNCTION tenantry.candidates_of_conversations(text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.candidates_of_conversations(text) TO tenantry_operator;

-- tenantry.check_times(regclass)
CREATE OR REPLACE FUNCTION tenantry.check_times(target regclass)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  condition constant text := (
    SELECT string_agg(
      format('%1$I >= ''0001-01-01 00:00:00+00''::%2$s AND %1$I < ''10000-01-01 00:00:00+00''::%2$s', attname,
        format_type(atttypid, NULL)),
      ' AND ' ORDER BY attnum
    )
    FROM pg_catalog.pg_attribute
    WHERE attrelid = target AND NOT attisdropped
      AND atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
  );
BEGIN
  IF condition IS NULL THEN
    RAISE EXCEPTION '% has no column with a time', target USING ERRCODE = '42P16';
  END IF;
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS times_check', target);
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT times_check CHECK (%s) NOT VALID', target, condition);
END
$function$;

-- tenantry.conceal(regclass,name[])
CREATE OR REPLACE FUNCTION tenantry.conceal(target regclass, VARIADIC columns name[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
$function$;

-- tenantry.concealed(regclass)
CREATE OR REPLACE FUNCTION tenantry.concealed(target regclass)
 RETURNS text[]
 LANGUAGE sql
 STABLE
AS $function$
  SELECT coalesce((
    SELECT (string_to_array(replace(encode(tgargs, 'escape'), '\\', '\'), '\000'))[3:tgnargs]
    FROM pg_catalog.pg_trigger
    WHERE tgrelid = target AND tgfoid = 'tenantry.write_audit'::regproc AND tgname = 'audit'
  ), '{}')
$function$;

-- tenantry.context_signing(bigint,text)
CREATE OR REPLACE FUNCTION tenantry.context_signing(expires bigint, signature text)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$ SELECT tenantry.require_signature(concat_ws(E'\x1f', 'start', expires), expires, signature) $function$;
GRANT EXECUTE ON FUNCTION tenantry.context_signing(bigint,text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.context_signing(bigint,text) TO tenantry_operator;

-- tenantry.contexts_are_signed()
CREATE OR REPLACE FUNCTION tenantry.contexts_are_signed()
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN false;

-- tenantry.count_versions(regclass)
CREATE OR REPLACE FUNCTION tenantry.count_versions(target regclass)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_attribute
    WHERE attrelid = target AND attname = 'version' AND atttypid = 'integer'::regtype AND attnotnull AND NOT attisdropped
  ) THEN
    RAISE EXCEPTION '% needs a column version integer NOT NULL', target USING ERRCODE = '42P16';
  END IF;
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER next_version BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION tenantry.next_version()',
    target
  );
END
$function$;

-- tenantry.current_actor()
CREATE OR REPLACE FUNCTION tenantry.current_actor(OUT actor_type text, OUT actor text)
 RETURNS record
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant uuid;
BEGIN
  tenant := tenantry.current_tenant();
  actor_type := current_setting('app.current_actor_type');
  actor := current_setting('app.current_actor');
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.current_actor() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.current_actor() TO tenantry_operator;

-- tenantry.current_tenant()
CREATE OR REPLACE FUNCTION tenantry.current_tenant()
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant text := current_setting('app.current_tenant', true);
  front bytea;
  back bytea;
BEGIN
  IF tenant IS NULL OR tenant = '' THEN
    RAISE EXCEPTION 'no tenant is bound to this transaction' USING ERRCODE = '42501';
  END IF;
  IF tenantry.contexts_are_signed() THEN
    -- A statement of its own: a query without parameters is planned once per session.
    SELECT k.seal_front, k.seal_back INTO front, back FROM tenantry.context_keys k;
    IF (tenantry.seal(front, back) = current_setting('app.context_seal', true)) IS NOT TRUE THEN
      RAISE EXCEPTION 'the context of this transaction is not the one it was bound to' USING ERRCODE = '42501';
    END IF;
  END IF;
  RETURN tenant::uuid;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.current_tenant() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.current_tenant() TO tenantry_operator;

-- tenantry.drop_search_index(regclass)
CREATE OR REPLACE FUNCTION tenantry.drop_search_index(target regclass)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  table_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = target);
  schema_name constant text := (SELECT relnamespace::regnamespace::text FROM pg_catalog.pg_class WHERE oid = target);
BEGIN
  PERFORM tenantry.make_searchable(target);
  EXECUTE format('DROP POLICY IF EXISTS search ON %s', target);
  EXECUTE format('DROP INDEX IF EXISTS %I.%I', schema_name, left(table_name, 56) || '_search');
END
$function$;

-- tenantry.folded(text)
CREATE OR REPLACE FUNCTION tenantry.folded(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN lower((value COLLATE pg_c_utf8));
GRANT EXECUTE ON FUNCTION tenantry.folded(text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.folded(text) TO tenantry_operator;

-- tenantry.index_search(regclass,name[])
CREATE OR REPLACE FUNCTION tenantry.index_search(target regclass, VARIADIC columns name[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  table_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = target);
  qualified constant text := (SELECT format('%I.%I', relnamespace::regnamespace::text, relname)
    FROM pg_catalog.pg_class WHERE oid = target);
  -- Separated, so that no match lies across.
  document constant text := (
    SELECT format('tenantry.folded(%s)', string_agg(format('coalesce(%I, '''')', name), ' || chr(31) || '))
    FROM unnest(columns) AS name
  );
  operators text;
BEGIN
  IF to_regprocedure(format('tenantry.%I(text)', 'candidates_of_' || table_name)) IS NULL THEN
    RAISE EXCEPTION '% is not searchable: SELECT tenantry.make_searchable(%)', target, quote_literal(target::text)
      USING ERRCODE = '42P16';
  END IF;
  CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
  CREATE EXTENSION IF NOT EXISTS btree_gin SCHEMA public;
  -- A short list of what is not yet sorted into the index: every search goes through it, and the planner fears a long one.
  operators := (SELECT extnamespace::regnamespace::text FROM pg_catalog.pg_extension WHERE extname = 'pg_trgm');
  EXECUTE format(
    'CREATE INDEX IF NOT EXISTS %I ON %s USING gin (tenant_id, (%s) %I.gin_trgm_ops) WITH (gin_pending_list_limit = 512)',
    left(table_name, 56) || '_search', qualified, document, operators
  );
  EXECUTE format('DROP POLICY IF EXISTS search ON %s', qualified);
  EXECUTE format('CREATE POLICY search ON %s FOR SELECT TO tenantry_owner USING (true)', qualified);
  -- A term without three letters or digits in a row has no trigram. A frequent one is found sooner by looking through the
  -- rows in the order asked for: from 1,000 candidates on, that is left to the caller. LIKE is asked about the first 32
  -- characters only, for its time grows with the length of the pattern multiplied by that of the text.
  EXECUTE format(
    $definition$
    CREATE OR REPLACE FUNCTION tenantry.%1$I(term text) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off
    AS $body$
    DECLARE
      tenant constant uuid := tenantry.current_tenant();
      start constant text := left(tenantry.folded(term), 32);
      pattern constant text := concat('%%', replace(replace(replace(
        start, chr(92), repeat(chr(92), 2)), '%%', chr(92) || '%%'), '_', chr(92) || '_'), '%%');
      found_ids uuid[];
    BEGIN
      IF start !~ '[[:alnum:]]{3}' THEN
        RETURN NULL;
      END IF;
      found_ids := ARRAY(SELECT c.id FROM %2$s c WHERE c.tenant_id = tenant AND %3$s LIKE pattern LIMIT 1000);
      RETURN CASE WHEN cardinality(found_ids) < 1000 THEN found_ids END;
    END
    $body$
    $definition$, 'candidates_of_' || table_name, qualified, document
  );
END
$function$;

-- tenantry.is_published(text)
CREATE OR REPLACE FUNCTION tenantry.is_published(entity text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  SELECT EXISTS (
    SELECT FROM pg_catalog.pg_trigger
    WHERE tgname = 'publish' AND tgfoid = 'tenantry.announce_change'::pg_catalog.regproc
      AND split_part(encode(tgargs, 'escape'), '\000', 1) = entity
  )
$function$;
GRANT EXECUTE ON FUNCTION tenantry.is_published(text) TO tenantry_app;

-- tenantry.isolate(regclass)
CREATE OR REPLACE FUNCTION tenantry.isolate(target regclass)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  tenant_column constant smallint := (
    SELECT attnum FROM pg_attribute
    WHERE attrelid = target AND attname = 'tenant_id' AND atttypid = 'uuid'::regtype AND attnotnull AND NOT attisdropped
  );
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

  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
  IF EXISTS (SELECT FROM pg_policy WHERE polrelid = target AND polname = 'tenant_isolation') THEN
    EXECUTE format('DROP POLICY tenant_isolation ON %s', target);
  END IF;
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON %s USING (%2$s) WITH CHECK (%2$s)',
    target, tenantry.isolation_predicate('tenant_id')
  );
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO tenantry_app, tenantry_operator', target);
END
$function$;

-- tenantry.isolation_predicate(name)
CREATE OR REPLACE FUNCTION tenantry.isolation_predicate(tenant_column name)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$ SELECT format('%I = (SELECT tenantry.current_tenant())', tenant_column) $function$;

-- tenantry.listen(uuid[])
CREATE OR REPLACE FUNCTION tenantry.listen(tenant_ids uuid[])
 RETURNS TABLE(tenant_id uuid, lease uuid)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  INSERT INTO tenantry.listening AS held (tenant_id, lease, until)
  SELECT id, gen_random_uuid(), clock_timestamp() + interval '1 minute'
  -- In order, so that two servers do not wait for each other.
  FROM public.tenants WHERE id = ANY (tenant_ids) ORDER BY id
  ON CONFLICT (tenant_id) DO UPDATE SET
    -- A few seconds early, for a transaction that is committing right now may find that the minute is over.
    lease = CASE WHEN held.until > clock_timestamp() + interval '5 seconds' THEN held.lease ELSE excluded.lease END,
    until = excluded.until
  RETURNING held.tenant_id, held.lease
$function$;
GRANT EXECUTE ON FUNCTION tenantry.listen(uuid[]) TO tenantry_app;

-- tenantry.make_searchable(regclass)
CREATE OR REPLACE FUNCTION tenantry.make_searchable(target regclass)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  name constant text := 'candidates_of_' || (SELECT relname FROM pg_catalog.pg_class WHERE oid = target);
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION tenantry.%1$I(term text) RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE '
    'RETURN NULL::uuid[]; '
    'ALTER FUNCTION tenantry.%1$I(text) SECURITY INVOKER RESET ALL; '
    'REVOKE ALL ON FUNCTION tenantry.%1$I(text) FROM PUBLIC; '
    'GRANT EXECUTE ON FUNCTION tenantry.%1$I(text) TO tenantry_app, tenantry_operator', name
  );
END
$function$;

-- tenantry.memberships_of_actor()
CREATE OR REPLACE FUNCTION tenantry.memberships_of_actor()
 RETURNS TABLE(tenant_id uuid, slug text, name text, status text, role text, joined_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT t.id, t.slug, t.name, t.status, m.role, m.joined_at
  FROM tenantry.current_actor() acting
  JOIN public.memberships m ON acting.actor_type = 'user' AND m.user_id = acting.actor
  JOIN public.tenants t ON t.id = m.tenant_id
  ORDER BY m.joined_at, t.id
$function$;
GRANT EXECUTE ON FUNCTION tenantry.memberships_of_actor() TO tenantry_app;

-- tenantry.names_secret(text)
CREATE OR REPLACE FUNCTION tenantry.names_secret(column_name text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT column_name ~*
    'pass[_ -]?(word|wd|code|phrase|key)|pwd|secret(?!ar)|token|credential|hash(?!tag)|salt|(api|access|private|signing|encryption|session|recovery|backup)[_ -]?(key|code)'
$function$;

-- tenantry.next_version()
CREATE OR REPLACE FUNCTION tenantry.next_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  NEW.version := OLD.version;
  -- Compares the rows' bytes: not every type has an equality (json has none).
  IF NEW OPERATOR(pg_catalog.*<>) OLD THEN
    NEW.version := OLD.version + 1;
  END IF;
  RETURN NEW;
END
$function$;

-- tenantry.open_context(uuid,text,text,text,integer,boolean,bytea,bytea)
CREATE OR REPLACE FUNCTION tenantry.open_context(tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean, seal_front bytea, seal_back bytea)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
DECLARE
  state constant text := current_setting('TimeZone') || current_setting('DateStyle')
    || coalesce(current_setting('app.current_tenant', true), '');
  done text;
BEGIN
  IF state <> 'UTCISO, MDY' THEN
    IF current_setting('app.current_tenant', true) <> '' THEN
      RAISE EXCEPTION 'this transaction is already bound to a tenant' USING ERRCODE = '25001';
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
  IF tenantry.contexts_are_signed() THEN
    -- An assignment, because PERFORM would run a query; and one expression, because each costs.
    done := concat(
      set_config('app.current_tenant', tenant::text, true), set_config('app.current_actor', actor, true),
      set_config('app.current_actor_type', actor_type, true),
      set_config('app.current_request', coalesce(request_id, ''), true),
      set_config('statement_timeout', statement_timeout_ms::text, true),
      CASE WHEN read_only THEN set_config('transaction_read_only', 'on', true) END
    );
    RETURN set_config('app.context_seal', tenantry.seal(seal_front, seal_back), true);
  END IF;
  EXECUTE format(
    'SET LOCAL app.current_tenant = %L; SET LOCAL app.current_actor = %L; '
    'SET LOCAL app.current_actor_type = %L; SET LOCAL app.current_request = %L; SET LOCAL statement_timeout = %L',
    tenant, actor, actor_type, coalesce(request_id, ''), statement_timeout_ms
  );
  IF read_only THEN
    SET LOCAL transaction_read_only = on;
  END IF;
  RETURN NULL;
END
$function$;

-- tenantry.patiently(regclass[],text)
CREATE OR REPLACE PROCEDURE tenantry.patiently(IN targets regclass[], IN statements text)
 LANGUAGE plpgsql
AS $procedure$
DECLARE
  attempts constant integer := 60;
  target regclass;
BEGIN
  PERFORM set_config('lock_timeout', '10min', true);
  FOREACH target IN ARRAY targets LOOP
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', target);
  END LOOP;
  PERFORM set_config('lock_timeout', '200ms', true);
  FOR attempt IN 1..attempts LOOP
    BEGIN
      EXECUTE statements;
      RETURN;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      -- The locks of the attempt are given back here.
      IF attempt = attempts THEN
        RAISE EXCEPTION 'gave up after % attempts to lock %: look for a long transaction in pg_stat_activity',
          attempts, array_to_string(targets, ', ') USING ERRCODE = '55P03';
      END IF;
    END;
    PERFORM pg_sleep(least(0.1 * attempt, 5));
  END LOOP;
END
$procedure$;

-- tenantry.protect(regclass,text)
CREATE OR REPLACE FUNCTION tenantry.protect(target regclass, entity text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  table_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = target);
BEGIN
  PERFORM tenantry.isolate(target);
  PERFORM tenantry.audit(target, coalesce(entity, replace(initcap(replace(
    CASE WHEN table_name LIKE '%ies' THEN regexp_replace(table_name, 'ies$', 'y')
         ELSE regexp_replace(table_name, '([^s])s$', '\1') END,
    '_', ' ') COLLATE "C"), ' ', '')));
END
$function$;

-- tenantry.publish(regclass,name[])
CREATE OR REPLACE FUNCTION tenantry.publish(target regclass, VARIADIC parents name[] DEFAULT '{}'::name[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  entity constant text := (
    SELECT split_part(encode(tgargs, 'escape'), '\000', 1) FROM pg_trigger
    WHERE tgrelid = target AND tgfoid = 'tenantry.write_audit'::regproc
  );
  arguments text;
  column_name name;
BEGIN
  IF entity IS NULL OR NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = target AND polname = 'tenant_isolation') THEN
    RAISE EXCEPTION '% is not protected: SELECT tenantry.protect(%)', target, quote_literal(target::text)
      USING ERRCODE = '42P16';
  END IF;
  FOREACH column_name IN ARRAY ARRAY['tenant_id', 'id']::name[] || parents LOOP
    IF NOT EXISTS (
      SELECT FROM pg_attribute
      WHERE attrelid = target AND attname = column_name AND atttypid = 'uuid'::regtype AND NOT attisdropped
    ) THEN
      RAISE EXCEPTION '% has no column % of type uuid: nothing but ids is announced', target, column_name
        USING ERRCODE = '42P16';
    END IF;
  END LOOP;

  SELECT string_agg(quote_literal(argument), ', ' ORDER BY position) INTO arguments
  FROM unnest(entity || parents::text[]) WITH ORDINALITY AS each (argument, position);
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgname = 'publish') THEN
    EXECUTE format('DROP TRIGGER publish ON %s', target);
  END IF;
  EXECUTE format(
    'CREATE CONSTRAINT TRIGGER publish AFTER INSERT OR UPDATE OR DELETE ON %s '
    'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW '
    'WHEN (coalesce(current_setting(''app.current_tenant'', true), '''') <> '''') '
    'EXECUTE FUNCTION tenantry.announce_change(%s)', target, arguments
  );
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER publish_unbound AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW '
    'WHEN (coalesce(current_setting(''app.current_tenant'', true), '''') = '''') '
    'EXECUTE FUNCTION tenantry.announce_change(%s)', target, arguments
  );
END
$function$;

-- tenantry.record_audit(text,text,text,jsonb,jsonb)
CREATE OR REPLACE FUNCTION tenantry.record_audit(action text, entity text, entity_id text, old_value jsonb DEFAULT NULL::jsonb, new_value jsonb DEFAULT NULL::jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.record_audit(text,text,text,jsonb,jsonb) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.record_audit(text,text,text,jsonb,jsonb) TO tenantry_operator;

-- tenantry.refuse_change()
CREATE OR REPLACE FUNCTION tenantry.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '42501';
END
$function$;

-- tenantry.require_signature(text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.require_signature(message text, expires bigint, signature text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
  signing_key record;
  genuine boolean := false;
BEGIN
  IF NOT tenantry.contexts_are_signed() THEN
    RETURN false;
  END IF;
  FOR signing_key IN SELECT k.inner_pad, k.outer_pad FROM tenantry.context_keys k LOOP
    genuine := genuine OR coalesce(encode(sha256(
      signing_key.outer_pad || sha256(signing_key.inner_pad || convert_to(message, 'UTF8'))
    ), 'hex') = signature, false);
  END LOOP;
  IF genuine AND abs(expires - 60 - date_part('epoch', clock_timestamp())) <= 60 THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION '%', CASE
    WHEN signature IS NULL THEN 'this database takes signed contexts only'
    WHEN genuine THEN 'the signature has expired, or the clocks of server and database are a minute apart'
    ELSE 'the signature was not made with a key of this database, or for something else'
  END USING ERRCODE = '42501';
END
$function$;

-- tenantry.resolve_access(text,text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.resolve_access(tenant_ref text, member text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS TABLE(tenant_id uuid, slug text, status text, role text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  -- In a variable, which has the collation of the index.
  wanted constant text := lower(tenant_ref COLLATE "C");
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'resolve_access', expires, tenant_ref, member), expires, signature
  );
  RETURN QUERY
  SELECT t.id, t.slug, t.status, m.role
  FROM (
    SELECT id, slug, status FROM public.tenants WHERE slug = wanted
    UNION ALL
    SELECT id, slug, status FROM public.tenants
    WHERE id = CASE
      WHEN wanted ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN wanted::uuid
    END
  ) t
  LEFT JOIN public.memberships m ON m.tenant_id = t.id AND m.user_id = member;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.resolve_access(text,text,bigint,text) TO tenantry_app;

-- tenantry.resolve_api_key(text)
CREATE OR REPLACE FUNCTION tenantry.resolve_api_key(presented_hash text)
 RETURNS TABLE(api_key_id uuid, permissions text[], expires_at timestamp with time zone, created_by text, creator_role text, tenant_id uuid, slug text, status text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT k.id, k.permissions, k.expires_at, k.created_by, m.role, t.id, t.slug, t.status
  FROM public.api_keys k
  JOIN public.tenants t ON t.id = k.tenant_id
  JOIN public.memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.created_by
  WHERE k.key_hash = presented_hash
    AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
$function$;
GRANT EXECUTE ON FUNCTION tenantry.resolve_api_key(text) TO tenantry_app;

-- tenantry.revoke_api_keys_of_member()
CREATE OR REPLACE FUNCTION tenantry.revoke_api_keys_of_member()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.user_id = NEW.user_id THEN
      RETURN NULL;
    END IF;
  END IF;
  UPDATE public.api_keys SET revoked_at = clock_timestamp()
  WHERE tenant_id = OLD.tenant_id AND created_by = OLD.user_id AND revoked_at IS NULL;
  RETURN NULL;
END
$function$;

-- tenantry.revoke_context_key(text)
CREATE OR REPLACE FUNCTION tenantry.revoke_context_key(revoked text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  existed boolean;
BEGIN
  LOCK TABLE tenantry.context_keys IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM tenantry.context_keys WHERE fingerprint = revoked;
  existed := FOUND;
  IF NOT EXISTS (SELECT FROM tenantry.context_keys) THEN
    CREATE OR REPLACE FUNCTION tenantry.contexts_are_signed() RETURNS boolean
      LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN false;
  END IF;
  RETURN existed;
END
$function$;

-- tenantry.revoke_invitations_of_member()
CREATE OR REPLACE FUNCTION tenantry.revoke_invitations_of_member()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  ranks constant text[] := ARRAY['owner', 'admin', 'member', 'viewer'];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.user_id = NEW.user_id AND array_position(ranks, NEW.role) <= array_position(ranks, OLD.role) THEN
      RETURN NULL;
    END IF;
  END IF;
  UPDATE public.invitations SET revoked_at = clock_timestamp()
  WHERE tenant_id = OLD.tenant_id AND invited_by = OLD.user_id AND accepted_at IS NULL AND revoked_at IS NULL;
  RETURN NULL;
END
$function$;

-- tenantry.seal(bytea,bytea)
CREATE OR REPLACE FUNCTION tenantry.seal(front bytea, back bytea)
 RETURNS text
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
AS $function$
BEGIN
  RETURN encode(sha256(front || timestamptz_send(now()) || convert_to(
    current_setting('app.current_tenant', true) || E'\x1f' || current_setting('app.current_actor', true) || E'\x1f'
    || current_setting('app.current_actor_type', true) || E'\x1f' || current_setting('app.current_request', true),
    'UTF8'
  ) || back), 'hex');
END
$function$;

-- tenantry.uuid_v7()
CREATE OR REPLACE FUNCTION tenantry.uuid_v7()
 RETURNS uuid
 LANGUAGE sql
 PARALLEL SAFE
AS $function$
  SELECT (
    lpad(to_hex(clock.microseconds / 1000), 12, '0')
    -- 28672 is the version, 7, in the highest four of these sixteen bits.
    || to_hex(28672 + (clock.microseconds % 1000) * 4096 / 1000)
    -- A version 4 UUID already carries the right variant bits here.
    || right(replace(gen_random_uuid()::text, '-', ''), 16)
  )::uuid
  FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS clock (microseconds)
$function$;
GRANT EXECUTE ON FUNCTION tenantry.uuid_v7() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.uuid_v7() TO tenantry_operator;

-- tenantry.write_audit()
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

-- Tables ----------------------------------------------------------------------------------------------------------------

-- public._prisma_migrations
GRANT SELECT ON TABLE public._prisma_migrations TO tenantry_app;

-- public.api_keys
ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY resolve_api_key ON public.api_keys FOR SELECT TO tenantry_owner
  USING (true);
CREATE POLICY tenant_isolation ON public.api_keys FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER announce_api_key AFTER DELETE OR UPDATE OF tenant_id, id, key_hash, permissions, created_by, expires_at, revoked_at ON public.api_keys FOR EACH ROW EXECUTE FUNCTION tenantry.announce_api_key();
CREATE TRIGGER announce_new_api_key AFTER INSERT ON public.api_keys FOR EACH ROW EXECUTE FUNCTION tenantry.announce_api_key();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF tenant_id, id, name, prefix, key_hash, permissions, created_by, created_at, expires_at, revoked_at ON public.api_keys FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('ApiKey', 'api_key');
GRANT INSERT, SELECT ON TABLE public.api_keys TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.api_keys TO tenantry_operator;
GRANT UPDATE (last_used_at), UPDATE (revoked_at) ON TABLE public.api_keys TO tenantry_app;

-- public.audit_log
ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_writer ON public.audit_log FOR INSERT TO tenantry_owner
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON public.audit_log FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only_truncate;
GRANT SELECT ON TABLE public.audit_log TO tenantry_app;
GRANT SELECT ON TABLE public.audit_log TO tenantry_operator;

-- public.conversations
ALTER TABLE public.conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.conversations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON public.conversations FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.conversations FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Conversation', 'conversation');
CREATE TRIGGER next_version BEFORE UPDATE ON public.conversations FOR EACH ROW EXECUTE FUNCTION tenantry.next_version();
CREATE CONSTRAINT TRIGGER publish AFTER INSERT OR DELETE OR UPDATE ON public.conversations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((COALESCE(current_setting('app.current_tenant'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION tenantry.announce_change('Conversation');
CREATE TRIGGER publish_unbound AFTER INSERT OR DELETE OR UPDATE ON public.conversations FOR EACH ROW WHEN ((COALESCE(current_setting('app.current_tenant'::text, true), ''::text) = ''::text)) EXECUTE FUNCTION tenantry.announce_change('Conversation');
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.conversations TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.conversations TO tenantry_operator;

-- public.idempotency_keys
ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY actor_isolation ON public.idempotency_keys AS RESTRICTIVE FOR ALL TO tenantry_app
  USING (((expires_at <= now()) OR ((actor_type, actor) = ( SELECT acting.actor_type,
    acting.actor
   FROM tenantry.current_actor() acting(actor_type, actor)))))
  WITH CHECK (((actor_type, actor) = ( SELECT acting.actor_type,
    acting.actor
   FROM tenantry.current_actor() acting(actor_type, actor))));
CREATE POLICY tenant_isolation ON public.idempotency_keys FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.idempotency_keys TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.idempotency_keys TO tenantry_operator;

-- public.invitations
ALTER TABLE public.invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY accept_invitation ON public.invitations FOR SELECT TO tenantry_owner
  USING (true);
CREATE POLICY tenant_isolation ON public.invitations FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.invitations FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Invitation', 'invitation');
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.invitations TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.invitations TO tenantry_operator;

-- public.memberships
ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY resolve_access ON public.memberships FOR SELECT TO tenantry_owner
  USING (true);
CREATE POLICY tenant_isolation ON public.memberships FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER announce_access AFTER INSERT OR DELETE OR UPDATE ON public.memberships FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.memberships FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Membership', 'membership');
CREATE TRIGGER revoke_api_keys AFTER DELETE OR UPDATE OF user_id ON public.memberships FOR EACH ROW EXECUTE FUNCTION tenantry.revoke_api_keys_of_member();
CREATE TRIGGER revoke_invitations AFTER DELETE OR UPDATE OF role, user_id ON public.memberships FOR EACH ROW EXECUTE FUNCTION tenantry.revoke_invitations_of_member();
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.memberships TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.memberships TO tenantry_operator;

-- public.messages
ALTER TABLE public.messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON public.messages FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.messages FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Message', 'message');
CREATE CONSTRAINT TRIGGER publish AFTER INSERT OR DELETE OR UPDATE ON public.messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((COALESCE(current_setting('app.current_tenant'::text, true), ''::text) <> ''::text)) EXECUTE FUNCTION tenantry.announce_change('Message', 'conversation_id');
CREATE TRIGGER publish_unbound AFTER INSERT OR DELETE OR UPDATE ON public.messages FOR EACH ROW WHEN ((COALESCE(current_setting('app.current_tenant'::text, true), ''::text) = ''::text)) EXECUTE FUNCTION tenantry.announce_change('Message', 'conversation_id');
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.messages TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.messages TO tenantry_operator;

-- public.tenants
ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY resolve_access ON public.tenants FOR SELECT TO tenantry_owner
  USING (true);
CREATE POLICY tenant_isolation ON public.tenants FOR ALL TO PUBLIC
  USING ((id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER announce_access AFTER DELETE OR UPDATE OF status, slug ON public.tenants FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.tenants FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Tenant', 'tenant');
CREATE TRIGGER next_version BEFORE UPDATE ON public.tenants FOR EACH ROW EXECUTE FUNCTION tenantry.next_version();
GRANT SELECT ON TABLE public.tenants TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.tenants TO tenantry_operator;
GRANT UPDATE (billing_email), UPDATE (name), UPDATE (plan), UPDATE (settings), UPDATE (updated_at) ON TABLE public.tenants TO tenantry_app;

-- tenantry.context_keys
ALTER TABLE tenantry.context_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.context_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY signing ON tenantry.context_keys FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);

-- tenantry.listening
ALTER TABLE tenantry.listening ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.listening FORCE ROW LEVEL SECURITY;
CREATE POLICY listeners ON tenantry.listening FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);

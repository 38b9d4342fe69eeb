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
ALTER ROLE tenantry_app SET random_page_cost = '1.1';
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
 RETURNS TABLE(outcome text, membership_id uuid, role text, joined_at timestamp with time zone, tenant_id uuid, slug text, name text, status text, created_at timestamp with time zone, version integer)
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
    created_at := tenant.created_at;
    version := tenant.version;
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

-- tenantry.add_field_usage(uuid,bigint,text,bigint,text)
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
GRANT EXECUTE ON FUNCTION tenantry.add_field_usage(uuid,bigint,text,bigint,text) TO tenantry_app;

-- tenantry.add_tenant_usage(uuid,bigint,text,bigint,text)
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
GRANT EXECUTE ON FUNCTION tenantry.add_tenant_usage(uuid,bigint,text,bigint,text) TO tenantry_app;

-- tenantry.add_use(uuid,text,bigint)
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

-- tenantry.age_since(xid8)
CREATE OR REPLACE FUNCTION tenantry.age_since(since xid8)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  -- Transactions that are under way may have higher numbers.
  next constant numeric := pg_snapshot_xmax(pg_current_snapshot())::text::numeric;
BEGIN
  IF since::text::numeric NOT BETWEEN next - 2000000000 AND next + 1000000 THEN
    RAISE EXCEPTION 'the transaction % is too old, or of another database', since USING ERRCODE = '55000';
  END IF;
  RETURN age(since::xid);
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

-- tenantry.announce_impersonation()
CREATE OR REPLACE FUNCTION tenantry.announce_impersonation()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('tenantry_access', json_build_object('tenantId', OLD.tenant_id)::text);
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

-- tenantry.audit_database()
CREATE OR REPLACE FUNCTION tenantry.audit_database()
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT format('%s %s', (SELECT system_identifier FROM pg_control_system()), oid)
  FROM pg_database WHERE datname = current_database()
$function$;

-- tenantry.audit_values(text,jsonb,jsonb,integer[],text[])
CREATE OR REPLACE FUNCTION tenantry.audit_values(actor text, old_value jsonb, new_value jsonb, gone integer[], gone_paths text[])
 RETURNS TABLE(index integer, path text, side text, json_key text, printed text)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  WITH present AS (
    SELECT part, ordinality, path, side, json_key, printed,
      row_number() OVER (ORDER BY part, ordinality) AS rank
    FROM (
      SELECT 0 AS part, 0::bigint AS ordinality, 'actor' AS path, 'actor' AS side, NULL::text AS json_key,
        audit_values.actor AS printed
      UNION ALL
      SELECT sides.part, 0, sides.side, sides.side, NULL, sides.value::text
      FROM (VALUES (1, 'old', old_value), (2, 'new', new_value)) AS sides (part, side, value)
      WHERE jsonb_typeof(sides.value) <> 'object'
      UNION ALL
      SELECT sides.part, member.ordinality, sides.side || '.' || to_json(member.key)::text, sides.side, member.key,
        member.value::text
      FROM (VALUES (1, 'old', old_value), (2, 'new', new_value)) AS sides (part, side, value),
        jsonb_each(CASE jsonb_typeof(sides.value) WHEN 'object' THEN sides.value END)
          WITH ORDINALITY AS member (key, value, ordinality)
    ) AS each
    WHERE json_key IS NOT NULL OR path <> ALL (gone_paths)
  ), places AS (
    SELECT place, row_number() OVER (ORDER BY place) AS rank
    FROM generate_series(0, (SELECT count(*)::integer FROM present) + cardinality(gone) - 1) AS place
    WHERE place <> ALL (gone)
  )
  SELECT places.place, present.path, present.side, present.json_key, present.printed
  FROM present JOIN places USING (rank) ORDER BY places.place
$function$;

-- tenantry.audit_work(uuid,xid8,uuid[],bigint,text)
CREATE OR REPLACE FUNCTION tenantry.audit_work(server uuid, done xid8, failed uuid[], expires bigint, signature text, OUT leads boolean, OUT through xid8, OUT tenants uuid[], OUT since xid8[], OUT restored boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  lease constant interval := '6 seconds';
  own_database constant text := tenantry.audit_database();
  state record;
  sealed_below xid8;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'audit_work', expires, server, coalesce(done::text, ''), array_to_string(failed, ',')),
    expires, signature
  );
  SELECT s.holder, s.until, s.watermark, s.database INTO state FROM tenantry.audit_sealer s;
  IF NOT FOUND THEN
    INSERT INTO tenantry.audit_sealer DEFAULT VALUES ON CONFLICT DO NOTHING;
  END IF;
  leads := state.holder = server
    AND state.until BETWEEN clock_timestamp() + lease / 2 AND clock_timestamp() + lease;
  IF leads IS NOT TRUE THEN
    UPDATE tenantry.audit_sealer s SET holder = server, until = clock_timestamp() + lease
    WHERE s.holder IS NULL OR s.holder = server OR s.until IS NULL
      OR s.until NOT BETWEEN clock_timestamp() AND clock_timestamp() + lease
    RETURNING s.holder, s.until, s.watermark, s.database INTO state;
    leads := FOUND;
  END IF;
  IF NOT leads THEN
    RETURN;
  END IF;
  -- Numbers of another database, and those that were not assigned yet, say nothing of what is sealed.
  sealed_below := CASE
    WHEN state.database = own_database AND state.watermark <= pg_snapshot_xmin(pg_current_snapshot()) THEN state.watermark
  END;
  IF done IS NOT NULL THEN
    DELETE FROM tenantry.audit_behind b WHERE sealed_below IS NULL OR b.tenant_id <> ALL (failed);
    INSERT INTO tenantry.audit_behind (tenant_id, since)
    SELECT t.id, coalesce(sealed_below, '0') FROM public.tenants t WHERE t.id = ANY (failed)
      -- The row would come back behind the erasure, which could then not delete the tenant.
      AND NOT EXISTS (SELECT FROM tenantry.erasures e WHERE e.subject = t.id AND e.state = 'running')
    ON CONFLICT DO NOTHING;
    IF state.database IS DISTINCT FROM own_database OR state.watermark IS DISTINCT FROM done THEN
      UPDATE tenantry.audit_sealer s SET watermark = done, database = own_database WHERE s.holder = server;
      sealed_below := done;
      state.database := own_database;
    END IF;
  END IF;
  restored := state.database IS DISTINCT FROM own_database;
  IF sealed_below IS NULL THEN
    SELECT pg_snapshot_xmin(now_here), ARRAY(
      SELECT t.id FROM public.tenants t WHERE EXISTS (
        SELECT FROM public.audit_log e
        WHERE e.tenant_id = t.id
          AND NOT EXISTS (
            SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id
          )
      ) ORDER BY t.id
    ) INTO through, tenants FROM pg_current_snapshot() now_here;
    since := array_fill(NULL::xid8, ARRAY[cardinality(tenants)]);
  ELSE
    SELECT pg_snapshot_xmin(now_here), work.tenants, work.since INTO through, tenants, since
    FROM pg_current_snapshot() now_here, LATERAL (
      SELECT array_agg(each.tenant_id ORDER BY each.is_behind) AS tenants,
        array_agg(each.since ORDER BY each.is_behind) AS since
      FROM (
        SELECT DISTINCT e.tenant_id, sealed_below AS since, false AS is_behind FROM public.audit_log e
        WHERE e.tx >= sealed_below AND e.tx < pg_snapshot_xmin(now_here)
          AND NOT EXISTS (
            SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id
          )
          AND NOT EXISTS (SELECT FROM tenantry.audit_behind b WHERE b.tenant_id = e.tenant_id)
        UNION ALL
        SELECT b.tenant_id, nullif(b.since, '0'), true FROM tenantry.audit_behind b
      ) AS each
    ) AS work;
  END IF;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.audit_work(uuid,xid8,uuid[],bigint,text) TO tenantry_app;

-- tenantry.audited_prefixes()
CREATE OR REPLACE FUNCTION tenantry.audited_prefixes()
 RETURNS TABLE(prefix text)
 LANGUAGE sql
 STABLE
AS $function$
  SELECT DISTINCT arguments[2]
  FROM pg_catalog.pg_trigger, pg_catalog.string_to_array(pg_catalog.encode(tgargs, 'escape'), '\000') AS arguments
  WHERE tgfoid = 'tenantry.write_audit'::pg_catalog.regproc AND tgparentid = 0
$function$;
GRANT EXECUTE ON FUNCTION tenantry.audited_prefixes() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.audited_prefixes() TO tenantry_operator;

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

-- tenantry.begin_copy(uuid,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.begin_copy(tenant uuid, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'begin_copy', expires, tenant), expires, signature);
  IF NOT EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN
    RAISE EXCEPTION 'the tenant has no schema of its own' USING ERRCODE = '42501';
  END IF;
  PERFORM tenantry.note_copy(tenant, NULL);
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.begin_copy(uuid,bigint,text) TO tenantry_operator;

-- tenantry.begin_import()
CREATE OR REPLACE FUNCTION tenantry.begin_import()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
BEGIN
  IF (SELECT actor_type FROM tenantry.current_actor()) <> 'operator' THEN
    RAISE EXCEPTION 'only an operator imports a tenant' USING ERRCODE = '42501';
  END IF;
  IF EXISTS (SELECT FROM public.tenants t WHERE t.id = tenant) THEN
    RAISE EXCEPTION 'there is a tenant with this id' USING ERRCODE = '23505';
  END IF;
  PERFORM tenantry.begin_work(tenant);
  SET CONSTRAINTS ALL DEFERRED;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.begin_import() TO tenantry_operator;

-- tenantry.begin_work(uuid)
CREATE OR REPLACE FUNCTION tenantry.begin_work(tenant uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  INSERT INTO tenantry.life_work (subject) VALUES (tenant);
  PERFORM set_config('app.tenant_life', 'on', true);
END
$function$;

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
  IF tenantry.has_schemas() OR tenantry.is_fenced(tenant) THEN
    IF EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN
      RAISE EXCEPTION 'the tenant has a schema of its own' USING ERRCODE = 'TE004';
    END IF;
  END IF;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.bind(uuid,text,text,text,integer,boolean,bigint,text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.bind(uuid,text,text,text,integer,boolean,bigint,text) TO tenantry_operator;

-- tenantry.bind_placed(uuid,text,text,text,integer,boolean,bigint,text,text,text)
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
GRANT EXECUTE ON FUNCTION tenantry.bind_placed(uuid,text,text,text,integer,boolean,bigint,text,text,text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.bind_placed(uuid,text,text,text,integer,boolean,bigint,text,text,text) TO tenantry_operator;

-- tenantry.bound_schema()
CREATE OR REPLACE FUNCTION tenantry.bound_schema()
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT tenantry.schema_of(s.subject) FROM tenantry.schemas s
  WHERE s.subject = nullif(current_setting('app.current_tenant', true), '')::uuid
$function$;
GRANT EXECUTE ON FUNCTION tenantry.bound_schema() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.bound_schema() TO tenantry_operator;

-- tenantry.cancel_erasure()
CREATE OR REPLACE FUNCTION tenantry.cancel_erasure()
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  former text;
BEGIN
  DELETE FROM tenantry.erasures e WHERE e.subject = tenant AND e.state = 'requested' RETURNING e.former_status INTO former;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE public.tenants t SET status = former, updated_at = now() WHERE t.id = tenant AND t.status <> former;
  PERFORM tenantry.record_audit('tenant.erasure_cancelled', 'Tenant', tenant::text);
  RETURN true;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.cancel_erasure() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.cancel_erasure() TO tenantry_operator;

-- tenantry.cancel_job(uuid)
CREATE OR REPLACE FUNCTION tenantry.cancel_job(job uuid)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  held record;
BEGIN
  SELECT j.state, j.task INTO held FROM tenantry.jobs j
  WHERE j.tenant_id = tenant AND j.id = job AND j.state IN ('queued', 'running') FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE tenantry.jobs j SET state = 'cancelled', finished_at = clock_timestamp(), lease = NULL, leased_until = NULL
  WHERE j.tenant_id = tenant AND j.id = job;
  PERFORM tenantry.record_audit(
    'job.cancelled', 'Job', job::text, jsonb_build_object('task', held.task, 'state', held.state), NULL
  );
  RETURN held.state;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.cancel_job(uuid) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.cancel_job(uuid) TO tenantry_operator;

-- tenantry.candidates_of_conversations(text)
CREATE OR REPLACE FUNCTION tenantry.candidates_of_conversations(term text)
 RETURNS uuid[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN NULL::uuid[];
GRANT EXECUTE ON FUNCTION tenantry.candidates_of_conversations(text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.candidates_of_conversations(text) TO tenantry_operator;

-- tenantry.check_impersonation()
CREATE OR REPLACE FUNCTION tenantry.check_impersonation()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF tenantry.moves_tenant(OLD.tenant_id) THEN
    RETURN NEW;
  END IF;
  IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_at > clock_timestamp() + interval '1 minute' THEN
    RAISE EXCEPTION 'an impersonation can only be ended, once and now' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END
$function$;

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

-- tenantry.check_use(text,boolean)
CREATE OR REPLACE FUNCTION tenantry.check_use(counted text, repair boolean)
 RETURNS TABLE(used bigint, rows bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.check_use(text,boolean) TO tenantry_operator;

-- tenantry.claim_jobs(text,integer,text,text,text,integer,bigint,text)
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
GRANT EXECUTE ON FUNCTION tenantry.claim_jobs(text,integer,text,text,text,integer,bigint,text) TO tenantry_app;

-- tenantry.complete_job(uuid,uuid)
CREATE OR REPLACE FUNCTION tenantry.complete_job(job uuid, presented_lease uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
BEGIN
  UPDATE tenantry.jobs j SET state = 'succeeded', finished_at = clock_timestamp(), leased_until = NULL, last_error = NULL
  WHERE j.tenant_id = tenant AND j.id = job AND j.lease = presented_lease AND j.state = 'running';
  IF NOT FOUND AND NOT EXISTS (
    SELECT FROM tenantry.jobs j
    WHERE j.tenant_id = tenant AND j.id = job AND j.lease = presented_lease AND j.state = 'succeeded'
  ) THEN
    RAISE EXCEPTION 'the job is not this worker''s any more' USING ERRCODE = 'TJ001';
  END IF;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.complete_job(uuid,uuid) TO tenantry_app;

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

-- tenantry.copied_tables()
CREATE OR REPLACE FUNCTION tenantry.copied_tables()
 RETURNS SETOF oid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$ SELECT tenantry.copies_of(tenantry.current_tenant()) $function$;
GRANT EXECUTE ON FUNCTION tenantry.copied_tables() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.copied_tables() TO tenantry_operator;

-- tenantry.copies_of(uuid)
CREATE OR REPLACE FUNCTION tenantry.copies_of(tenant uuid)
 RETURNS SETOF oid
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT other.oid FROM pg_class own
  JOIN pg_class other ON other.relname = own.relname AND other.relkind = 'r' AND other.relnamespace = CASE
    WHEN EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant) THEN 'public'::regnamespace ELSE own.relnamespace
  END
  WHERE own.relnamespace = to_regnamespace(tenantry.schema_of(tenant)) AND own.relkind = 'r'
    AND EXISTS (SELECT FROM tenantry.schema_moves m WHERE m.subject = tenant)
$function$;

-- tenantry.count_added()
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

-- tenantry.count_changed()
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

-- tenantry.declared_tenancy(oid)
CREATE OR REPLACE FUNCTION tenantry.declared_tenancy(target oid)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT (regexp_match(obj_description(target, 'pg_class'), '(?:^|\n)\s*@tenancy (shared|derived|transient):[ \t]*\S'))[1]
$function$;
GRANT EXECUTE ON FUNCTION tenantry.declared_tenancy(oid) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.declared_tenancy(oid) TO tenantry_operator;

-- tenantry.derived_id(uuid,bytea)
CREATE OR REPLACE FUNCTION tenantry.derived_id(id uuid, key bytea)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT CASE WHEN key IS NULL THEN id ELSE encode(
    substr(uuid_send(id), 1, 8)
      || set_byte(substr(hash, 1, 8), 0, get_byte(hash, 0) & 63 | 128), 'hex'
  )::uuid END
  FROM (SELECT sha256(key || uuid_send(id)) AS hash) AS hashed
$function$;
GRANT EXECUTE ON FUNCTION tenantry.derived_id(uuid,bytea) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.derived_id(uuid,bytea) TO tenantry_operator;

-- tenantry.disguise(text,text,oid,text)
CREATE OR REPLACE FUNCTION tenantry.disguise(alias text, column_name text, of_type oid, key text)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT CASE
    WHEN of_type = 'uuid'::regtype THEN format('tenantry.derived_id(%s.%I, %s)', alias, column_name, key)
    WHEN of_type = 'bytea'::regtype THEN format('tenantry.disguised_bytes(%s.%I, %s)', alias, column_name, key)
    WHEN of_type IN ('json'::regtype, 'jsonb'::regtype) THEN
      format('tenantry.disguised_json(%s.%I::jsonb, %s)::%s', alias, column_name, key, of_type::regtype)
    WHEN of_type IN ('text[]'::regtype, 'varchar[]'::regtype) THEN format(
      'CASE WHEN %1$s.%2$I IS NOT NULL THEN ARRAY(SELECT tenantry.disguised(each.item, %3$s) '
      'FROM unnest(%1$s.%2$I) WITH ORDINALITY AS each (item, place) ORDER BY each.place) END',
      alias, column_name, key
    )
    WHEN of_type IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) THEN
      format('tenantry.disguised(%s.%I::text, %s)', alias, column_name, key)
    -- A secret of another type is left out.
    ELSE format('NULL::%s', of_type::regtype)
  END
$function$;

-- tenantry.disguise_of(oid,smallint)
CREATE OR REPLACE FUNCTION tenantry.disguise_of(target oid, attnum smallint)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT CASE
    WHEN declared.word = 'plain' THEN NULL
    WHEN declared.word = 'secret' OR tenantry.names_secret(a.attname) OR a.attname = ANY (tenantry.concealed(target::regclass))
      THEN 'secret'
    WHEN a.atttypid IN (
        'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'text[]'::regtype, 'varchar[]'::regtype, 'json'::regtype,
        'jsonb'::regtype, 'bytea'::regtype
      ) AND a.attname <> 'tenant_id' AND NOT EXISTS (
        SELECT FROM pg_constraint c
        WHERE c.conrelid = target AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum]
          AND pg_get_constraintdef(c.oid) LIKE '%= ANY (ARRAY[%'
      ) THEN 'text'
  END
  FROM pg_attribute a
  CROSS JOIN LATERAL (
    SELECT (regexp_match(col_description(target, a.attnum), '^\s*@tenancy (plain|secret):'))[1] AS word
  ) AS declared
  WHERE a.attrelid = target AND a.attnum = disguise_of.attnum
$function$;

-- tenantry.disguised(text,bytea)
CREATE OR REPLACE FUNCTION tenantry.disguised(value text, key bytea)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT CASE
    WHEN value ~ '^[^@\s]+@[^@\s]+$' THEN left(encode(hash, 'hex'), 16) || '@example.invalid'
    WHEN value ~ '^https?://' THEN 'https://' || left(encode(hash, 'hex'), 16) || '.example.invalid/'
    ELSE coalesce((
      SELECT string_agg(CASE
        WHEN code BETWEEN 48 AND 57 THEN chr(48 + random_byte % 10)
        WHEN code BETWEEN 97 AND 102 THEN chr(97 + random_byte % 6)
        WHEN code BETWEEN 103 AND 122 THEN chr(103 + random_byte % 20)
        WHEN code BETWEEN 65 AND 70 THEN chr(65 + random_byte % 6)
        WHEN code BETWEEN 71 AND 90 THEN chr(71 + random_byte % 20)
        WHEN code > 127 THEN 'x'
        ELSE chr(code)
      END, '' ORDER BY place)
      FROM (
        SELECT letters.place, ascii(letters.letter) AS code,
          get_byte(sha256(hash || int8send(letters.place / 32)), (letters.place % 32)::integer) AS random_byte
        FROM regexp_split_to_table(value, '') WITH ORDINALITY AS letters (letter, place) WHERE value <> ''
      ) AS each
    ), '')
  END
  FROM (SELECT sha256(key || convert_to(value, 'UTF8')) AS hash) AS hashed
$function$;
GRANT EXECUTE ON FUNCTION tenantry.disguised(text,bytea) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.disguised(text,bytea) TO tenantry_operator;

-- tenantry.disguised_bytes(bytea,bytea)
CREATE OR REPLACE FUNCTION tenantry.disguised_bytes(value bytea, key bytea)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT coalesce(substr(string_agg(sha256(key || value || int4send(block)), ''::bytea ORDER BY block), 1, octet_length(value)), '')
  FROM generate_series(0, octet_length(value) / 32) AS block
$function$;
GRANT EXECUTE ON FUNCTION tenantry.disguised_bytes(bytea,bytea) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.disguised_bytes(bytea,bytea) TO tenantry_operator;

-- tenantry.disguised_json(jsonb,bytea)
CREATE OR REPLACE FUNCTION tenantry.disguised_json(value jsonb, key bytea)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN CASE jsonb_typeof(value)
    WHEN 'string' THEN to_jsonb(tenantry.disguised(value #>> '{}', key))
    WHEN 'array' THEN coalesce((
      SELECT jsonb_agg(tenantry.disguised_json(each.item, key) ORDER BY each.place)
      FROM jsonb_array_elements(value) WITH ORDINALITY AS each (item, place)
    ), '[]')
    WHEN 'object' THEN coalesce((
      SELECT jsonb_object_agg(member.name, tenantry.disguised_json(member.item, key))
      FROM jsonb_each(value) AS member (name, item)
    ), '{}')
    ELSE value
  END;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.disguised_json(jsonb,bytea) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.disguised_json(jsonb,bytea) TO tenantry_operator;

-- tenantry.drop_audit(bigint,bytea,timestamp with time zone,text,bytea)
CREATE OR REPLACE FUNCTION tenantry.drop_audit(seal_number bigint, seal bytea, cut_at timestamp with time zone, key text, signature bytea)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  through record;
  earlier bigint;
  dropped bigint;
BEGIN
  IF (SELECT actor_type FROM tenantry.current_actor()) <> 'operator' THEN
    RAISE EXCEPTION 'only an operator drops entries of the audit log' USING ERRCODE = '42501';
  END IF;
  -- Whoever seals or redacts in this tenant waits.
  PERFORM FROM tenantry.audit_trees t WHERE t.tenant_id = tenant FOR UPDATE;
  SELECT s.size, s.sealed_at INTO through FROM tenantry.audit_seals s
  WHERE s.tenant_id = tenant AND s.number = seal_number;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the audit trail has no such seal' USING ERRCODE = '23503';
  END IF;
  -- What was dropped before is not looked at again.
  SELECT coalesce(max(c.size), 0) INTO earlier FROM tenantry.audit_cuts c WHERE c.tenant_id = tenant;
  INSERT INTO tenantry.audit_cuts (tenant_id, number, size, seal, cut_at, key, signature)
  VALUES (tenant, seal_number, through.size, seal, cut_at, key, signature);
  DELETE FROM tenantry.audit_redactions r USING tenantry.audit_leaves l
  WHERE r.tenant_id = tenant AND l.tenant_id = tenant AND l.entry_id = r.entry_id
    AND l.position >= earlier AND l.position < through.size;
  DELETE FROM public.audit_log e USING tenantry.audit_leaves l
  WHERE e.tenant_id = tenant AND l.tenant_id = tenant AND l.entry_id = e.id
    AND l.position >= earlier AND l.position < through.size;
  GET DIAGNOSTICS dropped = ROW_COUNT;
  UPDATE tenantry.audit_leaves l SET salts = ''
  WHERE l.tenant_id = tenant AND l.position >= earlier AND l.position < through.size AND l.salts <> '';
  PERFORM tenantry.record_audit(
    'audit_log.dropped', 'AuditLog', NULL, NULL,
    jsonb_build_object('seal', seal_number, 'sealed_through', through.sealed_at, 'entries', dropped)
  );
  RETURN dropped;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.drop_audit(bigint,bytea,timestamp with time zone,text,bytea) TO tenantry_operator;

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

-- tenantry.end_copy(uuid,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.end_copy(tenant uuid, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '1s'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.end_copy(uuid,bigint,text) TO tenantry_operator;

-- tenantry.end_work(uuid)
CREATE OR REPLACE FUNCTION tenantry.end_work(tenant uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  DELETE FROM tenantry.life_work w WHERE w.subject = tenant;
  PERFORM set_config('app.tenant_life', '', true);
END
$function$;

-- tenantry.enqueue(text,jsonb,timestamp with time zone,text,integer,text)
CREATE OR REPLACE FUNCTION tenantry.enqueue(task text, payload jsonb DEFAULT '{}'::jsonb, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, job_key text DEFAULT NULL::text, max_attempts integer DEFAULT NULL::integer, key_mode text DEFAULT NULL::text)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  due timestamptz := coalesce(enqueue.run_at, clock_timestamp());
  cause_type text;
  cause text;
  parent_id text;
  queued uuid;
BEGIN
  IF key_mode IS NOT NULL AND key_mode NOT IN ('replace', 'preserve_run_at') THEN
    RAISE EXCEPTION 'there is no key mode %', key_mode USING ERRCODE = '22023';
  END IF;
  IF octet_length(enqueue.payload::text) > 65536 THEN
    RAISE EXCEPTION 'the payload of a job has at most 65536 bytes' USING ERRCODE = '22023';
  END IF;
  SELECT acting.actor_type, acting.actor INTO cause_type, cause FROM tenantry.current_actor() acting;
  IF cause_type = 'job' THEN
    -- The actor of a job is task/id/cause.
    parent_id := split_part(cause, '/', 2);
    SELECT parent.actor_type, parent.actor INTO cause_type, cause FROM tenantry.jobs parent
    WHERE parent.tenant_id = tenant
      AND parent.id = CASE WHEN parent_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN parent_id::uuid END;
    IF NOT FOUND THEN
      cause_type := 'job';
      cause := current_setting('app.current_actor');
    END IF;
  END IF;
  INSERT INTO tenantry.jobs AS held (tenant_id, task, payload, key, run_at, max_attempts, actor_type, actor, request_id)
  VALUES (
    tenant, enqueue.task, coalesce(enqueue.payload, '{}'), job_key, due, coalesce(enqueue.max_attempts, 10),
    cause_type, cause, nullif(current_setting('app.current_request', true), '')
  )
  ON CONFLICT (tenant_id, task, key) WHERE state = 'queued' AND key IS NOT NULL DO UPDATE SET
    payload = excluded.payload,
    run_at = CASE WHEN key_mode = 'preserve_run_at' THEN held.run_at ELSE excluded.run_at END,
    attempt = 0, max_attempts = excluded.max_attempts, last_error = NULL,
    actor_type = excluded.actor_type, actor = excluded.actor, request_id = excluded.request_id
  RETURNING held.id, held.run_at INTO queued, due;
  PERFORM tenantry.wake_jobs(tenant, due);
  RETURN queued;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.enqueue(text,jsonb,timestamp with time zone,text,integer,text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.enqueue(text,jsonb,timestamp with time zone,text,integer,text) TO tenantry_operator;

-- tenantry.enters(uuid)
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

-- tenantry.erase_circle(uuid,oid[],bigint,text)
CREATE OR REPLACE FUNCTION tenantry.erase_circle(erasure uuid, targets oid[], expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.open_erasure(erasure, expires, signature);
  parts text;
  counts text;
  erased bigint;
BEGIN
  SELECT string_agg(format(
      'e%s AS (DELETE FROM %s AS t WHERE %s RETURNING 1)', each.place, tenantry.only_rows(each.target),
      tenantry.walked_condition(each.target)
    ), ', ' ORDER BY each.place),
    string_agg(format('(SELECT count(*) FROM e%s)', each.place), ' + ' ORDER BY each.place)
  INTO parts, counts FROM unnest(targets) WITH ORDINALITY AS each (target, place);
  EXECUTE format('WITH %s SELECT %s', parts, counts) INTO erased USING tenant;
  PERFORM tenantry.end_work(tenant);
  RETURN erased;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.erase_circle(uuid,oid[],bigint,text) TO tenantry_operator;

-- tenantry.erase_person(text,text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.erase_person(person text, address text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  acting constant text := (SELECT actor FROM tenantry.current_actor());
  stand_in constant text := 'erased-' || left(replace(gen_random_uuid()::text, '-', ''), 16);
  addresses text[];
  counts jsonb := '{}';
  changed jsonb := '[]';
  remaining jsonb := '[]';
  found_rows bigint;
  each record;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'erase_person', expires, tenant, acting, coalesce(person, ''), coalesce(address, '')),
    expires, signature
  );
  -- One change of members at a time.
  PERFORM FROM public.tenants t WHERE t.id = tenant FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = tenant AND m.user_id = person AND m.role = 'owner')
    AND NOT EXISTS (SELECT FROM public.memberships m WHERE m.tenant_id = tenant AND m.user_id <> person AND m.role = 'owner')
  THEN
    RAISE EXCEPTION 'the person is the only owner' USING ERRCODE = 'TE002';
  END IF;
  addresses := ARRAY(
    SELECT lower(m.email) FROM public.memberships m WHERE m.tenant_id = tenant AND m.user_id = person
    UNION SELECT lower(i.email) FROM public.invitations i WHERE i.tenant_id = tenant AND i.accepted_by = person
    UNION SELECT lower(address) WHERE address IS NOT NULL
  );
  DELETE FROM public.memberships m
  WHERE m.tenant_id = tenant AND (m.user_id = person OR person IS NULL AND lower(m.email) = ANY (addresses));
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  counts := counts || jsonb_build_object('memberships', found_rows);
  DELETE FROM public.invitations i
  WHERE i.tenant_id = tenant AND (i.accepted_by = person OR i.email = ANY (addresses));
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  counts := counts || jsonb_build_object('invitations', found_rows);
  DELETE FROM public.tenant_exports x WHERE x.tenant_id = tenant;
  GET DIAGNOSTICS found_rows = ROW_COUNT;
  counts := counts || jsonb_build_object('exports', found_rows);
  -- Kept results are copies of what was answered.
  DELETE FROM public.idempotency_keys k WHERE k.tenant_id = tenant AND (
    k.actor = person OR strpos(lower(k.result::text), lower(person)) > 0
    OR EXISTS (SELECT FROM unnest(addresses) AS known (address) WHERE strpos(lower(k.result::text), known.address) > 0)
  );

  FOR each IN
    SELECT w.schema_name, w.table_name, w.condition, tenantry.only_rows(w.target) AS rows_of_table, a.attname
    FROM tenantry.tenant_tables() w JOIN pg_attribute a ON a.attrelid = w.target
    WHERE w.kind IS DISTINCT FROM 'derived' AND w.problem IS NULL
      AND NOT (w.schema_name = 'public' AND w.table_name IN ('audit_log', 'tenants'))
      AND NOT (w.schema_name = 'tenantry' AND w.table_name LIKE 'audit%')
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)
    ORDER BY w.schema_name, w.table_name, a.attnum
  LOOP
    EXECUTE format(
      'UPDATE %1$s AS t SET %2$I = CASE WHEN t.%2$I = $2 THEN $4 ELSE $4 || ''@example.invalid'' END '
      'WHERE %3$s AND (t.%2$I = $2 OR lower(t.%2$I) = ANY ($3))',
      each.rows_of_table, each.attname, each.condition
    ) USING tenant, person, addresses, stand_in;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    IF found_rows > 0 THEN
      changed := changed || jsonb_build_object(
        'table', each.schema_name || '.' || each.table_name, 'column', each.attname, 'rows', found_rows
      );
    END IF;
  END LOOP;

  FOR each IN
    SELECT w.schema_name, w.table_name, w.condition, tenantry.only_rows(w.target) AS rows_of_table
    FROM tenantry.tenant_tables() w
    WHERE w.kind IS DISTINCT FROM 'derived' AND w.problem IS NULL
      AND NOT (w.schema_name = 'public' AND w.table_name = 'audit_log')
      AND NOT (w.schema_name = 'tenantry' AND w.table_name LIKE 'audit%')
    ORDER BY w.schema_name, w.table_name
  LOOP
    EXECUTE format(
      'SELECT count(*) FROM %s AS t WHERE %s AND EXISTS ('
        'SELECT FROM unnest($2) AS known (text) WHERE strpos(lower(t::text), known.text) > 0'
      ')', each.rows_of_table, each.condition
    ) INTO found_rows USING tenant, array_remove(addresses || lower(person), NULL);
    IF found_rows > 0 THEN
      remaining := remaining || jsonb_build_object('table', each.schema_name || '.' || each.table_name, 'rows', found_rows);
    END IF;
  END LOOP;

  counts := counts || jsonb_build_object('changed', changed, 'remaining', remaining);
  PERFORM tenantry.record_audit('person.erased', 'Tenant', tenant::text, NULL, counts);
  RETURN counts || jsonb_build_object('addresses', addresses);
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.erase_person(text,text,bigint,text) TO tenantry_app;

-- tenantry.erase_rows(uuid,oid,integer,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.erase_rows(erasure uuid, target oid, most integer, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.open_erasure(erasure, expires, signature);
  condition constant text := tenantry.walked_condition(target);
  rows_of_table constant text := tenantry.only_rows(target);
  children constant text := tenantry.own_children(target);
  erased bigint;
BEGIN
  EXECUTE format(
    'DELETE FROM %1$s AS d USING (SELECT t.tableoid, t.ctid FROM %1$s AS t WHERE %2$s %3$s LIMIT %4$s) AS doomed '
    'WHERE d.tableoid = doomed.tableoid AND d.ctid = doomed.ctid',
    rows_of_table, condition,
    CASE WHEN children IS NULL THEN '' ELSE format(
      'AND NOT EXISTS (SELECT FROM %s AS child WHERE (%s) AND child.ctid <> t.ctid)', rows_of_table, children
    ) END,
    most
  ) USING tenant;
  GET DIAGNOSTICS erased = ROW_COUNT;
  IF erased = 0 AND children IS NOT NULL THEN
    EXECUTE format('DELETE FROM %s AS t WHERE %s', rows_of_table, condition) USING tenant;
    GET DIAGNOSTICS erased = ROW_COUNT;
  END IF;
  PERFORM tenantry.end_work(tenant);
  RETURN erased;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.erase_rows(uuid,oid,integer,bigint,text) TO tenantry_operator;

-- tenantry.erase_schema(uuid,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.erase_schema(erasure uuid, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '1s'
AS $function$
DECLARE
  tenant constant uuid := tenantry.open_erasure(erasure, expires, signature);
BEGIN
  PERFORM tenantry.remove_schema(tenant);
  PERFORM tenantry.end_work(tenant);
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.erase_schema(uuid,bigint,text) TO tenantry_operator;

-- tenantry.extend_leases(text,integer)
CREATE OR REPLACE FUNCTION tenantry.extend_leases(leases text, lease_ms integer)
 RETURNS TABLE(lost uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  own record;
  held record;
BEGIN
  FOR own IN
    SELECT (each ->> 0)::uuid AS tenant, (each ->> 1)::uuid AS job, (each ->> 2)::uuid AS lease
    FROM jsonb_array_elements(leases::jsonb) AS each ORDER BY 1, 2
  LOOP
    -- As in claim_jobs: the owners of a tenant that waits for its erasure may take its data.
    SELECT t.status <> 'active' AND NOT (j.task = 'tenant-export.write' AND EXISTS (
      SELECT FROM tenantry.erasures e WHERE e.subject = t.id AND e.state = 'requested'
    )) AS is_suspended INTO held
    FROM tenantry.jobs j JOIN public.tenants t ON t.id = j.tenant_id
    WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'running'
    FOR UPDATE OF j SKIP LOCKED;
    IF held.is_suspended THEN
      PERFORM tenantry.put_back(own.tenant, own.job, clock_timestamp(), NULL, false);
    ELSIF FOUND THEN
      UPDATE tenantry.jobs j SET leased_until = clock_timestamp() + least(lease_ms, 60000) * interval '1 millisecond'
      WHERE j.tenant_id = own.tenant AND j.id = own.job;
    END IF;
    IF NOT EXISTS (
      SELECT FROM tenantry.jobs j
      WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state IN ('running', 'succeeded')
    ) THEN
      lost := own.job;
      RETURN NEXT;
    END IF;
  END LOOP;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.extend_leases(text,integer) TO tenantry_app;

-- tenantry.fail_job(uuid,uuid,text,bigint)
CREATE OR REPLACE FUNCTION tenantry.fail_job(job uuid, presented_lease uuid, reason text, retry_ms bigint)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  failed record;
BEGIN
  SELECT j.attempt < j.max_attempts AS has_more INTO failed FROM tenantry.jobs j
  WHERE j.tenant_id = tenant AND j.id = job AND j.lease = presented_lease AND j.state = 'running' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  RETURN tenantry.put_back(
    tenant, job, CASE WHEN failed.has_more THEN clock_timestamp() + retry_ms * interval '1 millisecond' END, reason, true
  );
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.fail_job(uuid,uuid,text,bigint) TO tenantry_app;

-- tenantry.fence_tenant(uuid,text,text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.fence_tenant(tenant uuid, new_state text, cell text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.fence_tenant(uuid,text,text,bigint,text) TO tenantry_operator;

-- tenantry.finish_arrival(xid8,oid[])
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
GRANT EXECUTE ON FUNCTION tenantry.finish_arrival(xid8,oid[]) TO tenantry_operator;

-- tenantry.finish_erasure(uuid,text,text,bytea)
CREATE OR REPLACE FUNCTION tenantry.finish_erasure(erasure uuid, certificate text, key text, seal bytea)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  LOCK TABLE tenantry.erasures IN SHARE ROW EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM tenantry.erasures e JOIN public.tenants t ON t.id = e.subject WHERE e.id = erasure) THEN
    RAISE EXCEPTION 'the tenant is not erased yet' USING ERRCODE = '42501';
  END IF;
  DELETE FROM tenantry.erasures e WHERE e.id = erasure AND e.state = 'running';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such erasure' USING ERRCODE = '42501';
  END IF;
  INSERT INTO tenantry.erasure_certificates (id, certificate, key, signature)
  VALUES (erasure, finish_erasure.certificate, finish_erasure.key, seal);
  PERFORM tenantry.set_fence();
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.finish_erasure(uuid,text,text,bytea) TO tenantry_operator;

-- tenantry.finish_import(oid[],bigint[])
CREATE OR REPLACE FUNCTION tenantry.finish_import(targets oid[], rows bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_import();
  each record;
  own bigint;
BEGIN
  FOR each IN SELECT * FROM unnest(targets, rows) AS given (target, expected) LOOP
    EXECUTE format(
      'SELECT count(*) FROM %s AS t WHERE %s', tenantry.only_rows(each.target), tenantry.walked_condition(each.target)
    ) INTO own USING tenant;
    IF own <> each.expected THEN
      RAISE EXCEPTION 'a row of % is not the tenant''s', each.target::regclass USING ERRCODE = '42501';
    END IF;
  END LOOP;
  UPDATE public.audit_log e SET tx = pg_current_xact_id()
  WHERE e.tenant_id = tenant AND NOT EXISTS (
    SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = tenant AND l.entry_id = e.id
  );
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM tenantry.end_work(tenant);
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.finish_import(oid[],bigint[]) TO tenantry_operator;

-- tenantry.finish_jobs(text)
CREATE OR REPLACE FUNCTION tenantry.finish_jobs(leases text)
 RETURNS TABLE(lost uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  own record;
BEGIN
  FOR own IN
    SELECT (each ->> 0)::uuid AS tenant, (each ->> 1)::uuid AS job, (each ->> 2)::uuid AS lease
    FROM jsonb_array_elements(leases::jsonb) AS each ORDER BY 1, 2
  LOOP
    UPDATE tenantry.jobs j SET state = 'succeeded', finished_at = clock_timestamp(), leased_until = NULL, last_error = NULL
    WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'running';
    IF NOT FOUND AND NOT EXISTS (
      SELECT FROM tenantry.jobs j
      WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'succeeded'
    ) THEN
      lost := own.job;
      RETURN NEXT;
    END IF;
  END LOOP;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.finish_jobs(text) TO tenantry_app;

-- tenantry.folded(text)
CREATE OR REPLACE FUNCTION tenantry.folded(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN lower((value COLLATE pg_c_utf8));
GRANT EXECUTE ON FUNCTION tenantry.folded(text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.folded(text) TO tenantry_operator;

-- tenantry.give_back(uuid,text,bigint)
CREATE OR REPLACE FUNCTION tenantry.give_back(tenant uuid, counted text, removed bigint)
 RETURNS void
 LANGUAGE sql
AS $function$
  UPDATE tenantry.resource_usage SET used = greatest(used - removed, 0) WHERE tenant_id = tenant AND resource = counted
$function$;

-- tenantry.has_schemas()
CREATE OR REPLACE FUNCTION tenantry.has_schemas()
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN false;

-- tenantry.import_rows(oid,text[],text[],bytea,text)
CREATE OR REPLACE FUNCTION tenantry.import_rows(target oid, columns text[], lines text[], key bytea, slug text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_import();
  inserted bigint;
BEGIN
  PERFORM tenantry.walked_condition(target);
  EXECUTE format(
    'WITH fresh AS (%s) SELECT count(*) FROM fresh',
    tenantry.insert_lines(target, columns, 'SELECT * FROM unnest($2) WITH ORDINALITY', key IS NOT NULL)
  ) INTO inserted USING tenant, lines, key, slug;
  RETURN inserted;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.import_rows(oid,text[],text[],bytea,text) TO tenantry_operator;

-- tenantry.import_staged(oid[],jsonb,bytea,text)
CREATE OR REPLACE FUNCTION tenantry.import_staged(targets oid[], columns jsonb, key bytea, slug text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_import();
  parts text;
  counts text;
  inserted bigint;
BEGIN
  PERFORM tenantry.walked_condition(each.target) FROM unnest(targets) AS each (target);
  SELECT string_agg(format('f%s AS (%s)', each.place, tenantry.insert_lines(
      each.target, ARRAY(SELECT jsonb_array_elements_text(columns -> (each.place - 1)::integer)),
      format('SELECT w.line, w.place FROM tenantry.life_lines w WHERE w.subject = $1 AND w.target = %s', each.target),
      key IS NOT NULL
    )), ', ' ORDER BY each.place),
    string_agg(format('(SELECT count(*) FROM f%s)', each.place), ' + ' ORDER BY each.place)
  INTO parts, counts FROM unnest(targets) WITH ORDINALITY AS each (target, place);
  EXECUTE format('WITH %s SELECT %s', parts, counts) INTO inserted USING tenant, NULL::text[], key, slug;
  DELETE FROM tenantry.life_lines w WHERE w.subject = tenant AND w.target = ANY (targets);
  RETURN inserted;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.import_staged(oid[],jsonb,bytea,text) TO tenantry_operator;

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
      IF tenantry.is_placed(tenant) OR start !~ '[[:alnum:]]{3}' THEN
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

-- tenantry.insert_lines(oid,text[],text,boolean)
CREATE OR REPLACE FUNCTION tenantry.insert_lines(target oid, columns text[], source text, new_ids boolean)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT format(
    'INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM (%4$s) AS each (line, place), '
    'json_populate_record(NULL::%1$s, each.line::json) AS r ORDER BY each.place RETURNING 1',
    target::regclass,
    string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
    string_agg(CASE
      WHEN insert_lines.target = 'public.tenants'::regclass AND a.attname = 'slug' THEN 'coalesce($4, r.slug)'
      WHEN NOT new_ids THEN format('r.%I', a.attname)
      WHEN a.attname = 'tenant_id' AND a.atttypid <> 'uuid'::regtype THEN 'tenantry.derived_id(r.tenant_id::uuid, $3)::text'
      WHEN tenantry.disguise_of(a.attrelid, a.attnum) = 'secret' THEN tenantry.disguise('r', a.attname, a.atttypid, '$3')
      WHEN a.atttypid = 'uuid'::regtype THEN format('tenantry.derived_id(r.%I, $3)', a.attname)
      WHEN a.atttypid = 'uuid[]'::regtype THEN format(
        'CASE WHEN r.%1$I IS NOT NULL THEN ARRAY(SELECT tenantry.derived_id(each.item, $3) '
        'FROM unnest(r.%1$I) WITH ORDINALITY AS each (item, place) ORDER BY each.place) END', a.attname
      )
      ELSE format('r.%I', a.attname)
    END, ', ' ORDER BY a.attnum),
    source
  )
  FROM pg_attribute a
  WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY (columns) AND a.attgenerated = ''
$function$;

-- tenantry.inserted_audit_entry()
CREATE OR REPLACE FUNCTION tenantry.inserted_audit_entry()
 RETURNS uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT e.id
  FROM tenantry.audit_sealer s
  JOIN public.audit_log e ON e.tenant_id = tenantry.current_tenant()
  LEFT JOIN tenantry.audit_behind b ON b.tenant_id = tenantry.current_tenant()
  WHERE s.database = tenantry.audit_database() AND s.watermark <= pg_snapshot_xmin(pg_current_snapshot())
    AND b.since IS DISTINCT FROM '0'
    AND (e.tx IS NULL OR e.tx < coalesce(b.since, s.watermark) OR e.tx >= pg_snapshot_xmax(pg_current_snapshot()))
    AND NOT EXISTS (
      SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = tenantry.current_tenant() AND l.entry_id = e.id
    )
  ORDER BY e.id LIMIT 1
$function$;
GRANT EXECUTE ON FUNCTION tenantry.inserted_audit_entry() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.inserted_audit_entry() TO tenantry_operator;

-- tenantry.is_copy(oid)
CREATE OR REPLACE FUNCTION tenantry.is_copy(target oid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF coalesce(current_setting('app.tenant_life', true), '') = '' THEN
    RETURN false;
  END IF;
  RETURN EXISTS (
    SELECT FROM tenantry.schema_moves m WHERE m.tx = pg_current_xact_id_if_assigned() AND target = ANY (m.targets)
  );
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.is_copy(oid) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.is_copy(oid) TO tenantry_operator;

-- tenantry.is_dropped(uuid,uuid)
CREATE OR REPLACE FUNCTION tenantry.is_dropped(tenant uuid, entry uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT EXISTS (
    SELECT FROM tenantry.audit_cuts c
    JOIN tenantry.audit_leaves l ON l.tenant_id = c.tenant_id AND l.position < c.size
    WHERE c.tenant_id = tenant AND c.tx = pg_current_xact_id() AND l.entry_id = entry
  )
$function$;

-- tenantry.is_fenced(uuid)
CREATE OR REPLACE FUNCTION tenantry.is_fenced(tenant uuid)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN false;

-- tenantry.is_placed(uuid)
CREATE OR REPLACE FUNCTION tenantry.is_placed(tenant uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF tenantry.has_schemas() THEN
    RETURN EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = tenant);
  END IF;
  RETURN false;
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

-- tenantry.is_redaction(jsonb,jsonb,text[],uuid,uuid)
CREATE OR REPLACE FUNCTION tenantry.is_redaction(before jsonb, after jsonb, erasable text[], tenant uuid, entry uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT before - erasable = after - erasable AND EXISTS (
    SELECT FROM tenantry.audit_redactions r
    WHERE r.tenant_id = tenant AND r.entry_id = entry AND r.tx = pg_current_xact_id()
  )
$function$;

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

-- tenantry.job_statistics()
CREATE OR REPLACE FUNCTION tenantry.job_statistics()
 RETURNS TABLE(task text, ready bigint, scheduled bigint, running bigint, dead bigint, oldest_ready_seconds double precision)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT j.task,
    count(*) FILTER (WHERE j.state = 'queued' AND j.run_at <= clock_timestamp()),
    count(*) FILTER (WHERE j.state = 'queued' AND j.run_at > clock_timestamp()),
    count(*) FILTER (WHERE j.state = 'running'),
    count(*) FILTER (WHERE j.state = 'dead'),
    coalesce(extract(epoch FROM clock_timestamp() - min(j.run_at) FILTER (WHERE j.state = 'queued' AND j.run_at <= clock_timestamp())), 0)::double precision
  FROM (
    SELECT q.task, q.state, q.run_at FROM tenantry.jobs q WHERE q.state = 'queued'
    UNION ALL SELECT r.task, r.state, r.run_at FROM tenantry.jobs r WHERE r.state = 'running'
    UNION ALL SELECT d.task, d.state, d.run_at FROM tenantry.jobs d WHERE d.state = 'dead'
  ) AS j
  GROUP BY j.task
$function$;
GRANT EXECUTE ON FUNCTION tenantry.job_statistics() TO tenantry_app;

-- tenantry.keep_trail(uuid,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.keep_trail(erasure uuid, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.open_erasure(erasure, expires, signature);
BEGIN
  INSERT INTO tenantry.erased_trails (certificate, position, created_at, actor_type, action, entity, leaf)
  SELECT erasure, l.position, e.created_at, e.actor_type, e.action, e.entity, l.leaf
  FROM tenantry.audit_leaves l JOIN public.audit_log e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
  WHERE l.tenant_id = tenant
  ON CONFLICT DO NOTHING;
  PERFORM tenantry.end_work(tenant);
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.keep_trail(uuid,bigint,text) TO tenantry_operator;

-- tenantry.key_buckets(oid,integer)
CREATE OR REPLACE FUNCTION tenantry.key_buckets(target oid, mask integer)
 RETURNS TABLE(bucket integer, digest text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT (h & $2)::integer, count(*) || '' '' || sum(h) FROM (SELECT %s AS h FROM %s AS t WHERE %s) AS each GROUP BY 1',
    tenantry.key_hash(target), tenantry.only_rows(target), tenantry.walked_condition(target)
  ) USING tenantry.current_tenant(), mask;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.key_buckets(oid,integer) TO tenantry_operator;

-- tenantry.key_columns(oid)
CREATE OR REPLACE FUNCTION tenantry.key_columns(target oid)
 RETURNS name[]
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.key_columns(oid) TO tenantry_operator;

-- tenantry.key_hash(oid)
CREATE OR REPLACE FUNCTION tenantry.key_hash(target oid)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT format('hashtextextended(ROW(%s)::text COLLATE "C", 0)', string_agg(format('t.%I', key), ', '))
  FROM unnest(tenantry.key_columns(target)) AS key
$function$;

-- tenantry.keys_in(oid,integer,integer[])
CREATE OR REPLACE FUNCTION tenantry.keys_in(target oid, mask integer, buckets integer[])
 RETURNS TABLE(line text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT row_to_json(r)::text FROM (SELECT %s FROM %s AS t WHERE %s AND (%s & $2)::integer = ANY ($3)) AS r',
    (SELECT string_agg(format('t.%I', key), ', ') FROM unnest(tenantry.key_columns(target)) AS key),
    tenantry.only_rows(target), tenantry.walked_condition(target), tenantry.key_hash(target)
  ) USING tenantry.current_tenant(), mask, buckets;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.keys_in(oid,integer,integer[]) TO tenantry_operator;

-- tenantry.limit_rows(regclass,text,name)
CREATE OR REPLACE FUNCTION tenantry.limit_rows(target regclass, resource text, unless_set name DEFAULT NULL::name)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
$function$;

-- tenantry.limited_resources()
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
GRANT EXECUTE ON FUNCTION tenantry.limited_resources() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.limited_resources() TO tenantry_operator;

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
 RETURNS TABLE(membership_id uuid, role text, joined_at timestamp with time zone, tenant_id uuid, slug text, name text, status text, created_at timestamp with time zone, version integer)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT m.id, m.role, m.joined_at, t.id, t.slug, t.name, t.status, t.created_at, t.version
  FROM tenantry.current_actor() acting
  JOIN public.memberships m ON acting.actor_type = 'user' AND m.user_id = acting.actor
  JOIN public.tenants t ON t.id = m.tenant_id
  ORDER BY m.joined_at, t.id
$function$;
GRANT EXECUTE ON FUNCTION tenantry.memberships_of_actor() TO tenantry_app;

-- tenantry.merge_lines(oid,text[],text)
CREATE OR REPLACE FUNCTION tenantry.merge_lines(target oid, columns text[], source text)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

-- tenantry.merge_rows(oid,text[],text[])
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
GRANT EXECUTE ON FUNCTION tenantry.merge_rows(oid,text[],text[]) TO tenantry_operator;

-- tenantry.merge_staged(oid[],jsonb)
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
GRANT EXECUTE ON FUNCTION tenantry.merge_staged(oid[],jsonb) TO tenantry_operator;

-- tenantry.moves_tenant(uuid)
CREATE OR REPLACE FUNCTION tenantry.moves_tenant(tenant uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF coalesce(current_setting('app.tenant_life', true), '') = '' THEN
    RETURN false;
  END IF;
  RETURN EXISTS (
    SELECT FROM tenantry.life_work w WHERE w.subject = tenant AND w.tx = pg_current_xact_id_if_assigned()
  );
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.moves_tenant(uuid) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.moves_tenant(uuid) TO tenantry_operator;

-- tenantry.names_person(jsonb,text)
CREATE OR REPLACE FUNCTION tenantry.names_person(value jsonb, person text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT strpos(value::text, to_json(person)::text) > 0 AND (
    jsonb_path_exists(value, '$.** ? (@ == $person)', jsonb_build_object('person', person))
    OR jsonb_path_exists(
      value, '$.** ? (@.type() == "object").keyvalue() ? (@.key == $person)', jsonb_build_object('person', person)
    )
  )
$function$;

-- tenantry.names_secret(text)
CREATE OR REPLACE FUNCTION tenantry.names_secret(column_name text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  SELECT column_name ~*
    'pass[_ -]?(word|wd|code|phrase|key)|pwd|secret(?!ar)|token|credential|hash(?!tag)|salt|(api|access|private|signing|encryption|session|recovery|backup)[_ -]?(key|code)'
$function$;

-- tenantry.next_jobs(uuid,jsonb,timestamp with time zone)
CREATE OR REPLACE FUNCTION tenantry.next_jobs(tenant uuid, tasks jsonb, moment timestamp with time zone, OUT next_at timestamp with time zone, OUT waits_for text[])
 RETURNS record
 LANGUAGE sql
 STABLE
AS $function$
  WITH RECURSIVE queued (task) AS (
    (SELECT j.task FROM tenantry.jobs j WHERE j.tenant_id = tenant AND j.state = 'queued' ORDER BY j.task LIMIT 1)
    UNION ALL
    SELECT (
      SELECT j.task FROM tenantry.jobs j
      WHERE j.tenant_id = tenant AND j.state = 'queued' AND j.task > queued.task ORDER BY j.task LIMIT 1
    ) FROM queued WHERE queued.task IS NOT NULL
  ), earliest AS (
    SELECT queued.task, (
      SELECT j.run_at FROM tenantry.jobs j
      WHERE j.tenant_id = tenant AND j.state = 'queued' AND j.task = queued.task ORDER BY j.run_at LIMIT 1
    ) AS due FROM queued WHERE queued.task IS NOT NULL
  )
  SELECT
    coalesce(min(earliest.due) FILTER (WHERE tasks ? earliest.task OR earliest.due > moment), 'infinity'),
    array_agg(earliest.task) FILTER (WHERE NOT tasks ? earliest.task AND earliest.due <= moment)
  FROM earliest
$function$;

-- tenantry.next_version()
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

-- tenantry.note_copy(uuid,text)
CREATE OR REPLACE FUNCTION tenantry.note_copy(tenant uuid, newest text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  PERFORM FROM tenantry.moves m WHERE m.subject = tenant AND m.state = 'leaving' AND m.other_cell = '' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the tenant is not moved within this database' USING ERRCODE = '42501';
  END IF;
  INSERT INTO tenantry.schema_moves (subject, migration) VALUES (tenant, newest);
END
$function$;

-- tenantry.note_external_erasure(uuid,text)
CREATE OR REPLACE FUNCTION tenantry.note_external_erasure(erasure uuid, store text)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  UPDATE tenantry.erasures e SET external = e.external || store
  WHERE e.id = erasure AND e.state = 'running' AND store <> ALL (e.external)
$function$;
GRANT EXECUTE ON FUNCTION tenantry.note_external_erasure(uuid,text) TO tenantry_operator;

-- tenantry.only_rows(oid)
CREATE OR REPLACE FUNCTION tenantry.only_rows(target oid)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT CASE WHEN c.relkind = 'p' THEN '' ELSE 'ONLY ' END || format('%I.%I', n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = target
$function$;
GRANT EXECUTE ON FUNCTION tenantry.only_rows(oid) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.only_rows(oid) TO tenantry_operator;

-- tenantry.open_arrival(uuid,text,bigint,text)
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
GRANT EXECUTE ON FUNCTION tenantry.open_arrival(uuid,text,bigint,text) TO tenantry_operator;

-- tenantry.open_audit_block()
CREATE OR REPLACE FUNCTION tenantry.open_audit_block(OUT size bigint, OUT seals bigint, OUT frontier bytea, OUT sealed_at timestamp with time zone, OUT horizon xid8)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '2s'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_system();
BEGIN
  INSERT INTO tenantry.audit_trees (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
  SELECT t.size, t.seals, t.frontier INTO size, seals, frontier
  FROM tenantry.audit_trees t WHERE t.tenant_id = tenant FOR UPDATE;
  sealed_at := date_trunc('milliseconds', clock_timestamp());
  horizon := pg_snapshot_xmax(pg_current_snapshot());
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.open_audit_block() TO tenantry_app;

-- tenantry.open_changed_rows(oid,xid8)
CREATE OR REPLACE FUNCTION tenantry.open_changed_rows(target oid, since xid8)
 RETURNS refcursor
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_nestloop TO 'off'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.open_changed_rows(oid,xid8) TO tenantry_operator;

-- tenantry.open_context(uuid,text,text,text,integer,boolean,bytea,bytea)
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

-- tenantry.open_erasure(uuid,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.open_erasure(erasure uuid, expires bigint, signature text)
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant uuid;
  signing_key record;
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'erase', expires, erasure), expires, signature);
  SELECT e.subject INTO tenant FROM tenantry.erasures e
  WHERE e.id = erasure AND e.state = 'running' AND e.plan IS NOT NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such erasure, or it has no plan' USING ERRCODE = '42501';
  END IF;
  PERFORM tenantry.begin_work(tenant);
  SELECT k.seal_front, k.seal_back INTO signing_key FROM tenantry.context_keys k;
  PERFORM tenantry.open_context(
    tenant, 'erasure', 'system', '', 0, false, signing_key.seal_front, signing_key.seal_back
  );
  RETURN tenant;
END
$function$;

-- tenantry.open_tenant_rows(oid,text,bytea,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.open_tenant_rows(target oid, disguise text, key bytea, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS refcursor
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  condition constant text := tenantry.walked_condition(target);
  columns text;
  sorted_by text;
  lines refcursor;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'open_tenant_rows', expires, tenant, target, disguise), expires, signature
  );
  SELECT string_agg(CASE
    WHEN disguise = 'texts' AND d.what IS NOT NULL OR disguise = 'secrets' AND d.what = 'secret'
      THEN tenantry.disguise('t', a.attname, a.atttypid, '$2') || format(' AS %I', a.attname)
    ELSE format('t.%I', a.attname)
  END, ', ' ORDER BY a.attnum) INTO columns
  FROM pg_attribute a CROSS JOIN LATERAL (SELECT tenantry.disguise_of(a.attrelid, a.attnum) AS what) AS d
  WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped;
  SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY array_position(i.indkey::smallint[], a.attnum)) INTO sorted_by
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
  WHERE i.indrelid = target AND i.indisprimary;
  OPEN lines FOR EXECUTE format(
    'SELECT replace(replace(row_to_json(r)::text, chr(10), '' ''), chr(13), '' '') AS line '
    'FROM (SELECT %s FROM %s AS t WHERE %s ORDER BY %s) AS r',
    columns, tenantry.only_rows(target), condition, coalesce(sorted_by, 't::text COLLATE "C"')
  ) USING tenant, key;
  RETURN lines;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.open_tenant_rows(oid,text,bytea,bigint,text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.open_tenant_rows(oid,text,bytea,bigint,text) TO tenantry_operator;

-- tenantry.own_children(oid)
CREATE OR REPLACE FUNCTION tenantry.own_children(target oid)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT string_agg(pairs, ' OR ') FROM (
    SELECT '(' || (
      SELECT string_agg(format('child.%I = t.%I', own.attname, other.attname), ' AND ')
      FROM unnest(c.conkey, c.confkey) AS pair (own, other)
      JOIN pg_attribute own ON own.attrelid = target AND own.attnum = pair.own
      JOIN pg_attribute other ON other.attrelid = target AND other.attnum = pair.other
    ) || ')' AS pairs
    FROM pg_constraint c WHERE c.conrelid = target AND c.confrelid = target AND c.contype = 'f' AND c.conparentid = 0
  ) AS each
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

-- tenantry.place_tenant(uuid,text,text)
CREATE OR REPLACE FUNCTION tenantry.place_tenant(tenant uuid, new_slug text, new_cell text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  LOCK TABLE tenantry.directory IN SHARE ROW EXCLUSIVE MODE;
  IF new_slug IS NULL OR new_cell IS NULL THEN
    DELETE FROM tenantry.directory d WHERE d.subject = tenant AND (new_slug IS NOT NULL OR d.cell = new_cell);
    IF FOUND THEN
      INSERT INTO tenantry.directory_state AS s (removals) VALUES (1)
      ON CONFLICT (is_only) DO UPDATE SET removals = s.removals + 1;
    END IF;
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM public.tenants t WHERE t.slug = new_slug AND t.id <> tenant) THEN
    RAISE EXCEPTION 'the slug % is taken', new_slug USING ERRCODE = '23505', CONSTRAINT = 'tenants_slug_key';
  END IF;
  INSERT INTO tenantry.directory AS d (subject, slug, cell, changed)
  VALUES (tenant, new_slug, new_cell, (SELECT coalesce(max(o.changed), 0) + 1 FROM tenantry.directory o))
  ON CONFLICT (subject) DO UPDATE SET slug = excluded.slug, cell = excluded.cell, changed = excluded.changed
  WHERE d.slug <> excluded.slug OR d.cell <> excluded.cell;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.place_tenant(uuid,text,text) TO tenantry_operator;

-- tenantry.plan_schedules(text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.plan_schedules(plans text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  each record;
  queued integer := 0;
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'plan_schedules', expires, plans), expires, signature);
  -- In order, so that two workers do not wait for each other in a circle.
  FOR each IN
    SELECT (plan ->> 'tenant')::uuid AS tenant, plan ->> 'task' AS task, plan ->> 'cron' AS cron, plan ->> 'zone' AS zone,
      (plan ->> 'previous')::timestamptz AS previous, (plan ->> 'next')::timestamptz AS next, (plan ->> 'due')::boolean AS due,
      plan -> 'payload' AS payload
    FROM jsonb_array_elements(plans::jsonb) AS plan ORDER BY 1, 2
  LOOP
    INSERT INTO tenantry.job_schedules AS held (tenant_id, task, cron, time_zone, next_at)
    VALUES (each.tenant, each.task, each.cron, each.zone, each.next)
    ON CONFLICT (tenant_id, task) DO UPDATE SET cron = excluded.cron, time_zone = excluded.time_zone, next_at = excluded.next_at
    WHERE held.next_at = each.previous;
    IF FOUND AND each.due THEN
      INSERT INTO tenantry.jobs (tenant_id, task, payload, key, run_at, max_attempts, actor_type, actor)
      VALUES (each.tenant, each.task, coalesce(each.payload, '{}'), 'cron', clock_timestamp(), 10, 'system', 'cron')
      ON CONFLICT (tenant_id, task, key) WHERE state = 'queued' AND key IS NOT NULL DO NOTHING;
      PERFORM tenantry.wake_jobs(each.tenant, clock_timestamp());
      queued := queued + 1;
    END IF;
  END LOOP;
  RETURN queued;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.plan_schedules(text,bigint,text) TO tenantry_app;

-- tenantry.protect(regclass,text)
CREATE OR REPLACE FUNCTION tenantry.protect(target regclass, entity text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  table_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = target);
  singular constant text := CASE WHEN table_name LIKE '%ies' THEN regexp_replace(table_name, 'ies$', 'y')
    ELSE regexp_replace(table_name, '([^s])s$', '\1') END;
BEGIN
  PERFORM tenantry.isolate(target);
  PERFORM tenantry.audit(target, coalesce(entity, (
    -- A word in capitals only is one word.
    SELECT string_agg(
      upper(left(word, 1) COLLATE "C")
        || CASE WHEN word = upper(word COLLATE "C") THEN lower(substr(word, 2) COLLATE "C") ELSE substr(word, 2) END,
      '' ORDER BY position)
    FROM regexp_split_to_table(singular, '[^[:alnum:]]+') WITH ORDINALITY AS words (word, position)
  )));
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

-- tenantry.put_back(uuid,uuid,timestamp with time zone,text,boolean)
CREATE OR REPLACE FUNCTION tenantry.put_back(tenant uuid, job uuid, again timestamp with time zone, reason text, counts boolean)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
DECLARE
  outcome text;
BEGIN
  BEGIN
    UPDATE tenantry.jobs j SET
      state = CASE WHEN again IS NULL THEN 'dead' ELSE 'queued' END,
      run_at = coalesce(again, j.run_at),
      finished_at = CASE WHEN again IS NULL THEN clock_timestamp() END,
      attempt = CASE WHEN counts THEN j.attempt ELSE j.attempt - 1 END,
      last_error = coalesce(left(reason, 1000), j.last_error), lease = NULL, leased_until = NULL
    WHERE j.tenant_id = tenant AND j.id = job AND j.state = 'running' RETURNING j.state INTO outcome;
  EXCEPTION WHEN unique_violation THEN
    UPDATE tenantry.jobs j SET
      state = 'cancelled', finished_at = clock_timestamp(), last_error = left(reason, 1000), lease = NULL, leased_until = NULL
    WHERE j.tenant_id = tenant AND j.id = job AND j.state = 'running' RETURNING j.state INTO outcome;
  END;
  IF outcome = 'queued' THEN
    PERFORM tenantry.wake_jobs(tenant, again);
  END IF;
  RETURN outcome;
END
$function$;

-- tenantry.queue_deliveries()
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

-- tenantry.read_directory(bigint,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.read_directory(since bigint, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS TABLE(removals bigint, subject uuid, slug text, cell text, changed bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'read_directory', expires, since), expires, signature);
  RETURN QUERY SELECT s.removals, d.subject, d.slug, d.cell, d.changed
    FROM (SELECT coalesce((SELECT o.removals FROM tenantry.directory_state o), 0) AS removals) AS s
    LEFT JOIN tenantry.directory d ON d.changed > since
    ORDER BY d.changed LIMIT 10000;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.read_directory(bigint,bigint,text) TO tenantry_app;

-- tenantry.reads_of(uuid)
CREATE OR REPLACE FUNCTION tenantry.reads_of(tenant uuid)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$ SELECT hashtextextended('reads of ' || tenant::text, 0) $function$;

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

-- tenantry.record_schema(uuid,text)
CREATE OR REPLACE FUNCTION tenantry.record_schema(tenant uuid, newest text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  -- One at a time, or two would replace has_schemas at once.
  LOCK TABLE tenantry.schemas IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO tenantry.schemas (subject, migration) VALUES (tenant, newest);
  PERFORM tenantry.set_schemas();
END
$function$;

-- tenantry.recover_jobs()
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

-- tenantry.redact_audit(uuid[],boolean,text,text,integer,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.redact_audit(entry_ids uuid[], actors boolean, person text, why text, most integer, expires bigint, signature text, OUT redacted integer, OUT remain boolean)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  acting constant text := (SELECT actor FROM tenantry.current_actor());
  quoted constant text := to_json(person)::text;
  addresses text[] := '{}';
  entry record;
  doomed record;
  changed uuid[] := '{}';
  places jsonb[] := '{}';
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(
      E'\x1f', 'redact_audit', expires, tenant, acting, array_to_string(entry_ids, ','), actors::text,
      coalesce(person, ''), why
    ),
    expires, signature
  );
  IF why IS NULL OR why = '' THEN
    RAISE EXCEPTION 'a redaction needs a reason' USING ERRCODE = '22004';
  END IF;
  -- Whoever seals or redacts in this tenant waits, so that no entry is sealed while it changes.
  INSERT INTO tenantry.audit_trees (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
  PERFORM FROM tenantry.audit_trees t WHERE t.tenant_id = tenant FOR UPDATE;

  IF person IS NOT NULL THEN
    addresses := ARRAY(
      SELECT DISTINCT side.value ->> 'email'
      FROM public.audit_log e, LATERAL (VALUES (e.old_value), (e.new_value)) AS side (value)
      WHERE e.tenant_id = tenant AND person IN (side.value ->> 'user_id', side.value ->> 'accepted_by')
        AND side.value ->> 'email' <> ''
      UNION
      SELECT m.email FROM public.memberships m WHERE m.tenant_id = tenant AND m.user_id = person
    );
  END IF;

  remain := false;
  FOR entry IN
    SELECT e.id, e.actor, e.actor_type, e.action, e.old_value, e.new_value, l.salts,
      coalesce(r.gone, '{}') AS gone, coalesce(r.paths, '{}') AS gone_paths,
      e.id = ANY (entry_ids) AS named,
      e.id = ANY (entry_ids) OR EXISTS (
        SELECT FROM (VALUES (e.old_value), (e.new_value)) AS side (value)
        WHERE person IN (side.value ->> 'user_id', side.value ->> 'accepted_by') OR side.value ->> 'email' = ANY (addresses)
      ) AS entirely
    FROM public.audit_log e
    LEFT JOIN tenantry.audit_leaves l ON l.tenant_id = tenant AND l.entry_id = e.id
    LEFT JOIN LATERAL (
      SELECT array_agg(r.index) AS gone, array_agg(r.path) AS paths
      FROM tenantry.audit_redactions r WHERE r.tenant_id = tenant AND r.entry_id = e.id
    ) r ON true
    WHERE e.tenant_id = tenant AND (
      e.id = ANY (entry_ids)
      OR e.actor = person
      OR strpos(e.old_value::text, quoted) > 0 OR strpos(e.new_value::text, quoted) > 0
      OR e.old_value ->> 'email' = ANY (addresses) OR e.new_value ->> 'email' = ANY (addresses)
    )
    ORDER BY e.id
  LOOP
    SELECT array_agg(v.index) AS indexes,
      -- What is kept of a value must not name the person.
      array_agg(CASE WHEN v.json_key = person THEN v.side || '."(deleted)"' ELSE v.path END) AS paths,
      bool_or(v.side = 'actor') AS of_actor,
      array_agg(v.json_key) FILTER (WHERE v.side = 'old' AND v.json_key IS NOT NULL) AS old_keys,
      array_agg(v.json_key) FILTER (WHERE v.side = 'new' AND v.json_key IS NOT NULL) AS new_keys,
      bool_or(v.side = 'old' AND v.json_key IS NULL) AS all_of_old,
      bool_or(v.side = 'new' AND v.json_key IS NULL) AS all_of_new,
      array_agg(sha256(
        '\x10'::bytea || coalesce(substr(entry.salts, v.index * 16 + 1, 16), uuid_send(gen_random_uuid()))
        || int4send(octet_length(convert_to(v.path, 'UTF8'))) || convert_to(v.path, 'UTF8')
        || int4send(octet_length(convert_to(v.printed, 'UTF8'))) || convert_to(v.printed, 'UTF8')
      )) AS commitments
    INTO doomed
    FROM tenantry.audit_values(entry.actor, entry.old_value, entry.new_value, entry.gone, entry.gone_paths) v
    WHERE CASE
      WHEN v.side = 'actor' THEN v.printed = person AND entry.actor_type = 'user' OR actors AND entry.named
      WHEN entry.action = 'audit_entry.redacted' AND v.path = 'new."deleted"' THEN false
      ELSE entry.entirely OR v.json_key = person OR tenantry.names_person(v.printed::jsonb, person)
    END;
    CONTINUE WHEN doomed.indexes IS NULL;
    IF cardinality(changed) >= most THEN
      remain := true;
      EXIT;
    END IF;

    INSERT INTO tenantry.audit_redactions (tenant_id, entry_id, index, path, commitment)
    SELECT tenant, entry.id, each.index, each.path, each.commitment
    FROM unnest(doomed.indexes, doomed.paths, doomed.commitments) AS each (index, path, commitment);
    UPDATE tenantry.audit_leaves l SET salts = (
      SELECT string_agg(
        CASE WHEN place = ANY (doomed.indexes) THEN decode(repeat('00', 16), 'hex') ELSE substr(l.salts, place * 16 + 1, 16) END,
        '' ORDER BY place
      ) FROM generate_series(0, octet_length(l.salts) / 16 - 1) AS place
    ) WHERE l.tenant_id = tenant AND l.entry_id = entry.id;
    UPDATE public.audit_log e SET
      actor = CASE WHEN doomed.of_actor THEN '' ELSE e.actor END,
      old_value = CASE
        WHEN doomed.all_of_old THEN 'null'
        WHEN doomed.old_keys IS NULL THEN e.old_value
        ELSE e.old_value - doomed.old_keys
      END,
      new_value = CASE
        WHEN doomed.all_of_new THEN 'null'
        WHEN doomed.new_keys IS NULL THEN e.new_value
        ELSE e.new_value - doomed.new_keys
      END
    WHERE e.tenant_id = tenant AND e.id = entry.id;
    changed := changed || entry.id;
    places := array_append(places, to_jsonb(doomed.indexes));
  END LOOP;

  redacted := cardinality(changed);
  IF redacted > 0 THEN
    PERFORM tenantry.record_audit(
      'audit_entry.redacted', 'AuditEntry', CASE WHEN redacted = 1 THEN changed[1]::text END, NULL,
      jsonb_build_object('reason', why, 'entries', redacted, 'deleted', (
        SELECT jsonb_object_agg(each.id, each.places) FROM unnest(changed, places) AS each (id, places)
      ))
    );
  END IF;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.redact_audit(uuid[],boolean,text,text,integer,bigint,text) TO tenantry_app;

-- tenantry.refresh_views()
CREATE OR REPLACE FUNCTION tenantry.refresh_views()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  view regclass;
BEGIN
  FOR view IN
    SELECT c.oid FROM pg_class c WHERE c.relkind = 'm' AND c.relispopulated AND pg_has_role(c.relowner, 'USAGE') ORDER BY c.oid
  LOOP
    EXECUTE format('REFRESH MATERIALIZED VIEW %s', view);
  END LOOP;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.refresh_views() TO tenantry_operator;

-- tenantry.refuse_change()
CREATE OR REPLACE FUNCTION tenantry.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '42501';
END
$function$;

-- tenantry.refuse_fenced(uuid,boolean)
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
GRANT EXECUTE ON FUNCTION tenantry.refuse_fenced(uuid,boolean) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.refuse_fenced(uuid,boolean) TO tenantry_operator;

-- tenantry.refuse_placed_move()
CREATE OR REPLACE FUNCTION tenantry.refuse_placed_move()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF NEW.state = 'leaving' AND NEW.other_cell <> '' AND (
    EXISTS (SELECT FROM tenantry.schemas s WHERE s.subject = NEW.subject)
    OR EXISTS (SELECT FROM tenantry.schema_moves m WHERE m.subject = NEW.subject)
  ) THEN
    RAISE EXCEPTION 'a tenant with a schema of its own cannot be moved to another cell' USING ERRCODE = '0A000';
  END IF;
  RETURN NEW;
END
$function$;

-- tenantry.refuse_placed_slug()
CREATE OR REPLACE FUNCTION tenantry.refuse_placed_slug()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM tenantry.cells) THEN
    -- In the order of changes of the directory, which look for the slug here.
    LOCK TABLE tenantry.directory IN ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM tenantry.directory d WHERE d.slug = NEW.slug AND d.subject <> NEW.id) THEN
      RAISE EXCEPTION 'the slug % is taken', NEW.slug USING ERRCODE = '23505', CONSTRAINT = 'tenants_slug_key';
    END IF;
  END IF;
  RETURN NEW;
END
$function$;

-- tenantry.release_audit_work(uuid,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.release_audit_work(server uuid, expires bigint, signature text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'release_audit_work', expires, server), expires, signature);
  UPDATE tenantry.audit_sealer s SET until = NULL WHERE s.holder = server;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.release_audit_work(uuid,bigint,text) TO tenantry_app;

-- tenantry.release_jobs(text)
CREATE OR REPLACE FUNCTION tenantry.release_jobs(leases text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  own record;
  place timestamptz;
BEGIN
  FOR own IN
    SELECT (each ->> 0)::uuid AS tenant, (each ->> 1)::uuid AS job, (each ->> 2)::uuid AS lease
    FROM jsonb_array_elements(leases::jsonb) AS each ORDER BY 1, 2
  LOOP
    SELECT j.run_at INTO place FROM tenantry.jobs j
    WHERE j.tenant_id = own.tenant AND j.id = own.job AND j.lease = own.lease AND j.state = 'running'
    FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
      PERFORM tenantry.put_back(own.tenant, own.job, place, NULL, false);
    END IF;
  END LOOP;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.release_jobs(text) TO tenantry_app;

-- tenantry.remove_arrived(oid[],jsonb)
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
GRANT EXECUTE ON FUNCTION tenantry.remove_arrived(oid[],jsonb) TO tenantry_operator;

-- tenantry.remove_finished_jobs(integer)
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
GRANT EXECUTE ON FUNCTION tenantry.remove_finished_jobs(integer) TO tenantry_app;

-- tenantry.remove_schema(uuid)
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

-- tenantry.request_erasure(bigint,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.request_erasure(wait_seconds bigint, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  acting record;
  due timestamptz;
BEGIN
  acting := tenantry.current_actor();
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'request_erasure', expires, tenant, acting.actor, wait_seconds), expires, signature
  );
  INSERT INTO tenantry.erasures (subject, actor_type, actor, execute_at, former_status)
  SELECT tenant, acting.actor_type, acting.actor, clock_timestamp() + wait_seconds * interval '1 second', t.status
  FROM public.tenants t WHERE t.id = tenant FOR NO KEY UPDATE
  ON CONFLICT (subject) DO NOTHING RETURNING execute_at INTO due;
  IF FOUND THEN
    UPDATE public.tenants t SET status = 'suspended', updated_at = now() WHERE t.id = tenant AND t.status <> 'suspended';
  ELSE
    SELECT e.execute_at INTO due FROM tenantry.erasures e WHERE e.subject = tenant;
  END IF;
  PERFORM tenantry.record_audit(
    'tenant.erasure_requested', 'Tenant', tenant::text, NULL, jsonb_build_object('execute_at', due)
  );
  RETURN due;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.request_erasure(bigint,bigint,text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.request_erasure(bigint,bigint,text) TO tenantry_operator;

-- tenantry.require_arrival(oid[])
CREATE OR REPLACE FUNCTION tenantry.require_arrival(written oid[])
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

-- tenantry.require_import()
CREATE OR REPLACE FUNCTION tenantry.require_import()
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
BEGIN
  IF NOT tenantry.moves_tenant(tenant) THEN
    RAISE EXCEPTION 'no import has begun in this transaction' USING ERRCODE = '42501';
  END IF;
  RETURN tenant;
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

-- tenantry.require_system()
CREATE OR REPLACE FUNCTION tenantry.require_system()
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF (SELECT actor_type FROM tenantry.current_actor()) <> 'system' THEN
    RAISE EXCEPTION 'only the server itself seals the audit log' USING ERRCODE = '42501';
  END IF;
  RETURN tenantry.current_tenant();
END
$function$;

-- tenantry.resolve_access(text,text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.resolve_access(tenant_ref text, member text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS TABLE(tenant_id uuid, slug text, status text, role text, plan text, suspension_reason text)
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
  SELECT t.id, t.slug, t.status, m.role, t.plan, CASE WHEN m.role IS NOT NULL THEN t.suspension_reason END
  FROM (
    SELECT id, slug, status, plan, suspension_reason FROM public.tenants WHERE slug = wanted
    UNION ALL
    SELECT id, slug, status, plan, suspension_reason FROM public.tenants
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
 RETURNS TABLE(api_key_id uuid, permissions text[], expires_at timestamp with time zone, created_by text, creator_role text, tenant_id uuid, slug text, status text, plan text, suspension_reason text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT k.id, k.permissions, k.expires_at, k.created_by, m.role, t.id, t.slug, t.status, t.plan, t.suspension_reason
  FROM public.api_keys k
  JOIN public.tenants t ON t.id = k.tenant_id
  JOIN public.memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.created_by
  WHERE k.key_hash = presented_hash
    AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
$function$;
GRANT EXECUTE ON FUNCTION tenantry.resolve_api_key(text) TO tenantry_app;

-- tenantry.resolve_impersonation(text)
CREATE OR REPLACE FUNCTION tenantry.resolve_impersonation(presented_hash text)
 RETURNS TABLE(impersonation_id uuid, operator text, user_id text, expires_at timestamp with time zone, role text, tenant_id uuid, slug text, status text, plan text, suspension_reason text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT i.id, i.operator, i.user_id, i.expires_at, CASE WHEN i.user_id IS NULL THEN i.role ELSE m.role END,
    t.id, t.slug, t.status, t.plan, t.suspension_reason
  FROM public.impersonations i
  JOIN public.tenants t ON t.id = i.tenant_id
  LEFT JOIN public.memberships m ON m.tenant_id = i.tenant_id AND m.user_id = i.user_id
  WHERE i.token_hash = presented_hash
    AND i.ended_at IS NULL
    AND i.expires_at > clock_timestamp()
    AND (i.user_id IS NULL OR m.role IS NOT NULL)
$function$;
GRANT EXECUTE ON FUNCTION tenantry.resolve_impersonation(text) TO tenantry_app;

-- tenantry.rest_jobs(uuid,jsonb)
CREATE OR REPLACE FUNCTION tenantry.rest_jobs(tenant uuid, tasks jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  found_jobs record;
BEGIN
  PERFORM FROM tenantry.job_tenants q WHERE q.tenant_id = tenant FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- A statement of its own, which sees what was committed before the lock.
  SELECT * INTO found_jobs FROM tenantry.next_jobs(tenant, tasks, clock_timestamp());
  UPDATE tenantry.job_tenants q SET
    next_at = found_jobs.next_at, waits_for = found_jobs.waits_for, active = found_jobs.next_at <= clock_timestamp()
  WHERE q.tenant_id = tenant;
END
$function$;

-- tenantry.retry_job(uuid)
CREATE OR REPLACE FUNCTION tenantry.retry_job(job uuid)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  held record;
BEGIN
  SELECT j.state, j.task INTO held FROM tenantry.jobs j
  WHERE j.tenant_id = tenant AND j.id = job AND j.state IN ('queued', 'dead', 'cancelled') FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE tenantry.jobs j SET state = 'queued', run_at = clock_timestamp(), attempt = 0, finished_at = NULL
  WHERE j.tenant_id = tenant AND j.id = job;
  PERFORM tenantry.wake_jobs(tenant, clock_timestamp());
  PERFORM tenantry.record_audit(
    'job.retried', 'Job', job::text, jsonb_build_object('task', held.task, 'state', held.state), NULL
  );
  RETURN held.state;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.retry_job(uuid) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.retry_job(uuid) TO tenantry_operator;

-- tenantry.revoke_api_keys_of_member()
CREATE OR REPLACE FUNCTION tenantry.revoke_api_keys_of_member()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;

-- tenantry.schema_of(uuid)
CREATE OR REPLACE FUNCTION tenantry.schema_of(tenant uuid)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN ('tenant_'::text || replace((tenant)::text, '-'::text, ''::text));
GRANT EXECUTE ON FUNCTION tenantry.schema_of(uuid) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.schema_of(uuid) TO tenantry_operator;

-- tenantry.schema_status(text)
CREATE OR REPLACE FUNCTION tenantry.schema_status(newest text, OUT schemas bigint, OUT behind bigint)
 RETURNS record
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT count(*), count(*) FILTER (WHERE s.migration COLLATE "C" < newest COLLATE "C") FROM tenantry.schemas s
$function$;
GRANT EXECUTE ON FUNCTION tenantry.schema_status(text) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.schema_status(text) TO tenantry_operator;

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

-- tenantry.seal_audit(bigint,bigint,bytea,bytea,timestamp with time zone,xid8,text,bytea,bytea,uuid[],bytea[],bytea[],smallint[],bigint[],bytea[])
CREATE OR REPLACE FUNCTION tenantry.seal_audit(seal_number bigint, seal_size bigint, root bytea, previous bytea, sealed_at timestamp with time zone, horizon xid8, key text, signature bytea, frontier bytea, entry_ids uuid[], leaves bytea[], salts bytea[], node_levels smallint[], node_indexes bigint[], node_hashes bytea[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  tenant constant uuid := tenantry.require_system();
  start constant bigint := seal_size - cardinality(entry_ids);
  added bigint;
BEGIN
  UPDATE tenantry.audit_trees t SET size = seal_size, seals = seal_number, frontier = seal_audit.frontier
  WHERE t.tenant_id = tenant AND t.seals = seal_number - 1 AND t.size = start;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the audit trail does not end where this seal continues' USING ERRCODE = '40001';
  END IF;
  INSERT INTO tenantry.audit_leaves (tenant_id, position, entry_id, leaf, salts)
  SELECT tenant, start + each.place - 1, e.id, each.leaf, each.salt
  FROM unnest(entry_ids, leaves, salts) WITH ORDINALITY AS each (entry_id, leaf, salt, place)
  JOIN public.audit_log e ON e.tenant_id = tenant AND e.id = each.entry_id;
  GET DIAGNOSTICS added = ROW_COUNT;
  IF added <> cardinality(entry_ids) THEN
    RAISE EXCEPTION 'an entry to be sealed does not exist in this tenant' USING ERRCODE = '23503';
  END IF;
  INSERT INTO tenantry.audit_nodes (tenant_id, level, index, hash)
  SELECT tenant, each.level, each.index, each.hash
  FROM unnest(node_levels, node_indexes, node_hashes) AS each (level, index, hash);
  INSERT INTO tenantry.audit_seals (tenant_id, number, size, root, previous, sealed_at, horizon, key, signature)
  VALUES (tenant, seal_number, seal_size, root, previous, sealed_at, horizon, key, signature);
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.seal_audit(bigint,bigint,bytea,bytea,timestamp with time zone,xid8,text,bytea,bytea,uuid[],bytea[],bytea[],smallint[],bigint[],bytea[]) TO tenantry_app;

-- tenantry.set_cell(text,boolean)
CREATE OR REPLACE FUNCTION tenantry.set_cell(cell_name text, drains boolean)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  INSERT INTO tenantry.cells (name, draining) VALUES (cell_name, drains)
  ON CONFLICT (name) DO UPDATE SET draining = drains
$function$;
GRANT EXECUTE ON FUNCTION tenantry.set_cell(text,boolean) TO tenantry_operator;

-- tenantry.set_erasure_plan(uuid,jsonb)
CREATE OR REPLACE FUNCTION tenantry.set_erasure_plan(erasure uuid, new_plan jsonb)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$ UPDATE tenantry.erasures e SET plan = new_plan WHERE e.id = erasure AND e.state = 'running' AND e.plan IS NULL $function$;
GRANT EXECUTE ON FUNCTION tenantry.set_erasure_plan(uuid,jsonb) TO tenantry_operator;

-- tenantry.set_fence()
CREATE OR REPLACE FUNCTION tenantry.set_fence()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  fenced constant uuid[] := ARRAY(
    SELECT e.subject FROM tenantry.erasures e WHERE e.state = 'running' UNION SELECT m.subject FROM tenantry.moves m ORDER BY 1
  );
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION tenantry.is_fenced(tenant uuid) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s',
    CASE WHEN cardinality(fenced) = 0 THEN 'false' ELSE format('tenant = ANY (%L::uuid[])', fenced) END
  );
END
$function$;

-- tenantry.set_plans(text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.set_plans(plans text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.set_plans(text,bigint,text) TO tenantry_app;

-- tenantry.set_schemas()
CREATE OR REPLACE FUNCTION tenantry.set_schemas()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  any_left constant boolean := EXISTS (SELECT FROM tenantry.schemas);
BEGIN
  IF tenantry.has_schemas() <> any_left THEN
    EXECUTE format(
      'CREATE OR REPLACE FUNCTION tenantry.has_schemas() RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s', any_left::text
    );
  END IF;
END
$function$;

-- tenantry.settle_move(uuid,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.settle_move(tenant uuid, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.settle_move(uuid,bigint,text) TO tenantry_operator;

-- tenantry.settle_shares(jsonb,jsonb)
CREATE OR REPLACE FUNCTION tenantry.settle_shares(used jsonb, tasks jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  moment constant timestamptz := clock_timestamp();
  names constant text[] := ARRAY(SELECT jsonb_object_keys(tasks));
  -- A tenant that was idle has no credit for that time: it begins one start before the least of those that are served, so
  -- that it is the next.
  beginning double precision;
  charged record;
BEGIN
  IF EXISTS (SELECT FROM tenantry.job_wakes) THEN
    WITH wakes AS (
      DELETE FROM tenantry.job_wakes w WHERE (w.tenant_id, w.id) IN (
        SELECT o.tenant_id, o.id FROM tenantry.job_wakes o LIMIT 1000 FOR UPDATE SKIP LOCKED
      ) RETURNING w.tenant_id, w.run_at
    ), changes AS (
      SELECT tenant_id, min(run_at) AS due, coalesce(sum(seconds), 0) AS seconds FROM (
        SELECT wakes.tenant_id, wakes.run_at, 0::double precision AS seconds FROM wakes
        UNION ALL
        SELECT key::uuid, 'infinity', value::double precision FROM jsonb_each_text(used)
      ) AS each GROUP BY tenant_id
    ), locked AS (
      SELECT q.tenant_id, changes.due, changes.seconds FROM tenantry.job_tenants q JOIN changes USING (tenant_id)
      ORDER BY q.tenant_id FOR NO KEY UPDATE OF q
    )
    UPDATE tenantry.job_tenants q SET
      next_at = least(q.next_at, locked.due), virtual_time = q.virtual_time + greatest(locked.seconds, 0)
    FROM locked WHERE q.tenant_id = locked.tenant_id;
  ELSE
    -- The usual case: jobs have ended, and nobody waits to be woken. In the order of the tenants, as above.
    FOR charged IN SELECT key::uuid AS tenant, value::double precision AS seconds FROM jsonb_each_text(used) ORDER BY 1 LOOP
      UPDATE tenantry.job_tenants q SET virtual_time = q.virtual_time + greatest(charged.seconds, 0)
      WHERE q.tenant_id = charged.tenant;
    END LOOP;
  END IF;
  IF EXISTS (SELECT FROM tenantry.job_tenants q WHERE NOT q.active AND q.next_at <= moment)
    OR EXISTS (SELECT FROM tenantry.job_tenants q WHERE q.waits_for IS NOT NULL AND q.waits_for && names) THEN
    beginning := coalesce(
      (SELECT min(q.virtual_time) FROM tenantry.job_tenants q JOIN public.tenants t ON t.id = q.tenant_id
       WHERE q.active AND t.status = 'active') - 0.01,
      (SELECT max(q.virtual_time) FROM tenantry.job_tenants q)
    );
    UPDATE tenantry.job_tenants q SET
      active = true, waits_for = NULL, virtual_time = greatest(q.virtual_time, beginning)
    WHERE q.tenant_id IN (
      SELECT i.tenant_id FROM tenantry.job_tenants i
      WHERE NOT i.active AND (i.next_at <= moment OR (i.waits_for IS NOT NULL AND i.waits_for && names))
      FOR NO KEY UPDATE SKIP LOCKED
    );
  END IF;
END
$function$;

-- tenantry.share(regclass,boolean)
CREATE OR REPLACE FUNCTION tenantry.share(target regclass, writable boolean DEFAULT false)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  kind "char";
  options text[];
  offender text;
  rights constant text := 'SELECT, INSERT, UPDATE, DELETE';
  serial regclass;
  remark text := obj_description(target, 'pg_class');
BEGIN
  SELECT relkind, reloptions INTO kind, options FROM pg_catalog.pg_class WHERE oid = target;
  IF kind NOT IN ('r', 'p', 'v') THEN
    RAISE EXCEPTION '% is neither a table nor a view', target USING ERRCODE = '42P16';
  END IF;
  IF kind = 'v' THEN
    IF NOT coalesce(options::text ~* 'security_invoker=(true|on|1|yes)', false) THEN
      RAISE EXCEPTION 'the view % reads with the rights of its owner: ALTER VIEW % SET (security_invoker = true)', target, target
        USING ERRCODE = '42P16';
    END IF;
    IF writable THEN
      RAISE EXCEPTION 'the view % is for reading', target USING ERRCODE = '42P16';
    END IF;
  ELSE
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'tenant_id' AND NOT attisdropped) THEN
      RAISE EXCEPTION '% has a tenant_id: SELECT tenantry.protect(%)', target, quote_literal(target::text)
        USING ERRCODE = '42P16';
    END IF;
    SELECT conname INTO offender FROM pg_constraint
    WHERE conrelid = target AND contype = 'f' AND EXISTS (
      SELECT FROM pg_policy WHERE polrelid = confrelid AND polname = 'tenant_isolation'
    ) LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'the foreign key % of % refers to a row of a tenant, so that % is no shared table', offender, target, target
        USING ERRCODE = '42P16';
    END IF;
  END IF;

  -- The audit reads it.
  IF coalesce(remark, '') !~ '@tenancy shared' THEN
    remark := concat_ws(E'\n', remark, '@tenancy shared: all tenants read these rows'
      || CASE WHEN writable THEN ', and may write them' ELSE '' END);
    EXECUTE format('COMMENT ON %s %s IS %L', CASE kind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, target, remark);
  END IF;
  EXECUTE format('REVOKE ALL ON %s FROM tenantry_app, tenantry_operator', target);
  EXECUTE format('GRANT %s ON %s TO tenantry_app', CASE WHEN writable THEN rights ELSE 'SELECT' END, target);
  EXECUTE format('GRANT %s ON %s TO tenantry_operator', CASE kind WHEN 'v' THEN 'SELECT' ELSE rights END, target);
  FOR serial IN
    SELECT d.objid FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE d.refobjid = target AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
  LOOP
    EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM tenantry_app', serial);
    EXECUTE format(
      'GRANT USAGE ON SEQUENCE %s TO tenantry_operator%s', serial, CASE WHEN writable THEN ', tenantry_app' ELSE '' END);
  END LOOP;
END
$function$;

-- tenantry.stage_rows(oid,text[])
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
GRANT EXECUTE ON FUNCTION tenantry.stage_rows(oid,text[]) TO tenantry_operator;

-- tenantry.start_erasure(uuid,text,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.start_erasure(tenant uuid, actor text, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  started uuid;
  signing_key record;
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'start_erasure', expires, tenant, actor), expires, signature);
  LOCK TABLE tenantry.erasures IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO tenantry.erasures (subject, actor_type, actor, execute_at, former_status)
  SELECT tenant, 'operator', start_erasure.actor, clock_timestamp(), t.status FROM public.tenants t WHERE t.id = tenant
  ON CONFLICT (subject) DO NOTHING;
  UPDATE tenantry.erasures e SET state = 'running', started_at = clock_timestamp()
  WHERE e.subject = tenant AND e.state = 'requested';
  SELECT e.id INTO started FROM tenantry.erasures e WHERE e.subject = tenant;
  IF started IS NULL THEN
    RETURN NULL;
  END IF;
  -- Ends connections and caches of its members, where it is not suspended yet.
  PERFORM tenantry.begin_work(tenant);
  SELECT k.seal_front, k.seal_back INTO signing_key FROM tenantry.context_keys k;
  PERFORM tenantry.open_context(
    tenant, 'erasure', 'system', '', 0, false, signing_key.seal_front, signing_key.seal_back
  );
  UPDATE public.tenants t SET status = 'suspended' WHERE t.id = tenant AND t.status <> 'suspended';
  PERFORM tenantry.end_work(tenant);
  PERFORM tenantry.set_fence();
  RETURN started;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.start_erasure(uuid,text,bigint,text) TO tenantry_operator;

-- tenantry.switch_placement(uuid,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.switch_placement(tenant uuid, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '1s'
AS $function$
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
$function$;
GRANT EXECUTE ON FUNCTION tenantry.switch_placement(uuid,bigint,text) TO tenantry_operator;

-- tenantry.tables_of(uuid)
CREATE OR REPLACE FUNCTION tenantry.tables_of(tenant uuid)
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
GRANT EXECUTE ON FUNCTION tenantry.tables_of(uuid) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.tables_of(uuid) TO tenantry_operator;

-- tenantry.tenant_changes(xid8,oid[])
CREATE OR REPLACE FUNCTION tenantry.tenant_changes(since xid8, targets oid[])
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
GRANT EXECUTE ON FUNCTION tenantry.tenant_changes(xid8,oid[]) TO tenantry_operator;

-- tenantry.tenant_condition(oid,text,oid[])
CREATE OR REPLACE FUNCTION tenantry.tenant_condition(target oid, alias text, passed oid[])
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  direct text;
  ways text[] := '{}';
  foreign_key record;
  inner_alias constant text := 't' || cardinality(passed)::text;
  inner_condition text;
BEGIN
  IF target = 'public.tenants'::regclass THEN
    RETURN format('%s.id = $1', alias);
  END IF;
  SELECT format(CASE atttypid WHEN 'uuid'::regtype THEN '%s.%I = $1' ELSE '%s.%I = $1::text' END, alias, attname) INTO direct
  FROM pg_attribute
  WHERE attrelid = target AND attname = 'tenant_id' AND attnum > 0 AND NOT attisdropped
    AND atttypid IN ('uuid'::regtype, 'text'::regtype, 'varchar'::regtype);
  IF FOUND THEN
    RETURN direct;
  END IF;
  SELECT string_agg(format('%s.%I = $1', alias, own.attname), ' OR ' ORDER BY own.attname) INTO direct
  FROM pg_constraint c
  CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS pair (own, other)
  JOIN pg_attribute own ON own.attrelid = target AND own.attnum = pair.own
  JOIN pg_attribute other ON other.attrelid = c.confrelid AND other.attnum = pair.other AND other.attname = 'id'
  WHERE c.conrelid = target AND c.contype = 'f' AND c.confrelid = 'public.tenants'::regclass;
  IF direct IS NOT NULL THEN
    RETURN format('(%s)', direct);
  END IF;
  FOR foreign_key IN
    SELECT c.confrelid, c.confrelid::regclass::text AS parent, (
      SELECT string_agg(format('%s.%I = %s.%I', inner_alias, other.attname, alias, own.attname), ' AND ' ORDER BY pair.own)
      FROM unnest(c.conkey, c.confkey) AS pair (own, other)
      JOIN pg_attribute own ON own.attrelid = c.conrelid AND own.attnum = pair.own
      JOIN pg_attribute other ON other.attrelid = c.confrelid AND other.attnum = pair.other
    ) AS pairs
    FROM pg_constraint c
    WHERE c.conrelid = target AND c.contype = 'f' AND c.conparentid = 0 AND c.confrelid <> ALL (passed || target)
    ORDER BY c.conname
  LOOP
    inner_condition := tenantry.tenant_condition(foreign_key.confrelid, inner_alias, passed || target);
    CONTINUE WHEN inner_condition IS NULL;
    ways := ways || format(
      'EXISTS (SELECT FROM %s AS %s WHERE %s AND %s)', foreign_key.parent, inner_alias, foreign_key.pairs, inner_condition
    );
  END LOOP;
  RETURN CASE WHEN cardinality(ways) > 0 THEN format('(%s)', array_to_string(ways, ' OR ')) END;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.tenant_condition(oid,text,oid[]) TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.tenant_condition(oid,text,oid[]) TO tenantry_operator;

-- tenantry.tenant_tables()
CREATE OR REPLACE FUNCTION tenantry.tenant_tables()
 RETURNS TABLE(target oid, schema_name text, table_name text, kind text, condition text, problem text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  SELECT * FROM tenantry.tables_of(nullif(current_setting('app.current_tenant', true), '')::uuid)
$function$;
GRANT EXECUTE ON FUNCTION tenantry.tenant_tables() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.tenant_tables() TO tenantry_operator;

-- tenantry.unlimit_rows(regclass)
CREATE OR REPLACE FUNCTION tenantry.unlimit_rows(target regclass)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  name text;
BEGIN
  DELETE FROM tenantry.resource_usage held USING tenantry.limited_resources() counted
  WHERE counted.target = unlimit_rows.target AND held.resource = counted.resource;
  FOREACH name IN ARRAY ARRAY['count_added', 'count_removed', 'count_moved', 'count_truncated'] LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', name, target);
  END LOOP;
END
$function$;

-- tenantry.unplanned_schedules(text,integer,bigint,text)
CREATE OR REPLACE FUNCTION tenantry.unplanned_schedules(tasks text, most integer, expires bigint DEFAULT NULL::bigint, signature text DEFAULT NULL::text)
 RETURNS TABLE(tenant_id uuid, task text, time_zone text, next_at timestamp with time zone, due boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'unplanned_schedules', expires, tasks, most), expires, signature);
  RETURN QUERY
  SELECT wanted.tenant_id, wanted.task, wanted.zone, held.next_at,
    (held.cron = wanted.cron AND held.time_zone = wanted.zone) IS TRUE
  FROM (
    SELECT t.id AS tenant_id, known.task, known.cron, coalesce(left(t.settings ->> 'timeZone', 100), 'UTC') AS zone
    FROM public.tenants t CROSS JOIN jsonb_each_text(tasks::jsonb) AS known (task, cron)
    WHERE t.status = 'active'
  ) AS wanted
  LEFT JOIN tenantry.job_schedules held ON held.tenant_id = wanted.tenant_id AND held.task = wanted.task
  WHERE held.id IS NULL OR held.cron <> wanted.cron OR held.time_zone <> wanted.zone OR held.next_at <= clock_timestamp()
  LIMIT most;
END
$function$;
GRANT EXECUTE ON FUNCTION tenantry.unplanned_schedules(text,integer,bigint,text) TO tenantry_app;

-- tenantry.uuid_v7()
CREATE OR REPLACE FUNCTION tenantry.uuid_v7()
 RETURNS uuid
 LANGUAGE sql
 PARALLEL SAFE
RETURN (OVERLAY((lpad(to_hex(((date_part('epoch'::text, clock_timestamp()) * (4096000)::double precision))::bigint), 15, '0'::text) || "right"((gen_random_uuid())::text, 17)) PLACING '7'::text FROM 13 FOR 0))::uuid;
GRANT EXECUTE ON FUNCTION tenantry.uuid_v7() TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.uuid_v7() TO tenantry_operator;

-- tenantry.wake_jobs(uuid,timestamp with time zone)
CREATE OR REPLACE FUNCTION tenantry.wake_jobs(tenant uuid, due timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  known timestamptz;
BEGIN
  SELECT q.next_at INTO known FROM tenantry.job_tenants q WHERE q.tenant_id = tenant FOR KEY SHARE;
  IF NOT FOUND THEN
    INSERT INTO tenantry.job_tenants (tenant_id, next_at) VALUES (tenant, 'infinity') ON CONFLICT (tenant_id) DO NOTHING;
    SELECT q.next_at INTO known FROM tenantry.job_tenants q WHERE q.tenant_id = tenant FOR KEY SHARE;
  END IF;
  IF (known IS NULL OR known > due)
    AND NOT EXISTS (SELECT FROM tenantry.job_wakes w WHERE w.tenant_id = tenant AND w.run_at <= due)
  THEN
    INSERT INTO tenantry.job_wakes (tenant_id, run_at) VALUES (tenant, due);
  END IF;
END
$function$;

-- tenantry.walked_condition(oid)
CREATE OR REPLACE FUNCTION tenantry.walked_condition(target oid)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  found_table record;
BEGIN
  SELECT w.condition, w.problem, w.schema_name, w.table_name INTO found_table
  FROM tenantry.tenant_tables() w WHERE w.target = walked_condition.target OR w.problem IS NOT NULL
  ORDER BY w.problem IS NULL LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'table % has no rows of tenants', target USING ERRCODE = '42P01';
  END IF;
  IF found_table.problem IS NOT NULL THEN
    RAISE EXCEPTION '%.% %', found_table.schema_name, found_table.table_name, found_table.problem USING ERRCODE = '42P16';
  END IF;
  RETURN found_table.condition;
END
$function$;

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

-- tenantry.writes_of(uuid)
CREATE OR REPLACE FUNCTION tenantry.writes_of(tenant uuid)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$ SELECT hashtextextended('writes of ' || tenant::text, 0) $function$;
GRANT EXECUTE ON FUNCTION tenantry.writes_of(uuid) TO tenantry_operator;

-- Tables ----------------------------------------------------------------------------------------------------------------

-- public._prisma_migrations
GRANT SELECT ON TABLE public._prisma_migrations TO tenantry_app;
GRANT SELECT ON TABLE public._prisma_migrations TO tenantry_operator;

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
CREATE TRIGGER count_added AFTER INSERT ON public.api_keys REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('apiKeys', 'revoked_at');
CREATE TRIGGER count_moved AFTER UPDATE ON public.api_keys FOR EACH ROW WHEN (((old.tenant_id <> new.tenant_id) OR ((old.revoked_at IS NULL) <> (new.revoked_at IS NULL)))) EXECUTE FUNCTION tenantry.count_changed('apiKeys', 'revoked_at');
CREATE TRIGGER count_removed AFTER DELETE ON public.api_keys REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('apiKeys', 'revoked_at');
CREATE TRIGGER count_truncated AFTER TRUNCATE ON public.api_keys FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('apiKeys', 'revoked_at');
GRANT INSERT, SELECT ON TABLE public.api_keys TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.api_keys TO tenantry_operator;
GRANT UPDATE (last_used_at), UPDATE (revoked_at) ON TABLE public.api_keys TO tenantry_app;

-- public.audit_log
ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_dropper ON public.audit_log FOR DELETE TO tenantry_owner
  USING (tenantry.is_dropped(tenant_id, id));
CREATE POLICY audit_redactor ON public.audit_log FOR UPDATE TO tenantry_owner
  USING ((EXISTS ( SELECT
   FROM tenantry.audit_redactions r
  WHERE ((r.tenant_id = audit_log.tenant_id) AND (r.entry_id = audit_log.id) AND (r.tx = pg_current_xact_id())))));
CREATE POLICY audit_sealer ON public.audit_log FOR SELECT TO tenantry_owner
  USING (true);
CREATE POLICY audit_writer ON public.audit_log FOR INSERT TO tenantry_owner
  WITH CHECK (true);
CREATE POLICY life_delete ON public.audit_log FOR DELETE TO tenantry_owner
  USING (tenantry.moves_tenant(tenant_id));
CREATE POLICY life_update ON public.audit_log FOR UPDATE TO tenantry_owner
  USING (tenantry.moves_tenant(tenant_id));
CREATE POLICY tenant_isolation ON public.audit_log FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER append_only BEFORE DELETE ON public.audit_log FOR EACH ROW WHEN (((NOT tenantry.moves_tenant(old.tenant_id)) AND (NOT tenantry.is_dropped(old.tenant_id, old.id)))) EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON public.audit_log FOR EACH ROW WHEN (((NOT tenantry.moves_tenant(old.tenant_id)) AND (NOT tenantry.is_redaction(to_jsonb(old.*), to_jsonb(new.*), ARRAY['actor'::text, 'old_value'::text, 'new_value'::text], old.tenant_id, old.id)))) EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER queue_deliveries AFTER INSERT ON public.audit_log FOR EACH ROW EXECUTE FUNCTION tenantry.queue_deliveries();
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER append_only_update;
GRANT SELECT ON TABLE public.audit_log TO tenantry_app;
GRANT SELECT ON TABLE public.audit_log TO tenantry_operator;

-- public.conversations
ALTER TABLE public.conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.conversations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON public.conversations FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.conversations FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Conversation', 'conversation');
CREATE TRIGGER count_added AFTER INSERT ON public.conversations REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_added('conversations');
CREATE TRIGGER count_moved AFTER UPDATE ON public.conversations FOR EACH ROW WHEN ((old.tenant_id <> new.tenant_id)) EXECUTE FUNCTION tenantry.count_changed('conversations');
CREATE TRIGGER count_removed AFTER DELETE ON public.conversations REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('conversations');
CREATE TRIGGER count_truncated AFTER TRUNCATE ON public.conversations FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('conversations');
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

-- public.impersonations
ALTER TABLE public.impersonations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.impersonations FORCE ROW LEVEL SECURITY;
CREATE POLICY resolve_impersonation ON public.impersonations FOR SELECT TO tenantry_owner
  USING (true);
CREATE POLICY tenant_isolation ON public.impersonations FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER announce_impersonation AFTER DELETE OR UPDATE ON public.impersonations FOR EACH ROW EXECUTE FUNCTION tenantry.announce_impersonation();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.impersonations FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Impersonation', 'impersonation');
CREATE TRIGGER check_impersonation BEFORE UPDATE OF ended_at, ended_by ON public.impersonations FOR EACH ROW EXECUTE FUNCTION tenantry.check_impersonation();
GRANT SELECT ON TABLE public.impersonations TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.impersonations TO tenantry_operator;
GRANT UPDATE (ended_at), UPDATE (ended_by) ON TABLE public.impersonations TO tenantry_app;

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
CREATE TRIGGER count_added AFTER INSERT ON public.memberships REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_added('members');
CREATE TRIGGER count_moved AFTER UPDATE ON public.memberships FOR EACH ROW WHEN ((old.tenant_id <> new.tenant_id)) EXECUTE FUNCTION tenantry.count_changed('members');
CREATE TRIGGER count_removed AFTER DELETE ON public.memberships REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('members');
CREATE TRIGGER count_truncated AFTER TRUNCATE ON public.memberships FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('members');
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

-- public.tenant_export_chunks
ALTER TABLE public.tenant_export_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenant_export_chunks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON public.tenant_export_chunks FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER count_added AFTER INSERT ON public.tenant_export_chunks REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_added('exportStorage');
CREATE TRIGGER count_moved AFTER UPDATE ON public.tenant_export_chunks FOR EACH ROW WHEN ((old.tenant_id <> new.tenant_id)) EXECUTE FUNCTION tenantry.count_changed('exportStorage');
CREATE TRIGGER count_removed AFTER DELETE ON public.tenant_export_chunks REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('exportStorage');
CREATE TRIGGER count_truncated AFTER TRUNCATE ON public.tenant_export_chunks FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('exportStorage');
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.tenant_export_chunks TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.tenant_export_chunks TO tenantry_operator;

-- public.tenant_exports
ALTER TABLE public.tenant_exports ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenant_exports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON public.tenant_exports FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.tenant_exports FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('TenantExport', 'tenant_export');
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.tenant_exports TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.tenant_exports TO tenantry_operator;

-- public.tenants
ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY resolve_access ON public.tenants FOR SELECT TO tenantry_owner
  USING (true);
CREATE POLICY tenant_isolation ON public.tenants FOR ALL TO PUBLIC
  USING ((id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER announce_access AFTER DELETE OR UPDATE OF status, slug, plan, suspension_reason ON public.tenants FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON public.tenants FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Tenant', 'tenant');
CREATE TRIGGER next_version BEFORE UPDATE ON public.tenants FOR EACH ROW EXECUTE FUNCTION tenantry.next_version();
CREATE TRIGGER refuse_placed_slug BEFORE INSERT OR UPDATE OF slug ON public.tenants FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_placed_slug();
GRANT SELECT ON TABLE public.tenants TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.tenants TO tenantry_operator;
GRANT UPDATE (billing_email), UPDATE (name), UPDATE (plan), UPDATE (settings), UPDATE (updated_at) ON TABLE public.tenants TO tenantry_app;

-- public.webhook_deliveries
ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhook_deliveries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON public.webhook_deliveries FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.webhook_deliveries TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.webhook_deliveries TO tenantry_operator;

-- public.webhooks
ALTER TABLE public.webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON public.webhooks FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF tenant_id, id, url, description, events, payload, created_by, acts_for, api_key_id, sealed_secret, former_sealed_secret, rotated_at, revision, created_at, disabled_at, disabled_because ON public.webhooks FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('Webhook', 'webhook');
CREATE TRIGGER count_added AFTER INSERT ON public.webhooks REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_added('webhooks');
CREATE TRIGGER count_moved AFTER UPDATE ON public.webhooks FOR EACH ROW WHEN ((old.tenant_id <> new.tenant_id)) EXECUTE FUNCTION tenantry.count_changed('webhooks');
CREATE TRIGGER count_removed AFTER DELETE ON public.webhooks REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('webhooks');
CREATE TRIGGER count_truncated AFTER TRUNCATE ON public.webhooks FOR EACH STATEMENT EXECUTE FUNCTION tenantry.count_changed('webhooks');
GRANT DELETE, INSERT, SELECT ON TABLE public.webhooks TO tenantry_app;
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE public.webhooks TO tenantry_operator;
GRANT UPDATE (acts_for), UPDATE (api_key_id), UPDATE (description), UPDATE (disabled_at), UPDATE (disabled_because), UPDATE (events), UPDATE (failing_since), UPDATE (former_sealed_secret), UPDATE (held_until), UPDATE (payload), UPDATE (revision), UPDATE (rotated_at), UPDATE (sealed_secret), UPDATE (url) ON TABLE public.webhooks TO tenantry_app;

-- tenantry.audit_behind
ALTER TABLE tenantry.audit_behind ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.audit_behind FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_behind FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.audit_behind FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT SELECT ON TABLE tenantry.audit_behind TO tenantry_operator;

-- tenantry.audit_cuts
ALTER TABLE tenantry.audit_cuts ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.audit_cuts FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_cuts FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.audit_cuts FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_cuts FOR EACH ROW WHEN ((NOT tenantry.moves_tenant(old.tenant_id))) EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tenantry.audit_cuts FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_cuts FOR EACH ROW WHEN ((NOT tenantry.moves_tenant(old.tenant_id))) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_cuts ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE tenantry.audit_cuts ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE tenantry.audit_cuts ENABLE ALWAYS TRIGGER append_only_update;
GRANT SELECT ON TABLE tenantry.audit_cuts TO tenantry_app;
GRANT SELECT ON TABLE tenantry.audit_cuts TO tenantry_operator;

-- tenantry.audit_leaves
ALTER TABLE tenantry.audit_leaves ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.audit_leaves FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_leaves FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.audit_leaves FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_leaves FOR EACH ROW WHEN ((NOT tenantry.moves_tenant(old.tenant_id))) EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tenantry.audit_leaves FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_leaves FOR EACH ROW WHEN (((NOT tenantry.moves_tenant(old.tenant_id)) AND (NOT tenantry.is_redaction(to_jsonb(old.*), to_jsonb(new.*), ARRAY['salts'::text], old.tenant_id, old.entry_id)) AND (NOT (((to_jsonb(old.*) - 'salts'::text) = (to_jsonb(new.*) - 'salts'::text)) AND tenantry.is_dropped(old.tenant_id, old.entry_id))))) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_leaves ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE tenantry.audit_leaves ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE tenantry.audit_leaves ENABLE ALWAYS TRIGGER append_only_update;
GRANT SELECT ON TABLE tenantry.audit_leaves TO tenantry_app;
GRANT SELECT ON TABLE tenantry.audit_leaves TO tenantry_operator;

-- tenantry.audit_nodes
ALTER TABLE tenantry.audit_nodes ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.audit_nodes FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_nodes FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.audit_nodes FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_nodes FOR EACH ROW WHEN ((NOT tenantry.moves_tenant(old.tenant_id))) EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tenantry.audit_nodes FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_nodes FOR EACH ROW WHEN ((NOT tenantry.moves_tenant(old.tenant_id))) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_nodes ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE tenantry.audit_nodes ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE tenantry.audit_nodes ENABLE ALWAYS TRIGGER append_only_update;
GRANT SELECT ON TABLE tenantry.audit_nodes TO tenantry_app;
GRANT SELECT ON TABLE tenantry.audit_nodes TO tenantry_operator;

-- tenantry.audit_redactions
ALTER TABLE tenantry.audit_redactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.audit_redactions FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_redactions FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.audit_redactions FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_redactions FOR EACH ROW WHEN (((NOT tenantry.moves_tenant(old.tenant_id)) AND (NOT tenantry.is_dropped(old.tenant_id, old.entry_id)))) EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tenantry.audit_redactions FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_redactions FOR EACH ROW WHEN ((NOT tenantry.moves_tenant(old.tenant_id))) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_redactions ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE tenantry.audit_redactions ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE tenantry.audit_redactions ENABLE ALWAYS TRIGGER append_only_update;
GRANT SELECT ON TABLE tenantry.audit_redactions TO tenantry_app;
GRANT SELECT ON TABLE tenantry.audit_redactions TO tenantry_operator;

-- tenantry.audit_sealer
ALTER TABLE tenantry.audit_sealer ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.audit_sealer FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_sealer FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.audit_sealer TO tenantry_operator;

-- tenantry.audit_seals
ALTER TABLE tenantry.audit_seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.audit_seals FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_seals FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.audit_seals FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_seals FOR EACH ROW WHEN ((NOT tenantry.moves_tenant(old.tenant_id))) EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tenantry.audit_seals FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_seals FOR EACH ROW WHEN ((NOT tenantry.moves_tenant(old.tenant_id))) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_seals ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE tenantry.audit_seals ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE tenantry.audit_seals ENABLE ALWAYS TRIGGER append_only_update;
GRANT SELECT ON TABLE tenantry.audit_seals TO tenantry_app;
GRANT SELECT ON TABLE tenantry.audit_seals TO tenantry_operator;

-- tenantry.audit_trees
ALTER TABLE tenantry.audit_trees ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.audit_trees FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_trees FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.audit_trees FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT SELECT ON TABLE tenantry.audit_trees TO tenantry_app;
GRANT SELECT ON TABLE tenantry.audit_trees TO tenantry_operator;

-- tenantry.cells
ALTER TABLE tenantry.cells ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.cells FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.cells FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.cells TO tenantry_operator;

-- tenantry.context_keys
ALTER TABLE tenantry.context_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.context_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY signing ON tenantry.context_keys FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);

-- tenantry.directory
ALTER TABLE tenantry.directory ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.directory FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.directory FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.directory TO tenantry_operator;

-- tenantry.directory_state
ALTER TABLE tenantry.directory_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.directory_state FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.directory_state FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.directory_state TO tenantry_operator;

-- tenantry.erased_trails
ALTER TABLE tenantry.erased_trails ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.erased_trails FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.erased_trails FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.erased_trails TO tenantry_operator;

-- tenantry.erasure_certificates
ALTER TABLE tenantry.erasure_certificates ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.erasure_certificates FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.erasure_certificates FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.erasure_certificates TO tenantry_operator;

-- tenantry.erasures
ALTER TABLE tenantry.erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.erasures FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.erasures FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.erasures FOR SELECT TO PUBLIC
  USING ((subject = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT SELECT ON TABLE tenantry.erasures TO tenantry_app;
GRANT SELECT ON TABLE tenantry.erasures TO tenantry_operator;

-- tenantry.field_usage
ALTER TABLE tenantry.field_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.field_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY counting ON tenantry.field_usage FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.field_usage FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT SELECT ON TABLE tenantry.field_usage TO tenantry_app;
GRANT SELECT ON TABLE tenantry.field_usage TO tenantry_operator;

-- tenantry.job_schedules
ALTER TABLE tenantry.job_schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.job_schedules FORCE ROW LEVEL SECURITY;
CREATE POLICY queue ON tenantry.job_schedules FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.job_schedules FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT SELECT ON TABLE tenantry.job_schedules TO tenantry_app;
GRANT SELECT ON TABLE tenantry.job_schedules TO tenantry_operator;

-- tenantry.job_tenants
ALTER TABLE tenantry.job_tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.job_tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY queue ON tenantry.job_tenants FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.job_tenants TO tenantry_operator;

-- tenantry.job_wakes
ALTER TABLE tenantry.job_wakes ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.job_wakes FORCE ROW LEVEL SECURITY;
CREATE POLICY queue ON tenantry.job_wakes FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.job_wakes TO tenantry_operator;

-- tenantry.jobs
ALTER TABLE tenantry.jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY queue ON tenantry.jobs FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.jobs FOR ALL TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)))
  WITH CHECK ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT SELECT (actor), SELECT (actor_type), SELECT (attempt), SELECT (created_at), SELECT (finished_at), SELECT (id), SELECT (key), SELECT (last_error), SELECT (leased_until), SELECT (max_attempts), SELECT (payload), SELECT (request_id), SELECT (run_at), SELECT (started_at), SELECT (state), SELECT (task), SELECT (tenant_id), SELECT (traceparent), SELECT (worker) ON TABLE tenantry.jobs TO tenantry_app;
GRANT SELECT (actor), SELECT (actor_type), SELECT (attempt), SELECT (created_at), SELECT (finished_at), SELECT (id), SELECT (key), SELECT (last_error), SELECT (leased_until), SELECT (max_attempts), SELECT (payload), SELECT (request_id), SELECT (run_at), SELECT (started_at), SELECT (state), SELECT (task), SELECT (tenant_id), SELECT (worker) ON TABLE tenantry.jobs TO tenantry_operator;

-- tenantry.life_lines
ALTER TABLE tenantry.life_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.life_lines FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.life_lines FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.life_lines TO tenantry_operator;

-- tenantry.life_work
ALTER TABLE tenantry.life_work ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.life_work FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.life_work FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.life_work TO tenantry_operator;

-- tenantry.listening
ALTER TABLE tenantry.listening ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.listening FORCE ROW LEVEL SECURITY;
CREATE POLICY listeners ON tenantry.listening FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.listening TO tenantry_operator;

-- tenantry.moves
ALTER TABLE tenantry.moves ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.moves FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.moves FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE TRIGGER refuse_placed_move BEFORE INSERT OR UPDATE ON tenantry.moves FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_placed_move();
GRANT SELECT ON TABLE tenantry.moves TO tenantry_operator;

-- tenantry.plans
ALTER TABLE tenantry.plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.plans FORCE ROW LEVEL SECURITY;
CREATE POLICY plans ON tenantry.plans FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.plans TO tenantry_operator;

-- tenantry.resource_usage
ALTER TABLE tenantry.resource_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.resource_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY counting ON tenantry.resource_usage FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.resource_usage FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT SELECT ON TABLE tenantry.resource_usage TO tenantry_app;
GRANT SELECT ON TABLE tenantry.resource_usage TO tenantry_operator;

-- tenantry.schema_moves
ALTER TABLE tenantry.schema_moves ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.schema_moves FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.schema_moves FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.schema_moves TO tenantry_operator;

-- tenantry.schemas
ALTER TABLE tenantry.schemas ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.schemas FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.schemas FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.schemas TO tenantry_operator;

-- tenantry.tenant_usage
ALTER TABLE tenantry.tenant_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.tenant_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY counting ON tenantry.tenant_usage FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
CREATE POLICY tenant_isolation ON tenantry.tenant_usage FOR SELECT TO PUBLIC
  USING ((tenant_id = ( SELECT tenantry.current_tenant() AS current_tenant)));
GRANT SELECT ON TABLE tenantry.tenant_usage TO tenantry_app;
GRANT SELECT ON TABLE tenantry.tenant_usage TO tenantry_operator;

-- tenantry.usage_writers
ALTER TABLE tenantry.usage_writers ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenantry.usage_writers FORCE ROW LEVEL SECURITY;
CREATE POLICY counting ON tenantry.usage_writers FOR ALL TO tenantry_owner
  USING (true)
  WITH CHECK (true);
GRANT SELECT ON TABLE tenantry.usage_writers TO tenantry_operator;

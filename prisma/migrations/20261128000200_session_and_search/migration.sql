-- What depends on the settings and on the locale of a server no longer does: the time zone and the style of dates of a
-- transaction, the case of slugs and names, the search for text. And times that no client can read are refused.

-- Binds this transaction, without asking who says so: see the migration of signed contexts. New is that it also sees to the
-- time zone and the style of dates. Times without an offset, as Prisma writes them, are of that zone. Both are compared in
-- the expression that looks for an earlier binding, for each expression costs.
CREATE OR REPLACE FUNCTION tenantry.open_context(
  tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean,
  seal_front bytea, seal_back bytea
) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
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
    -- Assigned, for PERFORM would run a query; and in one expression.
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
$$;

-- As before; but a slug is compared by the letters A to Z alone. Where the locale is Turkish, lower('I') is another letter.
CREATE OR REPLACE FUNCTION tenantry.resolve_access(
  tenant_ref text, member text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
)
RETURNS TABLE (tenant_id uuid, slug text, status text, role text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- As before; but the names of entities and actions are made of A to Z whatever the locale.
CREATE OR REPLACE FUNCTION tenantry.protect(target regclass, entity text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  table_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = target);
BEGIN
  PERFORM tenantry.isolate(target);
  PERFORM tenantry.audit(target, coalesce(entity, replace(initcap(replace(
    CASE WHEN table_name LIKE '%ies' THEN regexp_replace(table_name, 'ies$', 'y')
         ELSE regexp_replace(table_name, '([^s])s$', '\1') END,
    '_', ' ') COLLATE "C"), ' ', '')));
END
$$;

CREATE OR REPLACE FUNCTION tenantry.audit(target regclass, entity text) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;

-- Refuses times that are no date of a calendar with four digits for the year: 'infinity', those before our era, and those
-- from the year 10000 on. JavaScript and JSON have no common form for them. For tables in which a client chooses a time. It
-- concerns rows that are written from now on.
CREATE FUNCTION tenantry.check_times(target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;
SELECT tenantry.check_times('public.api_keys'), tenantry.check_times('public.invitations');

-- A text as search compares it: in lower case, by Unicode's simple mapping where this server has it (PostgreSQL 17), else
-- by ICU's of no particular language, else by the database's own. Never by that of a language: tr-TR makes another letter of
-- the I, and C has none but A to Z.
DO $$
DECLARE
  chosen constant text := (
    SELECT collname FROM pg_catalog.pg_collation
    WHERE collname IN ('pg_c_utf8', 'und-x-icu') AND collnamespace = 'pg_catalog'::regnamespace
      AND collencoding IN (-1, (SELECT encoding FROM pg_catalog.pg_database WHERE datname = current_database()))
    ORDER BY collname = 'pg_c_utf8' DESC LIMIT 1
  );
BEGIN
  EXECUTE format(
    'CREATE FUNCTION tenantry.folded(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE '
    'RETURN pg_catalog.lower(value COLLATE pg_catalog.%I)', coalesce(chosen, 'default')
  );
END
$$;

-- Prepares a table for search: see src/kernel/graphql/search.ts. Makes the function `tenantry.candidates_of_TABLE`, which answers
-- with the ids of the rows that may contain a term, or null when one has to look through the rows; without an index, always.
CREATE FUNCTION tenantry.make_searchable(target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;

-- Adds an index of trigrams to a searchable table, over the given columns of text: with it, finding a rare term in 100,000
-- rows takes milliseconds. It costs every change of a row: see docs/search.md. May be called more than once.
--
-- Row-level security lets no index serve LIKE, for a condition that might tell what it is asked about waits until the policy
-- has chosen the rows. So the candidates are found by a function that runs as the owner, whom a policy lets read: it narrows
-- to the bound tenant by itself, and answers with ids. Who asks reads the rows, under the policy, and compares exactly.
CREATE FUNCTION tenantry.index_search(target regclass, VARIADIC columns name[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;

-- Takes the index of `index_search` away, and all that came with it but the extensions.
CREATE FUNCTION tenantry.drop_search_index(target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  table_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = target);
  schema_name constant text := (SELECT relnamespace::regnamespace::text FROM pg_catalog.pg_class WHERE oid = target);
BEGIN
  PERFORM tenantry.make_searchable(target);
  EXECUTE format('DROP POLICY IF EXISTS search ON %s', target);
  EXECUTE format('DROP INDEX IF EXISTS %I.%I', schema_name, left(table_name, 56) || '_search');
END
$$;

REVOKE ALL ON FUNCTION
  tenantry.check_times(regclass), tenantry.make_searchable(regclass), tenantry.index_search(regclass, name[]),
  tenantry.drop_search_index(regclass), tenantry.folded(text)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.folded(text) TO tenantry_app, tenantry_operator;

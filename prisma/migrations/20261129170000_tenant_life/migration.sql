-- The life of a tenant: its export, its import, and its erasure. docs/tenant-life.md describes them.
--
--   1  Declarations    what the tables of the server are
--   2  The walk        tenant_tables finds every table with rows of tenants in the catalog
--   3  Work            transactions that move or erase a tenant
--   4  Export          open_tenant_rows
--   5  Import          begin_import, import_rows, finish_import
--   6  The fence       is_fenced: no transaction is bound to a tenant that is being erased
--   7  Erasure         erasures, certificates, and the steps
--   8  Rights
--
-- Nothing here names the tables of an application. They are found when they are needed, so a table that was made outside of
-- the migrations is exported and erased as well.


-- 1  Declarations -------------------------------------------------------------------------------------------------------
--
-- A comment of a table says what the catalog cannot:
--
--   @tenancy shared: …      the table has no rows of tenants. Otherwise a table without a way to a tenant stops the walk.
--   @tenancy derived: …     its rows are copies, or are computed: they are erased, and not exported
--   @tenancy transient: …   its rows are the state of work: they are exported and erased, and not imported

DO $$
BEGIN
  IF to_regclass('public._prisma_migrations') IS NOT NULL THEN
    COMMENT ON TABLE public._prisma_migrations IS '@tenancy shared: the history of migrations';
    GRANT SELECT ON public._prisma_migrations TO tenantry_operator;
  END IF;
END
$$;
COMMENT ON TABLE tenantry.context_keys IS '@tenancy shared: the keys that contexts are signed with';
COMMENT ON TABLE tenantry.plans IS '@tenancy shared: the plans of PLANS_FILE';
COMMENT ON TABLE tenantry.audit_sealer IS '@tenancy shared: which server seals';
COMMENT ON TABLE tenantry.listening IS '@tenancy derived: leases of a minute';
COMMENT ON TABLE tenantry.job_tenants IS '@tenancy derived: shares of workers, made with the next job';
COMMENT ON TABLE tenantry.job_wakes IS '@tenancy derived: says that there are jobs';
COMMENT ON TABLE tenantry.resource_usage IS '@tenancy derived: numbers of rows, kept by triggers';
COMMENT ON TABLE tenantry.audit_behind IS '@tenancy derived: what the sealer has to do';
COMMENT ON TABLE tenantry.job_schedules IS '@tenancy derived: computed from the code and from settings';
COMMENT ON TABLE tenantry.jobs IS
  'Work that a transaction of the tenant has queued. Isolated but not audited: a job is work, not data. The audit log has what its handler changes, and who retried or cancelled it.
@tenancy transient: a job that was moved would run twice';
-- The scan after an erasure reads every table.
GRANT SELECT ON
  tenantry.listening, tenantry.job_tenants, tenantry.job_wakes, tenantry.plans, tenantry.audit_sealer, tenantry.audit_behind
TO tenantry_operator;


-- 2  The walk -----------------------------------------------------------------------------------------------------------

-- What the comment of a table declares: `shared`, `derived` or `transient`; null when it declares nothing.
CREATE FUNCTION tenantry.declared_tenancy(target oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (regexp_match(obj_description(target, 'pg_class'), '(?:^|\n)\s*@tenancy (shared|derived|transient):[ \t]*\S'))[1]
$$;

-- The condition for the rows of the tenant $1 in a table, for the given alias. Null when the table has no way to a tenant.
--
-- A table is of a tenant by its column tenant_id, else by its foreign keys to tenants, else by its foreign keys to tables
-- that are of a tenant: a row is the tenant's when one of them leads there. `passed` are the tables on the way, so that
-- circles end.
CREATE FUNCTION tenantry.tenant_condition(target oid, alias text, passed oid[]) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Every table of this database that has rows of tenants, in every schema. PostgreSQL's own tables and those of extensions
-- are left out, and partitions, because the partitioned table has their rows. `condition` chooses the rows of the tenant $1
-- of the alias t. `problem` says why the walk cannot go on: a table for which nothing says whether it has rows of tenants,
-- or one whose rows tenantry_owner cannot reach.
CREATE FUNCTION tenantry.tenant_tables()
RETURNS TABLE (target oid, schema_name text, table_name text, kind text, condition text, problem text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
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
    AND declared.kind IS DISTINCT FROM 'shared'
    AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C";
END
$$;

-- How the rows of a table are read and deleted: a partitioned table with its partitions, every other one alone.
CREATE FUNCTION tenantry.only_rows(target oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN c.relkind = 'p' THEN '' ELSE 'ONLY ' END || format('%I.%I', n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = target
$$;

-- The condition of a table of the walk. Fails (42P16) when the walk stops at a table, whichever it is, and (42P01) when it
-- does not find this one.
CREATE FUNCTION tenantry.walked_condition(target oid) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;


-- 3  Work ---------------------------------------------------------------------------------------------------------------
--
-- A transaction that imports or erases a tenant writes rows that have been written before, or are no more. No entry of the
-- audit log is made for each of them, and no webhook is told. It says so with a row here, which only the functions of
-- sections 5 and 7 write.

CREATE TABLE tenantry.life_work (
    "subject" UUID NOT NULL PRIMARY KEY,
    "tx" XID8 NOT NULL DEFAULT pg_current_xact_id()
);
ALTER TABLE tenantry.life_work ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.life_work TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.life_work IS '@tenancy shared: which transaction imports or erases a tenant; a row ends with it';
GRANT SELECT ON tenantry.life_work TO tenantry_operator;

-- Whether this transaction imports or erases the tenant. The setting is only asked first because it costs nothing: whoever
-- sets it gains nothing, because the row is what counts.
CREATE FUNCTION tenantry.moves_tenant(tenant uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(current_setting('app.tenant_life', true), '') = '' THEN
    RETURN false;
  END IF;
  RETURN EXISTS (
    SELECT FROM tenantry.life_work w WHERE w.subject = tenant AND w.tx = pg_current_xact_id_if_assigned()
  );
END
$$;

CREATE FUNCTION tenantry.begin_work(tenant uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO tenantry.life_work (subject) VALUES (tenant);
  PERFORM set_config('app.tenant_life', 'on', true);
END
$$;

CREATE FUNCTION tenantry.end_work(tenant uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM tenantry.life_work w WHERE w.subject = tenant;
  PERFORM set_config('app.tenant_life', '', true);
END
$$;

-- As in the kernel; and it writes no entry for rows that are imported or erased.
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
  IF coalesce(current_setting('app.tenant_life', true), '') <> '' THEN
    IF TG_OP = 'INSERT' THEN
      old_row := to_jsonb(NEW);
    ELSE
      old_row := to_jsonb(OLD);
    END IF;
    IF tenantry.moves_tenant(coalesce(old_row ->> 'tenant_id', old_row ->> 'id')::uuid) THEN
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

-- As before; and entries that are imported tell no webhook: they are not new.
CREATE OR REPLACE FUNCTION tenantry.queue_deliveries() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  delivery uuid;
BEGIN
  IF tenantry.moves_tenant(NEW.tenant_id) THEN
    RETURN NULL;
  END IF;
  IF NOT EXISTS (
    SELECT FROM public.webhooks w
    WHERE w.tenant_id = NEW.tenant_id AND w.disabled_at IS NULL AND NEW.action = ANY (w.events)
  ) THEN
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
$$;

-- The log and its seals are changed by redactions and retention, and by transactions that import or erase the tenant.
DROP TRIGGER append_only ON "audit_log";
CREATE TRIGGER append_only BEFORE DELETE ON "audit_log" FOR EACH ROW
  WHEN (NOT tenantry.moves_tenant(OLD."tenant_id") AND NOT tenantry.is_dropped(OLD."tenant_id", OLD."id"))
  EXECUTE FUNCTION tenantry.refuse_change();
DROP TRIGGER append_only_update ON "audit_log";
CREATE TRIGGER append_only_update BEFORE UPDATE ON "audit_log"
  FOR EACH ROW WHEN (NOT tenantry.moves_tenant(OLD."tenant_id") AND NOT tenantry.is_redaction(
    to_jsonb(OLD), to_jsonb(NEW), ARRAY['actor', 'old_value', 'new_value'], OLD."tenant_id", OLD."id"
  )) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE "audit_log" ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_update;
CREATE POLICY life_delete ON "audit_log" FOR DELETE TO tenantry_owner USING (tenantry.moves_tenant(tenant_id));
CREATE POLICY life_update ON "audit_log" FOR UPDATE TO tenantry_owner USING (tenantry.moves_tenant(tenant_id));

DROP TRIGGER append_only ON tenantry.audit_leaves;
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_leaves
  FOR EACH ROW WHEN (NOT tenantry.moves_tenant(OLD."tenant_id")) EXECUTE FUNCTION tenantry.refuse_change();
DROP TRIGGER append_only ON tenantry.audit_redactions;
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_redactions FOR EACH ROW
  WHEN (NOT tenantry.moves_tenant(OLD."tenant_id") AND NOT tenantry.is_dropped(OLD."tenant_id", OLD."entry_id"))
  EXECUTE FUNCTION tenantry.refuse_change();
DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['audit_nodes', 'audit_seals', 'audit_cuts'] LOOP
    EXECUTE format('DROP TRIGGER append_only ON tenantry.%I', target);
    EXECUTE format(
      'CREATE TRIGGER append_only BEFORE DELETE ON tenantry.%I FOR EACH ROW '
      'WHEN (NOT tenantry.moves_tenant(OLD."tenant_id")) EXECUTE FUNCTION tenantry.refuse_change()', target
    );
    EXECUTE format(
      'CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.%I '
      'FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change()', target
    );
  END LOOP;
  FOREACH target IN ARRAY ARRAY['audit_leaves', 'audit_redactions', 'audit_nodes', 'audit_seals', 'audit_cuts'] LOOP
    EXECUTE format(
      'ALTER TABLE tenantry.%I ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_update', target
    );
  END LOOP;
END
$$;


-- 4  Export -------------------------------------------------------------------------------------------------------------

-- Another id for an id, the same for the same key; the id itself without a key. Ids sort as before: a UUIDv7 keeps its time.
CREATE FUNCTION tenantry.derived_id(id uuid, key bytea) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN key IS NULL THEN id ELSE encode(
    substr(uuid_send(id), 1, 8)
      || set_byte(substr(hash, 1, 8), 0, get_byte(hash, 0) & 63 | 128), 'hex'
  )::uuid END
  FROM (SELECT sha256(key || uuid_send(id)) AS hash) AS hashed
$$;

-- A text of the same form without what it says, the same for the same key: digits stay digits, hexadecimal letters and the
-- other letters of A to Z stay such letters, of the same case. Addresses and URLs are of a host that cannot exist.
CREATE FUNCTION tenantry.disguised(value text, key bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- The same for the texts within JSON. Keys, numbers and booleans stay.
CREATE FUNCTION tenantry.disguised_json(value jsonb, key bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- The same for bytes, of the same length.
CREATE FUNCTION tenantry.disguised_bytes(value bytea, key bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(substr(string_agg(sha256(key || value || int4send(block)), ''::bytea ORDER BY block), 1, octet_length(value)), '')
  FROM generate_series(0, octet_length(value) / 32) AS block
$$;

-- Columns that are no secret though their names say so, and texts that say nothing about a person.
COMMENT ON COLUMN tenantry.audit_leaves.salts IS '@tenancy plain: verifiers need them';
COMMENT ON COLUMN tenantry.jobs.lease IS '@tenancy secret: whoever knows it may complete the job';
COMMENT ON COLUMN tenantry.jobs.task IS '@tenancy plain: the name of code';
COMMENT ON COLUMN "tenants"."plan" IS '@tenancy plain: a name in PLANS_FILE';
COMMENT ON COLUMN "api_keys"."permissions" IS '@tenancy plain: names of permissions';
COMMENT ON COLUMN "idempotency_keys"."permissions" IS '@tenancy plain: names of permissions';
COMMENT ON COLUMN "idempotency_keys"."actor_type" IS '@tenancy plain: one of five words';
COMMENT ON COLUMN "webhooks"."events" IS '@tenancy plain: names of events';
COMMENT ON COLUMN "webhook_deliveries"."event" IS '@tenancy plain: the name of an event';
COMMENT ON COLUMN "webhook_deliveries"."entity" IS '@tenancy plain: the name of a type';

-- What of a column is disguised: `secret` when its name or its comment says so, or it is concealed in the audit log; `text`
-- when it may say something about a person; null when neither. A text that a constraint limits to certain words is none.
CREATE FUNCTION tenantry.disguise_of(target oid, attnum smallint) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- The expression that disguises a column of the alias, with the key $2 or $3.
CREATE FUNCTION tenantry.disguise(alias text, column_name text, of_type oid, key text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- A cursor over the rows of the bound tenant in a table of the walk, as PostgreSQL prints them, one line of JSON each, in
-- the order of the primary key. `disguise` says what is disguised with the key: nothing ('none'), secrets ('secrets'), or
-- texts as well ('texts').
--
-- It runs as the owner, so that it needs no grant on tables that were made by hand. The policies hold the owner as well, and
-- the condition narrows to the bound tenant by itself. JSON as text can contain line breaks, though not in its strings.
CREATE FUNCTION tenantry.open_tenant_rows(
  target oid, disguise text, key bytea, expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS refcursor
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;


-- 5  Import -------------------------------------------------------------------------------------------------------------

-- Rows that refer to rows of their own table wait here until all of them are read, so that they are inserted together.
CREATE TABLE tenantry.life_lines (
    "subject" UUID NOT NULL,
    "target" OID NOT NULL,
    "place" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "line" TEXT NOT NULL,
    PRIMARY KEY ("subject", "target", "place")
);
ALTER TABLE tenantry.life_lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.life_lines TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.life_lines IS '@tenancy shared: lines of an import, until its transaction ends';
GRANT SELECT ON tenantry.life_lines TO tenantry_operator;

-- Begins the import of the bound tenant, in one transaction of an operator. Fails (23505) when the tenant exists.
CREATE FUNCTION tenantry.begin_import() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- The statement that inserts lines into a table of the walk: `columns` are those that the lines have, and `source` is a query
-- with (line, place). With a key ($3), every id becomes another one and no secret is what it was. $4 replaces the slug of the
-- tenant. Generated columns are computed anew.
CREATE FUNCTION tenantry.insert_lines(target oid, columns text[], source text, new_ids boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Fails unless this transaction imports the bound tenant. Returns it.
CREATE FUNCTION tenantry.require_import() RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
BEGIN
  IF NOT tenantry.moves_tenant(tenant) THEN
    RAISE EXCEPTION 'no import has begun in this transaction' USING ERRCODE = '42501';
  END IF;
  RETURN tenant;
END
$$;

-- Inserts lines into a table, and returns how many.
CREATE FUNCTION tenantry.import_rows(target oid, columns text[], lines text[], key bytea, slug text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Keeps lines for import_staged.
CREATE FUNCTION tenantry.stage_rows(target oid, lines text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.require_import();
BEGIN
  INSERT INTO tenantry.life_lines (subject, target, line)
  SELECT tenant, stage_rows.target, each.line FROM unnest(lines) WITH ORDINALITY AS each (line, place) ORDER BY each.place;
END
$$;

-- Inserts the lines that were kept for tables which refer to each other, or to themselves: in one statement, at whose end
-- PostgreSQL checks the references. `columns` is JSON, the columns of each table. Returns how many rows.
CREATE FUNCTION tenantry.import_staged(targets oid[], columns jsonb, key bytea, slug text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Ends the import of the bound tenant. Fails (42501) unless every inserted row is the tenant's: `rows` has the number for each
-- of `targets`. Policies would not find a row that leads to a row of another tenant. Entries that are not sealed yet are sealed here, so the number of the transaction that
-- wrote them is that of this one. What comes afterwards in the transaction is recorded as always.
CREATE FUNCTION tenantry.finish_import(targets oid[], rows bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;


-- 6  The fence ----------------------------------------------------------------------------------------------------------

-- Whether the tenant is being erased. As contexts_are_signed, a function that is replaced when the answer changes, so that
-- nothing is left of it in the plan of open_context while no tenant is.
CREATE FUNCTION tenantry.is_fenced(tenant uuid) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN false;

-- As in the kernel; and it refuses (TE001) a tenant that is being erased, but for the transactions that erase it.
CREATE OR REPLACE FUNCTION tenantry.open_context(
  tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean,
  seal_front bytea, seal_back bytea
) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
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
      RAISE EXCEPTION 'the tenant is being erased' USING ERRCODE = 'TE001';
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
$$;


-- 7  Erasure ------------------------------------------------------------------------------------------------------------

-- The tenants that are to be erased, and those that are being erased. The row ends with the erasure.
CREATE TABLE tenantry.erasures (
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7() PRIMARY KEY,
    -- The tenant. No foreign key: the row is there until it is known that nothing else is.
    "subject" UUID NOT NULL UNIQUE,
    "state" TEXT NOT NULL DEFAULT 'requested' CHECK ("state" IN ('requested', 'running')),
    "requested_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    "actor_type" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    -- From when on it may be executed. Until then it can be cancelled.
    "execute_at" TIMESTAMPTZ(3) NOT NULL,
    "former_status" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    -- What was found before the first row was deleted: the tables in the order in which they are erased, with their rows.
    "plan" JSONB,
    -- External stores that have erased the tenant.
    "external" TEXT[] NOT NULL DEFAULT '{}'
);
ALTER TABLE tenantry.erasures ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON tenantry.erasures FOR SELECT USING (%s)', tenantry.isolation_predicate('subject')
  );
END
$$;
CREATE POLICY life ON tenantry.erasures TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.erasures IS '@tenancy shared: which tenants are to be erased; a row ends with the erasure';
GRANT SELECT ON tenantry.erasures TO tenantry_app, tenantry_operator;

-- What is left of an erased tenant: a signed text, in which the tenant is a hash of its id.
CREATE TABLE tenantry.erasure_certificates (
    "id" UUID NOT NULL PRIMARY KEY,
    "issued_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    "certificate" TEXT NOT NULL,
    -- The id of the key that has signed it.
    "key" TEXT,
    "signature" BYTEA
);
ALTER TABLE tenantry.erasure_certificates ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.erasure_certificates TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.erasure_certificates IS '@tenancy shared: it names no tenant';
GRANT SELECT ON tenantry.erasure_certificates TO tenantry_operator;

-- What is left of the audit log of an erased tenant, where its plan keeps it: when something of which kind happened, and the
-- hash that was sealed. No ids, no values, no names.
CREATE TABLE tenantry.erased_trails (
    "certificate" UUID NOT NULL,
    "position" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "actor_type" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "entity" TEXT NOT NULL,
    "leaf" BYTEA NOT NULL,
    PRIMARY KEY ("certificate", "position")
);
ALTER TABLE tenantry.erased_trails ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY life ON tenantry.erased_trails TO tenantry_owner USING (true) WITH CHECK (true);
COMMENT ON TABLE tenantry.erased_trails IS '@tenancy shared: it names no tenant';
GRANT SELECT ON tenantry.erased_trails TO tenantry_operator;

-- Writes is_fenced anew. Whoever calls it has locked `erasures` against other changes.
CREATE FUNCTION tenantry.set_fence() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  fenced constant uuid[] := ARRAY(SELECT e.subject FROM tenantry.erasures e WHERE e.state = 'running' ORDER BY e.subject);
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION tenantry.is_fenced(tenant uuid) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %s',
    CASE WHEN cardinality(fenced) = 0 THEN 'false' ELSE format('tenant = ANY (%L::uuid[])', fenced) END
  );
END
$$;

-- Asks for the erasure of the bound tenant, after a time in seconds, and suspends it. Asking again changes nothing, and is
-- recorded. The server signs the question: a transaction of the tenant alone must not end the tenant.
CREATE FUNCTION tenantry.request_erasure(wait_seconds bigint, expires bigint DEFAULT NULL, signature text DEFAULT NULL)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Cancels the erasure of the bound tenant, which is then as it was. Returns whether there was one that had not begun.
CREATE FUNCTION tenantry.cancel_erasure() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Begins to erase a tenant: from the commit on no transaction is bound to it. Those that were open before have to end before
-- anything is deleted. `actor` is the operator, where nobody has asked before. Returns the id of the erasure; null when there
-- is no such tenant and none is being erased. May be called again.
CREATE FUNCTION tenantry.start_erasure(tenant uuid, actor text, expires bigint DEFAULT NULL, signature text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Records what is to be erased, before it is. A plan is not replaced.
CREATE FUNCTION tenantry.set_erasure_plan(erasure uuid, new_plan jsonb) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ UPDATE tenantry.erasures e SET plan = new_plan WHERE e.id = erasure AND e.state = 'running' AND e.plan IS NULL $$;

-- Records that an external store has erased the tenant.
CREATE FUNCTION tenantry.note_external_erasure(erasure uuid, store text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  UPDATE tenantry.erasures e SET external = e.external || store
  WHERE e.id = erasure AND e.state = 'running' AND store <> ALL (e.external)
$$;

-- Binds this transaction to the tenant of an erasure that has begun and has a plan, as the system.
CREATE FUNCTION tenantry.open_erasure(erasure uuid, expires bigint, signature text) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- The columns of foreign keys of a table to itself, and those that they refer to, as a condition: a row of the alias `child`
-- refers to that of the alias t. Null when there are none.
CREATE FUNCTION tenantry.own_children(target oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(pairs, ' OR ') FROM (
    SELECT '(' || (
      SELECT string_agg(format('child.%I = t.%I', own.attname, other.attname), ' AND ')
      FROM unnest(c.conkey, c.confkey) AS pair (own, other)
      JOIN pg_attribute own ON own.attrelid = target AND own.attnum = pair.own
      JOIN pg_attribute other ON other.attrelid = target AND other.attnum = pair.other
    ) || ')' AS pairs
    FROM pg_constraint c WHERE c.conrelid = target AND c.confrelid = target AND c.contype = 'f' AND c.conparentid = 0
  ) AS each
$$;

-- Deletes at most `most` rows of the tenant from a table of the walk, and returns how many. Rows that others of the same
-- table refer to come later; what is left when all refer to each other in circles goes at once.
CREATE FUNCTION tenantry.erase_rows(
  erasure uuid, target oid, most integer, expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Deletes the rows of the tenant from tables that refer to each other in a circle, in one statement, and returns how many.
CREATE FUNCTION tenantry.erase_circle(
  erasure uuid, targets oid[], expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Keeps of the audit log what names nobody, before it is erased. May be called again.
CREATE FUNCTION tenantry.keep_trail(erasure uuid, expires bigint DEFAULT NULL, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Refreshes every materialised view: it may have copies of rows that are erased. Those that another role owns are left alone,
-- and the scan finds what is in them.
CREATE FUNCTION tenantry.refresh_views() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  view regclass;
BEGIN
  FOR view IN
    SELECT c.oid FROM pg_class c WHERE c.relkind = 'm' AND c.relispopulated AND pg_has_role(c.relowner, 'USAGE') ORDER BY c.oid
  LOOP
    EXECUTE format('REFRESH MATERIALIZED VIEW %s', view);
  END LOOP;
END
$$;

-- Ends an erasure: the certificate stays, and the fence is lowered. Fails (42501) while the tenant has a row.
CREATE FUNCTION tenantry.finish_erasure(erasure uuid, certificate text, key text, seal bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;


-- 8  Rights -------------------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL ROUTINES IN SCHEMA tenantry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  tenantry.declared_tenancy(oid), tenantry.tenant_condition(oid, text, oid[]), tenantry.tenant_tables(),
  tenantry.open_tenant_rows(oid, text, bytea, bigint, text), tenantry.only_rows(oid),
  -- Rows of the cursor are computed when they are fetched, as whoever fetches them.
  tenantry.derived_id(uuid, bytea), tenantry.disguised(text, bytea), tenantry.disguised_json(jsonb, bytea),
  tenantry.disguised_bytes(bytea, bytea)
TO tenantry_app, tenantry_operator;
GRANT EXECUTE ON FUNCTION tenantry.request_erasure(bigint, bigint, text), tenantry.cancel_erasure() TO tenantry_app;
GRANT EXECUTE ON FUNCTION
  tenantry.begin_import(),
  tenantry.import_rows(oid, text[], text[], bytea, text),
  tenantry.stage_rows(oid, text[]), tenantry.import_staged(oid[], jsonb, bytea, text),
  tenantry.finish_import(oid[], bigint[]), tenantry.cancel_erasure(),
  tenantry.start_erasure(uuid, text, bigint, text), tenantry.set_erasure_plan(uuid, jsonb),
  tenantry.note_external_erasure(uuid, text), tenantry.erase_rows(uuid, oid, integer, bigint, text),
  tenantry.erase_circle(uuid, oid[], bigint, text), tenantry.keep_trail(uuid, bigint, text),
  tenantry.finish_erasure(uuid, text, text, bytea), tenantry.refresh_views()
TO tenantry_operator;

COMMENT ON FUNCTION tenantry.import_rows(oid, text[], text[], bytea, text) IS
  '@tenancy audited: the names of columns are only compared with those of the catalog, and the lines are values';

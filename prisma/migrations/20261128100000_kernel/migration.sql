-- The SQL kernel: what PostgreSQL itself guarantees about tenants, whatever the application does.
--
--    1  The schema                      who may look into it
--    2  Ids                             uuid_v7
--    3  The context                     current_tenant, current_actor, bind
--    4  Signed contexts                 keys, signatures, the seal
--    5  Isolation                       isolate
--    6  The audit log                   the trigger, secrets, record_audit
--    7  Protection                      protect: isolation and audit in one call
--    8  Columns that the kernel keeps   versions, times
--    9  Published changes               publish, listen
--   10  Access                          what is asked before a tenant is bound, and announcements of its changes
--   11  Invitations                     accept_invitation
--   12  Search                          make_searchable, index_search
--   13  Tables in use                   patiently, backfill_tenant
--   14  Rights                          who may call which function
--
-- The tables are in the next migration. prisma/kernel.sql shows the functions, policies, grants and triggers as they are in
-- the database after all migrations.
--
-- Three roles exist before the first migration runs; `tenantry migrate` creates them:
--
--   tenantry_owner      owns every object and runs migrations; row-level security is forced on it too
--   tenantry_app        the server connects as this role: it owns nothing, and has neither SUPERUSER nor BYPASSRLS
--   tenantry_operator   operators connect as this role: it has BYPASSRLS
--
-- Functions that run as their owner (SECURITY DEFINER) have a fixed search_path, so that no name in them can be made to mean
-- another object. A name in the body of a function has its schema unless the object is PostgreSQL's own.


-- 1  The schema ---------------------------------------------------------------------------------------------------------

CREATE SCHEMA tenantry;
REVOKE ALL ON SCHEMA tenantry FROM PUBLIC;
GRANT USAGE ON SCHEMA tenantry TO tenantry_app, tenantry_operator;

-- The server refuses to run on a database whose migrations are not its own, so it has to read their history. The scratch
-- database in which a new migration is written has no such table.
DO $$
BEGIN
  IF to_regclass('public._prisma_migrations') IS NOT NULL THEN
    GRANT SELECT ON public._prisma_migrations TO tenantry_app;
  END IF;
END
$$;


-- 2  Ids ----------------------------------------------------------------------------------------------------------------

-- A UUIDv7 (RFC 9562) from the database's clock: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits. Ids
-- sort by the microsecond in which they were made. PostgreSQL has a uuidv7() of its own only from version 18 on.
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


-- 3  The context --------------------------------------------------------------------------------------------------------
--
-- The context of a transaction says for which tenant it works and on whose behalf. It consists of settings that end with the
-- transaction, so that none reaches the next user of a pooled connection:
--
--   app.current_tenant       the tenant's id
--   app.current_actor        the id of the user, API key, job or operator
--   app.current_actor_type   user, api_key, job, operator or system
--   app.current_request      the id of the request, for the audit log
--   app.context_seal         proves the other four, in a database with signing keys (section 4)
--
-- `bind` sets them, once, as the first statement of every transaction on tenant data. Policies, defaults of columns and
-- triggers read them through current_tenant and current_actor.

-- Whether contexts have to be signed, which is when there is a signing key. A function, because PostgreSQL puts the result
-- of an immutable function into plans, so that the callers read no table. add_context_key replaces it when the first key is
-- added, and revoke_context_key when the last one is removed.
CREATE FUNCTION tenantry.contexts_are_signed() RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN false;

-- The tenant to which this transaction is bound. Fails (42501) when there is none: an unbound query is a defect, and no rows
-- as its result would hide the defect. Fails likewise when the context is not the one that was bound. A setting that was
-- local to an earlier transaction reads '' rather than NULL.
--
-- Whoever relies on another part of the context calls this function first, since it checks the seal of all parts.
CREATE FUNCTION tenantry.current_tenant() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- On whose behalf this transaction acts. Fails as current_tenant does.
CREATE FUNCTION tenantry.current_actor(OUT actor_type text, OUT actor text)
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant uuid;
BEGIN
  tenant := tenantry.current_tenant();
  actor_type := current_setting('app.current_actor_type');
  actor := current_setting('app.current_actor');
END
$$;

-- Sets the context, without a check of who asks for it: the last step of `bind` and of accept_invitation. Nobody else may
-- call it. Without signing keys it uses SET LOCAL rather than set_config: a distributed PostgreSQL forwards only the former
-- to its workers. With signing keys it uses set_config, which is cheaper, because a seal does not hold on a worker anyway:
-- there the transaction begins at another time. There is no EXCEPTION block, because it would open a subtransaction.
--
-- Times without an offset, as Prisma writes them, mean UTC, so the time zone and the style of dates are set too when they
-- are different. They are compared in the same expression as an earlier binding, because PostgreSQL prepares every
-- expression anew in each transaction, and that is most of what the function costs.
CREATE FUNCTION tenantry.open_context(
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

-- Binds this transaction to a tenant, and says on whose behalf it acts. It is the first statement of a transaction, at its
-- top level, once. `read_only` makes the rest of the transaction read-only; `statement_timeout_ms` is in milliseconds.
--
-- It runs as the owner so that it can read the keys, and so that the statements it executes, with their values, are not
-- shown to the server's role in pg_stat_statements.
--
-- A signature is first compared with one key, which is nearly always the only one. When that fails, require_signature tries
-- all keys and raises the error. The second step costs more, and is rarely taken.
CREATE FUNCTION tenantry.bind(
  tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean,
  expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;


-- 4  Signed contexts ----------------------------------------------------------------------------------------------------
--
-- The settings of a context can be written by whoever can run SQL. Signing keys take that away from an attacker who slips
-- SQL into a statement of the server (docs/signed-contexts.md says what this protects against):
--
--   1. `bind` accepts a context only from a server that holds a key. The context comes with the time at which it expires and
--      an HMAC-SHA256, as parameters, which no later statement can read.
--   2. `bind` seals what it sets, for this transaction alone, with a second key that never leaves the database. Functions
--      that rely on the context check the seal, and so refuse settings that were changed, or copied to another transaction.
--
-- Without keys nothing has to be signed. The owner adds keys (`tenantry migrate`) and revokes them. No function that others
-- may call returns one.

-- Keys in the form in which HMAC uses them (RFC 2104): padded to 64 bytes and combined with its two constants beforehand.
-- Each row also has the key of the seals, which is the same in all rows, so that one look-up finds both.
CREATE TABLE tenantry.context_keys (
    "fingerprint" TEXT NOT NULL PRIMARY KEY,
    "inner_pad" BYTEA NOT NULL CHECK (octet_length("inner_pad") = 64),
    "outer_pad" BYTEA NOT NULL CHECK (octet_length("outer_pad") = 64),
    "seal_front" BYTEA NOT NULL CHECK (octet_length("seal_front") = 64),
    "seal_back" BYTEA NOT NULL CHECK (octet_length("seal_back") = 64),
    "added_at" TIMESTAMPTZ NOT NULL DEFAULT now()
);
ALTER TABLE tenantry.context_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY signing ON tenantry.context_keys TO tenantry_owner USING (true) WITH CHECK (true);
REVOKE ALL ON tenantry.context_keys FROM PUBLIC;
-- A statistic would be a copy of the key.
ALTER TABLE tenantry.context_keys
  ALTER "inner_pad" SET STATISTICS 0, ALTER "outer_pad" SET STATISTICS 0,
  ALTER "seal_front" SET STATISTICS 0, ALTER "seal_back" SET STATISTICS 0;

-- Accepts signatures made with a key from now on. From the first key on, unsigned contexts are refused. `fingerprint` names
-- the key.
CREATE FUNCTION tenantry.add_context_key(fingerprint text, inner_pad bytea, outer_pad bytea) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Accepts signatures made with a key no longer. Without any key, contexts are unsigned again. Returns whether there was such
-- a key.
CREATE FUNCTION tenantry.revoke_context_key(revoked text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Refuses (42501) what no holder of a signing key has signed for now. Returns true when the signature is good, and false
-- when there is no key, so that nothing has to be signed.
--
-- `message` consists of its purpose, so that a signature serves no other one, of `expires`, and of everything by which the
-- caller decides, with unit separators in between. The server signs no part that contains a separator, and a part that may
-- be null counts as empty, so there is only one way to read a message. `expires` is in seconds since 1970. Signatures are
-- valid for one minute; another minute is allowed for a server whose clock is ahead.
CREATE FUNCTION tenantry.require_signature(message text, expires bigint, signature text) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
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
$$;

-- For a server that starts: whether contexts have to be signed. Fails when they have to be and this signature is not good.
CREATE FUNCTION tenantry.context_signing(expires bigint, signature text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT tenantry.require_signature(concat_ws(E'\x1f', 'start', expires), expires, signature) $$;

-- The seal of the context that is set in this transaction. It contains the start of the transaction, so it is worthless in
-- another one. There is only one way to read a context, because no part of a signed one contains a separator. Null when a
-- part is missing: no seal equals that.
--
-- One part of the key stands before the message, filling SHA-256's first block, and the other behind it: the sandwich
-- construction, which is as strong as HMAC (Yasuda, ACISP 2007) and needs one hash instead of two.
CREATE FUNCTION tenantry.seal(front bytea, back bytea) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
  RETURN encode(sha256(front || timestamptz_send(now()) || convert_to(
    current_setting('app.current_tenant', true) || E'\x1f' || current_setting('app.current_actor', true) || E'\x1f'
    || current_setting('app.current_actor_type', true) || E'\x1f' || current_setting('app.current_request', true),
    'UTF8'
  ) || back), 'hex');
END
$$;


-- 5  Isolation ----------------------------------------------------------------------------------------------------------

-- The condition of every isolation policy, in one place: a distributed PostgreSQL that refuses sub-selects in policies needs
-- it changed here only. The sub-select makes PostgreSQL call the function once per query, not once per row.
CREATE FUNCTION tenantry.isolation_predicate(tenant_column name) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT format('%I = (SELECT tenantry.current_tenant())', tenant_column) $$;

-- Makes a table tenant-scoped: row-level security that binds its owner too, the isolation policy, and the grants. May be
-- called more than once. Alone, without `protect`, it is for tables that hold no data of the tenant's own making.
--
-- Refuses (42P16) a table on which row-level security alone would not isolate. PostgreSQL checks keys without row-level
-- security, so a unique key without the tenant tells what other tenants have, and a foreign key without it can refer to a
-- row of another tenant.
CREATE FUNCTION tenantry.isolate(target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;


-- 6  The audit log ------------------------------------------------------------------------------------------------------

-- Whether the name of a column says that it holds a secret, in any style of writing: password_hash, apiSecret, Access-Token.
-- In doubt it says yes. The server has the same expression, in secret-names.ts; a test compares the two.
CREATE FUNCTION tenantry.names_secret(column_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT column_name ~*
    'pass[_ -]?(word|wd|code|phrase|key)|pwd|secret(?!ar)|token|credential|hash(?!tag)|salt|(api|access|private|signing|encryption|session|recovery|backup)[_ -]?(key|code)'
$$;

-- The row trigger that writes the audit log: one entry for each changed row, in the transaction of the change, or the change
-- fails. Arguments: the entity's name, the prefix of its actions, and the columns that `conceal` has declared secret.
--
-- The tenant is the row's own, the actor that of the context. Without a context an entry can only come from somebody whom
-- row-level security does not hold or who owns the tables, and has the name of the database role: anybody else who has no
-- context has removed it after the change, and is refused.
--
-- Columns that hold secrets are left out: those whose names say so, and those that were declared. A declared column that no
-- longer exists was renamed, and nobody has said whether it is secret under its new name, so the change is refused.
CREATE FUNCTION tenantry.write_audit() RETURNS trigger
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

-- The columns of a table that were declared secret. PostgreSQL stores the arguments of a trigger with a zero byte after each
-- and with backslashes doubled.
CREATE FUNCTION tenantry.concealed(target regclass) RETURNS text[]
LANGUAGE sql STABLE
AS $$
  SELECT coalesce((
    SELECT (string_to_array(replace(encode(tgargs, 'escape'), '\\', '\'), '\000'))[3:tgnargs]
    FROM pg_catalog.pg_trigger
    WHERE tgrelid = target AND tgfoid = 'tenantry.write_audit'::regproc AND tgname = 'audit'
  ), '{}')
$$;

-- Puts the audit trigger on a table; what was declared secret stays secret. `protect` calls it. Only the tenants table,
-- which has policies and grants of its own, needs it alone. The prefix of actions is made of A to Z in every locale.
CREATE FUNCTION tenantry.audit(target regclass, entity text) RETURNS void
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

-- Declares columns secret whose names do not say so, in addition to those that were declared before and still exist. May be
-- called more than once. What the log recorded before stays in it.
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

-- Records something that is not a change of a row: an export, a sign-in, a denied attempt. Tenant, actor and request come
-- from the context, never from the caller; current_tenant checks all of them. The actions of write_audit are refused, so
-- that an entry which says that a row was changed exists only if it was.
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

-- The trigger that keeps the audit log as it is. It holds for everybody, the owner included: an entry is never changed or
-- removed.
CREATE FUNCTION tenantry.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '42501';
END
$$;


-- 7  Protection ---------------------------------------------------------------------------------------------------------

-- Makes a table tenant-scoped and audited, in one call: `isolate` and `audit`. May be called more than once, and refuses what
-- `isolate` refuses. `entity` is the table's name in the audit log; without it the table's name is taken in the singular
-- (line_items becomes LineItem), with the letters A to Z in every locale.
CREATE FUNCTION tenantry.protect(target regclass, entity text DEFAULT NULL) RETURNS void
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


-- 8  Columns that the kernel keeps --------------------------------------------------------------------------------------

-- The trigger behind count_versions. It ignores the version that an UPDATE gives, and does not count an UPDATE that changes
-- nothing, as the audit log does not record it.
CREATE FUNCTION tenantry.next_version() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  NEW.version := OLD.version;
  -- Compares the rows' bytes: not every type has an equality (json has none).
  IF NEW OPERATOR(pg_catalog.*<>) OLD THEN
    NEW.version := OLD.version + 1;
  END IF;
  RETURN NEW;
END
$$;

-- Gives each row of a table a version that grows by one with each change, whoever makes it, for clients that must not
-- overwrite what they have not seen. The table has a column `version integer NOT NULL DEFAULT 1`. May be called more than
-- once.
CREATE FUNCTION tenantry.count_versions(target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;

-- Refuses times that have no date with a year of four digits: 'infinity', times before our era, and those from the year
-- 10000 on. JavaScript and JSON have no common form for them. For tables in which a client chooses a time. It checks rows
-- that are written from now on; NOT VALID, so that it can be put on a table that has others.
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


-- 9  Published changes --------------------------------------------------------------------------------------------------
--
-- A change of a published table is announced on the channel tenantry_changes when it is committed. An announcement holds ids
-- only, because a channel has no row-level security; whoever receives it reads the row again, bound to its own tenant. With
-- NOTIFY, transactions commit one after the other, so it is used only for tenants in which somebody listens.

-- In which tenants somebody listens, and until when. Servers prolong what they need; a server that dies leaves nothing
-- behind for longer than a minute. The table is unlogged: after a crash every server has lost its connection and asks anew.
-- The next migration adds the foreign key to tenants.
CREATE UNLOGGED TABLE tenantry.listening (
    "tenant_id" UUID NOT NULL PRIMARY KEY,
    -- A new one whenever the lease had lapsed: a listener that finds it changed may have missed something.
    "lease" UUID NOT NULL,
    "until" TIMESTAMPTZ NOT NULL
);
ALTER TABLE tenantry.listening ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY listeners ON tenantry.listening TO tenantry_owner USING (true) WITH CHECK (true);

-- The trigger behind `publish`. Arguments: the entity's name in the audit log, then the columns whose ids are announced
-- beside the row's own. A row that moves from one parent to another is announced under both. A transaction at repeatable
-- read or above does not see a lease that is younger than its snapshot.
CREATE FUNCTION tenantry.announce_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Publishes the changes of a protected table. May be called more than once. `parents` are columns that a subscription
-- chooses by, such as the conversation of a message. Only ids can be announced, so these columns are of type uuid.
--
-- The trigger is deferred to the end of the transaction, so that it sees who listens then: a server that has begun to listen
-- while the transaction was under way is told as well. The exception is a transaction without a tenant, which is
-- maintenance: a migration could not alter a table that has a deferred trigger pending.
CREATE FUNCTION tenantry.publish(target regclass, VARIADIC parents name[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;

-- Whether the changes of an entity are announced at all, so that a server that is asked to follow one that is not can say so
-- instead of waiting for ever.
CREATE FUNCTION tenantry.is_published(entity text) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (
    SELECT FROM pg_catalog.pg_trigger
    WHERE tgname = 'publish' AND tgfoid = 'tenantry.announce_change'::pg_catalog.regproc
      AND split_part(encode(tgargs, 'escape'), '\000', 1) = entity
  )
$$;

-- The functions of language sql from here to the end of section 11 read tables of the next migration. PostgreSQL would
-- refuse them now; their names are looked up when the functions are called.
SET LOCAL check_function_bodies = off;

-- From the commit on, and for one minute, changes in these tenants are announced. Returns the lease of each; a tenant that
-- does not exist has none.
CREATE FUNCTION tenantry.listen(tenant_ids uuid[]) RETURNS TABLE (tenant_id uuid, lease uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO tenantry.listening AS held (tenant_id, lease, until)
  SELECT id, gen_random_uuid(), clock_timestamp() + interval '1 minute'
  -- In order, so that two servers do not wait for each other.
  FROM public.tenants WHERE id = ANY (tenant_ids) ORDER BY id
  ON CONFLICT (tenant_id) DO UPDATE SET
    -- A few seconds early, for a transaction that is committing right now may find that the minute is over.
    lease = CASE WHEN held.until > clock_timestamp() + interval '5 seconds' THEN held.lease ELSE excluded.lease END,
    until = excluded.until
  RETURNING held.tenant_id, held.lease
$$;


-- 10  Access ------------------------------------------------------------------------------------------------------------
--
-- Some questions come before a tenant is bound, or reach beyond it. Each is one function that runs as the owner, whom a
-- policy of the table lets read; nothing at run time connects as the owner. resolve_api_key and listen are asked with a
-- secret, or with an id that nobody guesses. Who is a member of which tenant can be guessed, so the server signs that
-- question (section 4).

-- The tenant named by `tenant_ref` (its id or its slug) and the role of `member` in it. The role is null when it is no
-- member; there is no row when there is no such tenant. A slug is compared by the letters A to Z alone: where the locale is
-- Turkish, lower('I') is another letter.
CREATE FUNCTION tenantry.resolve_access(
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

-- The API key with this hash, its tenant, and the role that its creator has there now. There is no row when there is no such
-- key, when it has expired or was revoked, and when its creator is no longer a member.
CREATE FUNCTION tenantry.resolve_api_key(presented_hash text)
RETURNS TABLE (
  api_key_id uuid, permissions text[], expires_at timestamptz, created_by text, creator_role text,
  tenant_id uuid, slug text, status text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.id, k.permissions, k.expires_at, k.created_by, m.role, t.id, t.slug, t.status
  FROM public.api_keys k
  JOIN public.tenants t ON t.id = k.tenant_id
  JOIN public.memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.created_by
  WHERE k.key_hash = presented_hash
    AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
$$;

-- Every tenant of the user on whose behalf this transaction acts. No rows for another kind of actor.
CREATE FUNCTION tenantry.memberships_of_actor()
RETURNS TABLE (tenant_id uuid, slug text, name text, status text, role text, joined_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT t.id, t.slug, t.name, t.status, m.role, m.joined_at
  FROM tenantry.current_actor() acting
  JOIN public.memberships m ON acting.actor_type = 'user' AND m.user_id = acting.actor
  JOIN public.tenants t ON t.id = m.tenant_id
  ORDER BY m.joined_at, t.id
$$;

-- Tells every server that what it has cached of a member's access no longer holds. Ids only, because a channel has no
-- row-level security.
CREATE FUNCTION tenantry.announce_access() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;

-- Tells every server that what it has cached of an API key no longer holds. A key acts for its creator, so the message is
-- that the creator's access has changed. A new key is announced too: servers remember for a moment that there is no key with
-- a certain hash, and a restored backup or a migration from elsewhere can insert a key with a given hash.
CREATE FUNCTION tenantry.announce_api_key() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM pg_notify('tenantry_access', json_build_object('tenantId', NEW.tenant_id, 'userId', NEW.created_by)::text);
  ELSE
    PERFORM pg_notify('tenantry_access', json_build_object('tenantId', OLD.tenant_id, 'userId', OLD.created_by)::text);
  END IF;
  RETURN NULL;
END
$$;

-- Revokes the keys of a member who leaves the tenant, so that they are not valid again when the member comes back.
CREATE FUNCTION tenantry.revoke_api_keys_of_member() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;


-- 11  Invitations -------------------------------------------------------------------------------------------------------

-- The whole of an acceptance, in one statement: finds the invitation by the hash of its token, and makes `invitee` a member
-- of its tenant when everything holds. `verified_email` is the address that the identity provider vouches for. It returns
-- one row, whose `outcome` is
--
--   accepted      with the new membership and its tenant; all other columns are null in every other case
--   unknown       no invitation has such a token: there never was one, or a newer one has replaced it
--   other_email   it is for somebody else; this is found before anything else is looked at, so that nothing else is told
--   suspended, revoked, used, expired, member
--
-- It binds a transaction in the name of `invitee`, for whom the server has to answer, so the server signs the question. The
-- context is that of the invitation's tenant, so that row-level security and the audit log work as always.
--
-- The transaction may be bound to another tenant already: a member of one tenant who accepts with an Idempotency-Key does so
-- in the transaction of the key, which undoes both or neither. Then `invitee` must be the user on whose behalf it acts, and
-- the transaction is bound to its own tenant again afterwards. After an error, PostgreSQL restores the settings with the
-- rest of the (sub)transaction.
CREATE FUNCTION tenantry.accept_invitation(
  presented_hash text, invitee text, verified_email text, request_id text,
  expires bigint DEFAULT NULL, signature text DEFAULT NULL
)
RETURNS TABLE (
  outcome text, membership_id uuid, role text, joined_at timestamptz,
  tenant_id uuid, slug text, name text, status text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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
$$;

-- Revokes what a member has sent, and nobody has accepted yet, when the member leaves the tenant or falls in rank. Otherwise
-- a member could invite a second self and so outlive their removal.
CREATE FUNCTION tenantry.revoke_invitations_of_member() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
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
$$;

SET LOCAL check_function_bodies = on;


-- 12  Search ------------------------------------------------------------------------------------------------------------

-- A text as search compares it: in lower case, by Unicode's simple mapping where this server has it (PostgreSQL 17), else by
-- ICU's of no particular language, else by the database's own. Never by that of a language: tr-TR makes another letter of the
-- I, and C knows only A to Z.
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

-- Prepares a table for search. Makes the function `tenantry.candidates_of_TABLE`, which returns the ids of the rows that may
-- contain a term, or null when the caller has to look through the rows; without an index it is always null.
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
-- rows takes milliseconds. It makes every change of a row dearer: see docs/search.md. May be called more than once.
--
-- With row-level security, LIKE cannot use an index: a condition whose function might reveal the values it is given is
-- checked only after the policy has chosen the rows. So the candidates are found by a function that runs as the owner, whom a
-- policy lets read: it narrows to the bound tenant by itself, and returns ids. The caller reads the rows, under the policy,
-- and compares exactly.
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

-- Removes the index of `index_search`, and everything that came with it except the extensions.
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


-- 13  Tables in use -----------------------------------------------------------------------------------------------------
--
-- The migrations that `tenantry tenantize` writes make a table tenant-scoped while it is in use. They are built from these
-- two procedures. A server does not need them; only the owner may call them.

-- Runs statements that need strong locks for a moment, without ever making a queue: whoever waits for a lock holds up
-- everybody who comes later, so no wait is longer than a fifth of a second, and in between the others go on. All or nothing.
-- Gives up (55P03) after sixty attempts, which take about three minutes.
--
-- `targets` are the tables that are to be locked. They are first locked in a mode that hinders neither readers nor writers,
-- and with a long wait: autovacuum gives way only to a wait that is longer than deadlock_timeout.
CREATE PROCEDURE tenantry.patiently(targets regclass[], statements text)
LANGUAGE plpgsql
AS $$
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
$$;

-- Gives every row of a table its tenant, in small transactions, page by page. The table's own trigger knows the tenant
-- (`tenantry tenantize` puts it there); a row is only touched. It may be cut off at any time and called again, because a row
-- that has a tenant is done. To be called alone, outside of a transaction.
--
-- A batch takes about a twentieth of a second, for which others may have to wait for its rows; then it rests for that time
-- multiplied by `rest`. A row that somebody holds is left for later. Its application_name says how far it has got. Fails
-- (23502), and names them, when there are rows whose tenant is not known.
CREATE PROCEDURE tenantry.backfill_tenant(target regclass, rest double precision DEFAULT 0.5)
LANGUAGE plpgsql
AS $$
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
$$;


-- 14  Rights ------------------------------------------------------------------------------------------------------------
--
-- PostgreSQL lets everybody execute a new function. Here nobody but the owner may, except for what is listed.

REVOKE ALL ON ALL ROUTINES IN SCHEMA tenantry FROM PUBLIC;

-- What a transaction on tenant data needs.
GRANT EXECUTE ON FUNCTION
  tenantry.uuid_v7(),
  tenantry.bind(uuid, text, text, text, integer, boolean, bigint, text),
  tenantry.current_tenant(),
  tenantry.current_actor(),
  tenantry.context_signing(bigint, text),
  tenantry.record_audit(text, text, text, jsonb, jsonb),
  tenantry.folded(text)
TO tenantry_app, tenantry_operator;

-- What only a server asks. An operator reads the tables instead.
GRANT EXECUTE ON FUNCTION
  tenantry.resolve_access(text, text, bigint, text),
  tenantry.resolve_api_key(text),
  tenantry.memberships_of_actor(),
  tenantry.accept_invitation(text, text, text, text, bigint, text),
  tenantry.listen(uuid[]),
  tenantry.is_published(text)
TO tenantry_app;

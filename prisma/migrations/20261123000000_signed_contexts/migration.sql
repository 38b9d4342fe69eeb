-- Signed contexts: SQL that an attacker slips into a statement cannot change whom the transaction acts for.
--
-- The settings behind a context can be written by whoever runs SQL. With a signing key in the database,
--
--   1. `bind` takes a context from nobody but a server that holds the key: it comes with an expiry and an HMAC-SHA256,
--      as parameters, which no later statement can read;
--   2. what `bind` sets is sealed, with a second key that never leaves the database, for this transaction alone. Whatever
--      trusts the context verifies the seal: settings that were altered, or carried to another transaction, are refused.
--
-- Without a key everything is as it was. Keys belong to the owner, who sets them (`tenantry migrate`) and revokes them;
-- no function that others may call answers with one. docs/signed-contexts.md says what that protects against.

-- Keys in the form in which HMAC uses them (RFC 2104): padded to 64 bytes and mixed with its two constants beforehand. With
-- each the key of the seals, the same in all rows, so that one look-up finds both.
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
-- A statistic would be a copy.
ALTER TABLE tenantry.context_keys
  ALTER "inner_pad" SET STATISTICS 0, ALTER "outer_pad" SET STATISTICS 0,
  ALTER "seal_front" SET STATISTICS 0, ALTER "seal_back" SET STATISTICS 0;

-- Whether contexts have to be signed: there is a key. A function, for PostgreSQL puts its answer into the plans of those who
-- ask, so that they ask no table. It is replaced with the first key and with the last.
CREATE FUNCTION tenantry.contexts_are_signed() RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN false;

-- Accepts signatures made with a key from now on; with the first one, nothing else. `fingerprint` names the key.
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

-- Accepts no signature made with a key any more. Without any key, contexts are unsigned again. Answers whether there was
-- such a key.
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

-- Refuses (42501) what no holder of a signing key has signed for now. `message` consists of its purpose, so that a signature
-- serves no other, of `expires` and of all that the caller goes by, with unit separators in between: whoever signs lets
-- none into the parts, and a part that may be null counts as empty, so that there is one way to read it. `expires` is in seconds since 1970. Signatures are given a
-- minute from now; another minute forgives a server whose clock is ahead. Where there is no key, nothing has to be signed.
-- Answers whether it has.
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

-- For a server that starts: whether contexts have to be signed. Fails if they have to and this signature is not good.
CREATE FUNCTION tenantry.context_signing(expires bigint, signature text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT tenantry.require_signature(concat_ws(E'\x1f', 'start', expires), expires, signature) $$;

-- The seal of the context as it is set in this transaction. The start of the transaction makes it worthless in any other. A
-- context is read in one way only, for no part of one that was signed contains a separator. Null when a part is missing:
-- no seal equals that.
--
-- The key stands before the message, filling SHA-256's first block, and behind it: the sandwich construction, which is as
-- strong as HMAC (Yasuda, ACISP 2007) and takes one hash for two.
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

-- The tenant this transaction is bound to. Fails loudly (42501) when there is none, and when the context is not the one
-- that was bound. Whoever trusts another part of the context asks this first.
CREATE OR REPLACE FUNCTION tenantry.current_tenant() RETURNS uuid
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
    -- By itself, for a query without parameters is planned once.
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

-- Binds this transaction, without asking who says so: what `bind` and accept_invitation do in the end. Once, first, at the
-- top level and without an EXCEPTION block, for the reasons that the kernel gives.
--
-- Where there are no keys, by SET LOCAL, which a distributed PostgreSQL forwards to its workers. A seal does not hold on a
-- worker, where the transaction begins at another time; so where there are keys, by what is cheaper.
CREATE FUNCTION tenantry.open_context(
  tenant uuid, actor text, actor_type text, request_id text, statement_timeout_ms integer, read_only boolean,
  seal_front bytea, seal_back bytea
) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  bound constant text := current_setting('app.current_tenant', true);
  done text;
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

-- Binds this transaction to a tenant, and says on whose behalf it acts: see the kernel. It runs as the owner, so that
-- what it executes is not shown to the server's role in pg_stat_statements.
--
-- A signature is checked here with one key, mostly the only one, and only when that fails by require_signature, with all:
-- PostgreSQL prepares every expression anew in each transaction, which is most of what all this costs.
DROP FUNCTION tenantry.bind(uuid, text, text, text, integer, boolean);
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

-- As in the kernel, but for the actor: it is that of the context, verified. Without a context, an entry can only come from
-- those whom row-level security does not hold or who own the tables: whoever else is without one has taken it off after
-- the change.
CREATE OR REPLACE FUNCTION tenantry.write_audit() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  old_row jsonb;
  new_row jsonb;
  secrets text[];
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

  secrets := ARRAY(
    SELECT key FROM jsonb_object_keys(coalesce(new_row, old_row)) AS key WHERE key ~ '(^|_)(hash|secret|password)$'
  );

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

-- record_audit needs no change: it asks current_tenant, which answers for the actor and the request as well.

CREATE OR REPLACE FUNCTION tenantry.memberships_of_actor()
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

ALTER POLICY actor_isolation ON public.idempotency_keys
  USING (
    "expires_at" <= now()
    OR ("actor_type", "actor") = (SELECT acting.actor_type, acting.actor FROM tenantry.current_actor() acting)
  )
  WITH CHECK (("actor_type", "actor") = (SELECT acting.actor_type, acting.actor FROM tenantry.current_actor() acting));

-- The functions that answer before a tenant is bound. What resolve_api_key and listen are asked with is a secret, or an id
-- that nobody guesses. Who is a member of what is neither: the server signs what it asks.
DROP FUNCTION tenantry.resolve_access(text, text);
CREATE FUNCTION tenantry.resolve_access(
  tenant_ref text, member text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
)
RETURNS TABLE (tenant_id uuid, slug text, status text, role text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'resolve_access', expires, tenant_ref, member), expires, signature
  );
  RETURN QUERY
  SELECT t.id, t.slug, t.status, m.role
  FROM (
    SELECT id, slug, status FROM public.tenants WHERE slug = lower(tenant_ref)
    UNION ALL
    SELECT id, slug, status FROM public.tenants
    WHERE id = CASE
      WHEN tenant_ref ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN tenant_ref::uuid
    END
  ) t
  LEFT JOIN public.memberships m ON m.tenant_id = t.id AND m.user_id = member;
END
$$;

-- As before; but it binds a transaction in the name of `invitee`, for whom the server has to answer.
DROP FUNCTION tenantry.accept_invitation(text, text, text, text);
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
  SELECT i.tenant_id, i.id, i.email INTO invitation FROM public.invitations i WHERE i.token_hash = presented_hash;
  IF NOT FOUND OR lower(verified_email COLLATE "C") IS DISTINCT FROM invitation.email THEN
    outcome := CASE WHEN invitation.id IS NULL THEN 'unknown' ELSE 'other_email' END;
    RETURN NEXT;
    RETURN;
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
  RETURN NEXT;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tenantry FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  tenantry.bind(uuid, text, text, text, integer, boolean, bigint, text),
  tenantry.current_actor(),
  tenantry.context_signing(bigint, text)
TO tenantry_app, tenantry_operator;
GRANT EXECUTE ON FUNCTION
  tenantry.resolve_access(text, text, bigint, text),
  tenantry.accept_invitation(text, text, text, text, bigint, text)
TO tenantry_app;

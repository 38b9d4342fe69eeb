-- API keys: how a program calls on behalf of the member who made the key.

CREATE TABLE "api_keys" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "key_hash" TEXT NOT NULL,
    "permissions" TEXT[] NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "api_keys_tenant_id_created_at_id_idx" ON "api_keys"("tenant_id", "created_at", "id");
-- Not unique, though the hashes are: a unique key without the tenant would tell what other tenants have.
CREATE INDEX "api_keys_key_hash_idx" ON "api_keys"("key_hash");

ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "api_keys"
  ADD CONSTRAINT "api_keys_key_hash_check" CHECK ("key_hash" ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT "api_keys_prefix_check" CHECK (length("prefix") BETWEEN 4 AND 12);

SELECT tenantry.protect('api_keys', 'ApiKey');

-- What a key may do is settled when it is made. The server's role can end it and say when it was used, and nothing else.
REVOKE UPDATE, DELETE ON "api_keys" FROM tenantry_app;
GRANT UPDATE ("revoked_at", "last_used_at") ON "api_keys" TO tenantry_app;

-- That a key was used is not a change of the tenant's data: of `last_used_at` alone there is no entry in the audit
-- log. Whoever adds a column adds it here; a test compares the two.
CREATE OR REPLACE TRIGGER audit
  AFTER INSERT OR DELETE OR UPDATE OF
    "tenant_id", "id", "name", "prefix", "key_hash", "permissions", "created_by", "created_at", "expires_at", "revoked_at"
  ON "api_keys" FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('ApiKey', 'api_key');

-- A key names its tenant by itself, before any is bound.
CREATE POLICY resolve_api_key ON "api_keys" FOR SELECT TO tenantry_owner USING (true);

-- The key with this hash, its tenant, and the role its creator has there now. No row when there is no such key, when
-- it has expired or was revoked, and when its creator is a member no longer.
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
REVOKE ALL ON FUNCTION tenantry.resolve_api_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.resolve_api_key(text) TO tenantry_app;

-- Whoever leaves the tenant takes their keys along, and does not find them alive when they come back.
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
REVOKE ALL ON FUNCTION tenantry.revoke_api_keys_of_member() FROM PUBLIC;
CREATE TRIGGER revoke_api_keys AFTER UPDATE OF "user_id" OR DELETE ON "memberships"
  FOR EACH ROW EXECUTE FUNCTION tenantry.revoke_api_keys_of_member();

-- Tells every server that what it has cached of a key no longer holds. A key acts for its creator, so that the news is
-- that the creator's access has changed: see announce_access.
CREATE FUNCTION tenantry.announce_api_key() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM pg_notify('tenantry_access', json_build_object('tenantId', OLD.tenant_id, 'userId', OLD.created_by)::text);
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION tenantry.announce_api_key() FROM PUBLIC;
CREATE TRIGGER announce_api_key
  AFTER DELETE OR UPDATE OF "tenant_id", "id", "key_hash", "permissions", "created_by", "expires_at", "revoked_at"
  ON "api_keys" FOR EACH ROW EXECUTE FUNCTION tenantry.announce_api_key();

-- What every SaaS keeps: tenants, their members, invitations, API keys, the audit log, and idempotency keys.
--
-- Every table but `tenants` has the primary key (tenant_id, id), the bound tenant as the default of tenant_id, and unique
-- and foreign keys that carry tenant_id. The functions, and why they are as they are, are in the kernel's migration.


-- Tenants ---------------------------------------------------------------------------------------------------------------

CREATE TABLE "tenants" (
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "plan" TEXT NOT NULL DEFAULT 'free',
    "status" TEXT NOT NULL DEFAULT 'active',
    "billing_email" TEXT,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "tenants_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "tenants_slug_key" ON "tenants"("slug");

-- A slug is a DNS label. It never looks like an id, because a tenant may be named by either.
ALTER TABLE "tenants"
  ADD CONSTRAINT "tenants_slug_check" CHECK (
    "slug" ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
    AND "slug" !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
  ),
  ADD CONSTRAINT "tenants_status_check" CHECK ("status" IN ('active', 'suspended'));

-- A tenant sees its own row, and changes only what is its own to change: never its status, slug or id.
ALTER TABLE "tenants" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON public.tenants USING (%1$s) WITH CHECK (%1$s)',
    tenantry.isolation_predicate('id')
  );
END
$$;
SELECT tenantry.audit('tenants', 'Tenant');
SELECT tenantry.count_versions('tenants');
GRANT SELECT, UPDATE ("name", "plan", "billing_email", "settings", "updated_at") ON "tenants" TO tenantry_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON "tenants" TO tenantry_operator;

-- Lets the functions read that answer before a tenant is bound. They run as the owner.
CREATE POLICY resolve_access ON "tenants" FOR SELECT TO tenantry_owner USING (true);

CREATE TRIGGER announce_access AFTER UPDATE OF "status", "slug" OR DELETE ON "tenants"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();

-- Whoever listened in a tenant that is deleted does so no longer.
ALTER TABLE tenantry.listening ADD CONSTRAINT "listening_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE CASCADE;


-- Memberships -----------------------------------------------------------------------------------------------------------

CREATE TABLE "memberships" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "user_id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "invited_by" TEXT,
    "joined_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "memberships_tenant_id_joined_at_id_idx" ON "memberships"("tenant_id", "joined_at", "id");
CREATE INDEX "memberships_user_id_idx" ON "memberships"("user_id");
CREATE UNIQUE INDEX "memberships_tenant_id_user_id_key" ON "memberships"("tenant_id", "user_id");

ALTER TABLE "memberships" ADD CONSTRAINT "memberships_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "memberships"
  ADD CONSTRAINT "memberships_role_check" CHECK ("role" IN ('owner', 'admin', 'member', 'viewer'));

SELECT tenantry.protect('memberships', 'Membership');

-- As on tenants.
CREATE POLICY resolve_access ON "memberships" FOR SELECT TO tenantry_owner USING (true);

CREATE TRIGGER announce_access AFTER INSERT OR UPDATE OR DELETE ON "memberships"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();
CREATE TRIGGER revoke_invitations AFTER UPDATE OF "role", "user_id" OR DELETE ON "memberships"
  FOR EACH ROW EXECUTE FUNCTION tenantry.revoke_invitations_of_member();
CREATE TRIGGER revoke_api_keys AFTER UPDATE OF "user_id" OR DELETE ON "memberships"
  FOR EACH ROW EXECUTE FUNCTION tenantry.revoke_api_keys_of_member();


-- Invitations: how somebody who is not yet a member becomes one ---------------------------------------------------------

CREATE TABLE "invitations" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "email" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "invited_by" TEXT NOT NULL,
    "invited_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "token_hash" TEXT NOT NULL,
    "accepted_at" TIMESTAMPTZ(3),
    "accepted_by" TEXT,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "invitations_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "invitations_tenant_id_invited_at_id_idx" ON "invitations"("tenant_id", "invited_at", "id");
-- Not unique, though the hashes are: a unique key without the tenant would tell what other tenants have.
CREATE INDEX "invitations_token_hash_idx" ON "invitations"("token_hash");
CREATE UNIQUE INDEX "invitations_tenant_id_email_key" ON "invitations"("tenant_id", "email");

ALTER TABLE "invitations" ADD CONSTRAINT "invitations_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- Addresses are compared without regard to the case of A to Z, and of these letters alone: a lower() that knows more
-- alphabets makes one address of two (the Kelvin sign becomes a k), and so one person of two.
ALTER TABLE "invitations"
  ADD CONSTRAINT "invitations_email_check" CHECK ("email" = lower("email" COLLATE "C")),
  ADD CONSTRAINT "invitations_role_check" CHECK ("role" IN ('owner', 'admin', 'member', 'viewer')),
  ADD CONSTRAINT "invitations_token_hash_check" CHECK ("token_hash" ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT "invitations_accepted_check" CHECK (("accepted_at" IS NULL) = ("accepted_by" IS NULL)),
  ADD CONSTRAINT "invitations_end_check" CHECK ("accepted_at" IS NULL OR "revoked_at" IS NULL);
SELECT tenantry.check_times('public.invitations');

SELECT tenantry.protect('invitations', 'Invitation');

-- Whoever accepts is not a member yet, so the invitation itself says which tenant is meant. accept_invitation finds it, and
-- runs as the owner.
CREATE POLICY accept_invitation ON "invitations" FOR SELECT TO tenantry_owner USING (true);


-- API keys: how a program calls on behalf of the member who made the key ------------------------------------------------

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
SELECT tenantry.check_times('public.api_keys');

SELECT tenantry.protect('api_keys', 'ApiKey');

-- What a key may do is settled when it is made. The server's role can revoke it and say when it was used, and nothing else.
REVOKE UPDATE, DELETE ON "api_keys" FROM tenantry_app;
GRANT UPDATE ("revoked_at", "last_used_at") ON "api_keys" TO tenantry_app;

-- Replaces the audit trigger that `protect` has made: that a key was used is not a change of the tenant's data, so a change
-- of `last_used_at` alone makes no entry in the audit log. A new column has to be added here; a test compares the two.
CREATE OR REPLACE TRIGGER audit
  AFTER INSERT OR DELETE OR UPDATE OF
    "tenant_id", "id", "name", "prefix", "key_hash", "permissions", "created_by", "created_at", "expires_at", "revoked_at"
  ON "api_keys" FOR EACH ROW EXECUTE FUNCTION tenantry.write_audit('ApiKey', 'api_key');

-- A key says which tenant is meant, before any is bound. resolve_api_key finds it, and runs as the owner.
CREATE POLICY resolve_api_key ON "api_keys" FOR SELECT TO tenantry_owner USING (true);

CREATE TRIGGER announce_api_key
  AFTER DELETE OR UPDATE OF "tenant_id", "id", "key_hash", "permissions", "created_by", "expires_at", "revoked_at"
  ON "api_keys" FOR EACH ROW EXECUTE FUNCTION tenantry.announce_api_key();
CREATE TRIGGER announce_new_api_key AFTER INSERT ON "api_keys"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_api_key();


-- The audit log ---------------------------------------------------------------------------------------------------------

CREATE TABLE "audit_log" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "actor" TEXT NOT NULL,
    "actor_type" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "entity" TEXT NOT NULL,
    "entity_id" TEXT,
    "old_value" JSONB,
    "new_value" JSONB,
    "request_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "audit_log_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "audit_log_tenant_id_entity_entity_id_id_idx" ON "audit_log"("tenant_id", "entity", "entity_id", "id");

ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "audit_log"
  ADD CONSTRAINT "audit_log_actor_type_check" CHECK ("actor_type" IN ('user', 'api_key', 'job', 'operator', 'system'));

-- Readable inside the tenant; written by write_audit and record_audit, which run as the owner, whose only policy is to
-- insert; changed by nobody.
ALTER TABLE "audit_log" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON public.audit_log FOR SELECT USING (%s)',
    tenantry.isolation_predicate('tenant_id')
  );
END
$$;
CREATE POLICY audit_writer ON "audit_log" FOR INSERT TO tenantry_owner WITH CHECK (true);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON "audit_log"
  FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON "audit_log"
  FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
-- ALWAYS: also in a session that applies replicated changes, where ordinary triggers do not fire.
ALTER TABLE "audit_log" ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_truncate;
GRANT SELECT ON "audit_log" TO tenantry_app, tenantry_operator;


-- Idempotency keys: the first result of a mutation that came with one, kept for its retries -----------------------------

CREATE TABLE "idempotency_keys" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "actor_type" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "result" JSON,
    "permissions" TEXT[] NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "idempotency_keys_tenant_id_expires_at_idx" ON "idempotency_keys"("tenant_id", "expires_at");
CREATE UNIQUE INDEX "idempotency_keys_tenant_id_actor_type_actor_key_key" ON "idempotency_keys"("tenant_id", "actor_type", "actor", "key");

ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- Not `protect`: a kept result is a copy of what the audit log records anyway, and would be copied in full.
SELECT tenantry.isolate('idempotency_keys');

-- A result is its actor's own, within the tenant as well. Once it has expired, any actor may remove it.
CREATE POLICY actor_isolation ON "idempotency_keys" AS RESTRICTIVE TO tenantry_app
  USING (
    "expires_at" <= now()
    OR ("actor_type", "actor") = (SELECT acting.actor_type, acting.actor FROM tenantry.current_actor() acting)
  )
  WITH CHECK (("actor_type", "actor") = (SELECT acting.actor_type, acting.actor FROM tenantry.current_actor() acting));

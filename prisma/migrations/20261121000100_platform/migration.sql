-- What every SaaS keeps: tenants, their members, and the audit log.

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

    CONSTRAINT "tenants_pkey" PRIMARY KEY ("id")
);

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

CREATE UNIQUE INDEX "tenants_slug_key" ON "tenants"("slug");
CREATE INDEX "memberships_tenant_id_joined_at_id_idx" ON "memberships"("tenant_id", "joined_at", "id");
CREATE INDEX "memberships_user_id_idx" ON "memberships"("user_id");
CREATE UNIQUE INDEX "memberships_tenant_id_user_id_key" ON "memberships"("tenant_id", "user_id");
CREATE INDEX "audit_log_tenant_id_entity_entity_id_id_idx" ON "audit_log"("tenant_id", "entity", "entity_id", "id");

ALTER TABLE "memberships" ADD CONSTRAINT "memberships_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "audit_log" ADD CONSTRAINT "audit_log_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- A slug is a DNS label. It never looks like an id, because a tenant may be named by either.
ALTER TABLE "tenants"
  ADD CONSTRAINT "tenants_slug_check" CHECK (
    "slug" ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
    AND "slug" !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
  ),
  ADD CONSTRAINT "tenants_status_check" CHECK ("status" IN ('active', 'suspended'));
ALTER TABLE "memberships"
  ADD CONSTRAINT "memberships_role_check" CHECK ("role" IN ('owner', 'admin', 'member', 'viewer'));
ALTER TABLE "audit_log"
  ADD CONSTRAINT "audit_log_actor_type_check" CHECK ("actor_type" IN ('user', 'api_key', 'job', 'operator', 'system'));

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
GRANT SELECT, UPDATE ("name", "plan", "billing_email", "settings", "updated_at") ON "tenants" TO tenantry_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON "tenants" TO tenantry_operator;

SELECT tenantry.protect('memberships', 'Membership');

-- The audit log: readable inside the tenant, written by the trigger and by record_audit (both run as the owner,
-- whose only policy is to insert), and changed by nobody.
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
-- ALWAYS: also in a session that applies replicated changes, where ordinary triggers rest.
ALTER TABLE "audit_log" ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_truncate;
GRANT SELECT ON "audit_log" TO tenantry_app, tenantry_operator;

-- Two questions come before a tenant is bound, or reach beyond it: which tenant is meant and what is this user in
-- it, and which tenants is this user in. Each is one function that runs as the owner, whom these two policies let
-- read; nothing at run time connects as the owner.
CREATE POLICY resolve_access ON "tenants" FOR SELECT TO tenantry_owner USING (true);
CREATE POLICY resolve_access ON "memberships" FOR SELECT TO tenantry_owner USING (true);

-- The tenant named by `tenant_ref` (its id or its slug) and the role of `member` in it: null when it is no member;
-- no row when there is no such tenant.
CREATE FUNCTION tenantry.resolve_access(tenant_ref text, member text)
RETURNS TABLE (tenant_id uuid, slug text, status text, role text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT t.id, t.slug, t.status, m.role
  FROM (
    SELECT id, slug, status FROM public.tenants WHERE slug = lower(tenant_ref)
    UNION ALL
    SELECT id, slug, status FROM public.tenants
    WHERE id = CASE
      WHEN tenant_ref ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN tenant_ref::uuid
    END
  ) t
  LEFT JOIN public.memberships m ON m.tenant_id = t.id AND m.user_id = member
$$;

-- Every tenant of the user on whose behalf this transaction acts; nothing for another kind of actor.
CREATE FUNCTION tenantry.memberships_of_actor()
RETURNS TABLE (tenant_id uuid, slug text, name text, status text, role text, joined_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT t.id, t.slug, t.name, t.status, m.role, m.joined_at
  FROM public.memberships m
  JOIN public.tenants t ON t.id = m.tenant_id
  WHERE current_setting('app.current_actor_type', true) = 'user'
    AND m.user_id = current_setting('app.current_actor', true)
  ORDER BY m.joined_at, t.id
$$;

REVOKE ALL ON FUNCTION tenantry.resolve_access(text, text), tenantry.memberships_of_actor() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.resolve_access(text, text), tenantry.memberships_of_actor() TO tenantry_app;

-- Tells every server that what it has cached of a member's access no longer holds. Ids only: a channel has no
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
REVOKE ALL ON FUNCTION tenantry.announce_access() FROM PUBLIC;
CREATE TRIGGER announce_access AFTER INSERT OR UPDATE OR DELETE ON "memberships"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();
CREATE TRIGGER announce_access AFTER UPDATE OF "status", "slug" OR DELETE ON "tenants"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();

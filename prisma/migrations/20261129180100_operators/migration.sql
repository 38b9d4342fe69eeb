-- Operators: lists of tenants, and impersonations.

-- Operators list tenants in these orders, page by page; by slug there is an index already.
CREATE INDEX "tenants_created_at_id_idx" ON "tenants"("created_at", "id");
CREATE INDEX "tenants_name_id_idx" ON "tenants"("name", "id");

-- An impersonation: an operator acts in a tenant, with a role or as a member, for a reason and until an end. Only operators
-- begin one. The tenant sees it, and can end it.
CREATE TABLE "impersonations" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "operator" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "user_id" TEXT,
    "token_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "ended_by" TEXT,

    CONSTRAINT "impersonations_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "impersonations_tenant_id_created_at_id_idx" ON "impersonations"("tenant_id", "created_at", "id");
-- Not unique, though the hashes are: a unique key without the tenant would tell what other tenants have.
CREATE INDEX "impersonations_token_hash_idx" ON "impersonations"("token_hash");

ALTER TABLE "impersonations" ADD CONSTRAINT "impersonations_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "impersonations"
  ADD CONSTRAINT "impersonations_token_hash_check" CHECK ("token_hash" ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT "impersonations_role_check" CHECK ("role" IN ('owner', 'admin', 'member', 'viewer')),
  ADD CONSTRAINT "impersonations_reason_check" CHECK (length("reason") BETWEEN 1 AND 500),
  ADD CONSTRAINT "impersonations_end_check"
    CHECK ("expires_at" > "created_at" AND "expires_at" <= "created_at" + interval '8 hours');
SELECT tenantry.check_times('public.impersonations');

SELECT tenantry.protect('impersonations', 'Impersonation');

-- The server's role can end one, and nothing else.
REVOKE INSERT, UPDATE, DELETE ON "impersonations" FROM tenantry_app;
GRANT UPDATE ("ended_at", "ended_by") ON "impersonations" TO tenantry_app;

-- The end is final, and not in the future.
CREATE FUNCTION tenantry.check_impersonation() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF OLD.ended_at IS NOT NULL OR NEW.ended_at IS NULL OR NEW.ended_at > clock_timestamp() + interval '1 minute' THEN
    RAISE EXCEPTION 'an impersonation can only be ended, once and now' USING ERRCODE = '42501';
  END IF;
  RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION tenantry.check_impersonation() FROM PUBLIC;
CREATE TRIGGER check_impersonation BEFORE UPDATE OF "ended_at", "ended_by" ON "impersonations"
  FOR EACH ROW EXECUTE FUNCTION tenantry.check_impersonation();

-- Every server drops what it knows of the access in the tenant.
CREATE FUNCTION tenantry.announce_impersonation() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  PERFORM pg_notify('tenantry_access', json_build_object('tenantId', OLD.tenant_id)::text);
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION tenantry.announce_impersonation() FROM PUBLIC;
CREATE TRIGGER announce_impersonation AFTER UPDATE OR DELETE ON "impersonations"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_impersonation();

-- A credential says which tenant is meant, before any is bound. resolve_impersonation finds it, and runs as the owner.
CREATE POLICY resolve_impersonation ON "impersonations" FOR SELECT TO tenantry_owner USING (true);

-- The impersonation with this hash, its tenant with its plan, and the role that it has now: that of the member, if it is one
-- of a member. There is no row when there is no such impersonation, when it has ended, and when the member has left.
CREATE FUNCTION tenantry.resolve_impersonation(presented_hash text)
RETURNS TABLE (
  impersonation_id uuid, operator text, user_id text, expires_at timestamptz, role text,
  tenant_id uuid, slug text, status text, plan text, suspension_reason text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT i.id, i.operator, i.user_id, i.expires_at, CASE WHEN i.user_id IS NULL THEN i.role ELSE m.role END,
    t.id, t.slug, t.status, t.plan, t.suspension_reason
  FROM public.impersonations i
  JOIN public.tenants t ON t.id = i.tenant_id
  LEFT JOIN public.memberships m ON m.tenant_id = i.tenant_id AND m.user_id = i.user_id
  WHERE i.token_hash = presented_hash
    AND i.ended_at IS NULL
    AND i.expires_at > clock_timestamp()
    AND (i.user_id IS NULL OR m.role IS NOT NULL)
$$;
REVOKE ALL ON FUNCTION tenantry.resolve_impersonation(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.resolve_impersonation(text) TO tenantry_app;

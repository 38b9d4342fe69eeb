-- The plan of a tenant limits its requests, so the server learns it together with the caller's access, without a statement
-- more. A change of the plan is announced like a change of the access, and takes effect on every server within a second.
--
-- PostgreSQL does not replace a function by one with other columns, so two are dropped and made again. The previous version
-- of the server reads the columns by their names.

DROP FUNCTION tenantry.resolve_access(text, text, bigint, text);

-- The tenant named by `tenant_ref` (its id or its slug), its plan, and the role of `member` in it. The kernel's migration
-- says how; only the answer has one more column here.
CREATE FUNCTION tenantry.resolve_access(
  tenant_ref text, member text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
)
RETURNS TABLE (tenant_id uuid, slug text, status text, role text, plan text)
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
  SELECT t.id, t.slug, t.status, m.role, t.plan
  FROM (
    SELECT id, slug, status, plan FROM public.tenants WHERE slug = wanted
    UNION ALL
    SELECT id, slug, status, plan FROM public.tenants
    WHERE id = CASE
      WHEN wanted ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN wanted::uuid
    END
  ) t
  LEFT JOIN public.memberships m ON m.tenant_id = t.id AND m.user_id = member;
END
$$;

DROP FUNCTION tenantry.resolve_api_key(text);

-- The API key with this hash, its tenant with its plan, and the role that its creator has there now. There is no row when
-- there is no such key, when it has expired or was revoked, and when its creator is no longer a member.
CREATE FUNCTION tenantry.resolve_api_key(presented_hash text)
RETURNS TABLE (
  api_key_id uuid, permissions text[], expires_at timestamptz, created_by text, creator_role text,
  tenant_id uuid, slug text, status text, plan text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.id, k.permissions, k.expires_at, k.created_by, m.role, t.id, t.slug, t.status, t.plan
  FROM public.api_keys k
  JOIN public.tenants t ON t.id = k.tenant_id
  JOIN public.memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.created_by
  WHERE k.key_hash = presented_hash
    AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())
$$;

REVOKE ALL ON FUNCTION
  tenantry.resolve_access(text, text, bigint, text),
  tenantry.resolve_api_key(text)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  tenantry.resolve_access(text, text, bigint, text),
  tenantry.resolve_api_key(text)
TO tenantry_app;

CREATE OR REPLACE TRIGGER announce_access AFTER UPDATE OF "status", "slug", "plan" OR DELETE ON "tenants"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();

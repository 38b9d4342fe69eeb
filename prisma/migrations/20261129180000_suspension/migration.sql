-- Suspension: why a tenant is suspended, and jobs that stop when it is.
--
-- PostgreSQL does not replace a function by one with other columns, so two are dropped and made again. The previous version
-- of the server reads the columns by their names.

-- Members read it in the error with which they are refused.
ALTER TABLE "tenants" ADD COLUMN "suspension_reason" TEXT
  CHECK (length("suspension_reason") BETWEEN 1 AND 500);

DROP FUNCTION tenantry.resolve_access(text, text, bigint, text);

-- As before, and why the tenant is suspended. Only members are told.
CREATE FUNCTION tenantry.resolve_access(
  tenant_ref text, member text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
)
RETURNS TABLE (tenant_id uuid, slug text, status text, role text, plan text, suspension_reason text)
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
$$;

DROP FUNCTION tenantry.resolve_api_key(text);

-- As before, and why the tenant is suspended.
CREATE FUNCTION tenantry.resolve_api_key(presented_hash text)
RETURNS TABLE (
  api_key_id uuid, permissions text[], expires_at timestamptz, created_by text, creator_role text,
  tenant_id uuid, slug text, status text, plan text, suspension_reason text
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.id, k.permissions, k.expires_at, k.created_by, m.role, t.id, t.slug, t.status, t.plan, t.suspension_reason
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

CREATE OR REPLACE TRIGGER announce_access
  AFTER UPDATE OF "status", "slug", "plan", "suspension_reason" OR DELETE ON "tenants"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_access();

-- Prolongs the leases of a worker's jobs, and returns the ids of those that are not its own any more. `leases` is JSON,
-- [[tenant id, job id, lease], …]. The jobs of a tenant that is not active are taken back: they are queued again, the
-- attempt does not count, and they wait like the others of the tenant.
CREATE OR REPLACE FUNCTION tenantry.extend_leases(leases text, lease_ms integer) RETURNS TABLE (lost uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  suspended record;
BEGIN
  FOR suspended IN
    SELECT j.tenant_id, j.id FROM tenantry.jobs j
    JOIN jsonb_array_elements(leases::jsonb) AS own
      ON j.tenant_id = (own ->> 0)::uuid AND j.id = (own ->> 1)::uuid AND j.lease = (own ->> 2)::uuid
    JOIN public.tenants t ON t.id = j.tenant_id
    WHERE j.state = 'running' AND t.status <> 'active'
      -- As in claim_jobs: the owners of a tenant that waits for its erasure may take its data.
      AND NOT (j.task = 'tenant-export.write' AND EXISTS (
        SELECT FROM tenantry.erasures e WHERE e.subject = t.id AND e.state = 'requested'
      ))
    FOR UPDATE OF j SKIP LOCKED
  LOOP
    PERFORM tenantry.put_back(suspended.tenant_id, suspended.id, clock_timestamp(), NULL, false);
  END LOOP;
  UPDATE tenantry.jobs j SET leased_until = clock_timestamp() + least(lease_ms, 60000) * interval '1 millisecond'
  FROM (
    SELECT held.tenant_id, held.id FROM tenantry.jobs held
    JOIN jsonb_array_elements(leases::jsonb) AS own
      ON held.tenant_id = (own ->> 0)::uuid AND held.id = (own ->> 1)::uuid AND held.lease = (own ->> 2)::uuid
    WHERE held.state = 'running' FOR UPDATE OF held SKIP LOCKED
  ) AS mine
  WHERE j.tenant_id = mine.tenant_id AND j.id = mine.id;
  RETURN QUERY
  SELECT (own ->> 1)::uuid FROM jsonb_array_elements(leases::jsonb) AS own
  WHERE NOT EXISTS (
    SELECT FROM tenantry.jobs held
    WHERE held.tenant_id = (own ->> 0)::uuid AND held.id = (own ->> 1)::uuid AND held.lease = (own ->> 2)::uuid
      AND held.state IN ('running', 'succeeded')
  );
END
$$;

-- Two functions of the kernel answer more of a membership and its tenant: a client needs the id of a membership, and every
-- column of a tenant that a member may know, to keep one object for each. PostgreSQL does not replace a function by one with
-- other columns, so both are dropped and made again. The previous version of the server reads the columns by their names.

DROP FUNCTION tenantry.memberships_of_actor();

-- Every tenant of the user on whose behalf this transaction acts. No rows for another kind of actor.
CREATE FUNCTION tenantry.memberships_of_actor()
RETURNS TABLE (
  membership_id uuid, role text, joined_at timestamptz,
  tenant_id uuid, slug text, name text, status text, created_at timestamptz, version integer
)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT m.id, m.role, m.joined_at, t.id, t.slug, t.name, t.status, t.created_at, t.version
  FROM tenantry.current_actor() acting
  JOIN public.memberships m ON acting.actor_type = 'user' AND m.user_id = acting.actor
  JOIN public.tenants t ON t.id = m.tenant_id
  ORDER BY m.joined_at, t.id
$$;

DROP FUNCTION tenantry.accept_invitation(text, text, text, text, bigint, text);

-- Makes the user with an invitation's token a member. The kernel's migration says how; only the answer has more columns here.
CREATE FUNCTION tenantry.accept_invitation(
  presented_hash text, invitee text, verified_email text, request_id text,
  expires bigint DEFAULT NULL, signature text DEFAULT NULL
)
RETURNS TABLE (
  outcome text, membership_id uuid, role text, joined_at timestamptz,
  tenant_id uuid, slug text, name text, status text, created_at timestamptz, version integer
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
    created_at := tenant.created_at;
    version := tenant.version;
  END IF;
  IF bound THEN
    EXECUTE bound_again;
  END IF;
  RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION
  tenantry.memberships_of_actor(),
  tenantry.accept_invitation(text, text, text, text, bigint, text)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  tenantry.memberships_of_actor(),
  tenantry.accept_invitation(text, text, text, text, bigint, text)
TO tenantry_app;

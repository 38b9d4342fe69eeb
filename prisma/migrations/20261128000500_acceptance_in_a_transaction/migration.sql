-- An invitation can be accepted inside a transaction that is bound to another tenant already: a member of one tenant who
-- sends acceptInvitation with an Idempotency-Key does so in the transaction of the key. It is then undone with it.

-- As before. In a transaction that is bound, `invitee` must be the user on whose behalf it acts; it is bound to the tenant
-- of the invitation for the duration of this function, and to its own again afterwards. An error takes that back with
-- everything else: all settings are those of the (sub)transaction.
CREATE OR REPLACE FUNCTION tenantry.accept_invitation(
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

-- Servers remember for a moment that there is no key with a certain hash. A key that is put into the table with a hash of
-- its owner's choosing (a restored backup, a migration from elsewhere) is news to them.
CREATE OR REPLACE FUNCTION tenantry.announce_api_key() RETURNS trigger
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
CREATE TRIGGER announce_new_api_key AFTER INSERT ON public."api_keys"
  FOR EACH ROW EXECUTE FUNCTION tenantry.announce_api_key();

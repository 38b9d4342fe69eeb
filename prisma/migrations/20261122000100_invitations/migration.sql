-- Invitations: how somebody who is not yet a member becomes one.

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
-- alphabets makes one address of two (the Kelvin sign of a k), and one person of two.
ALTER TABLE "invitations"
  ADD CONSTRAINT "invitations_email_check" CHECK ("email" = lower("email" COLLATE "C")),
  ADD CONSTRAINT "invitations_role_check" CHECK ("role" IN ('owner', 'admin', 'member', 'viewer')),
  ADD CONSTRAINT "invitations_token_hash_check" CHECK ("token_hash" ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT "invitations_accepted_check" CHECK (("accepted_at" IS NULL) = ("accepted_by" IS NULL)),
  ADD CONSTRAINT "invitations_end_check" CHECK ("accepted_at" IS NULL OR "revoked_at" IS NULL);

SELECT tenantry.protect('invitations', 'Invitation');

-- Whoever accepts is not a member yet, so that the invitation itself says which tenant is meant. It is found by the
-- function below, which runs as the owner.
CREATE POLICY accept_invitation ON "invitations" FOR SELECT TO tenantry_owner USING (true);

-- The whole of an acceptance, in one statement: finds the invitation by the hash of its token, and makes `invitee` a
-- member of its tenant when everything holds. `verified_email` is the address the identity provider vouches for.
-- Binds the transaction to the invitation's tenant, so that row-level security and the audit log work as ever; the
-- caller has bound none. One row, whose `outcome` is
--
--   accepted      with the new membership and its tenant; all other columns are null in every other case
--   unknown       no invitation has such a token: it never had, or a newer one has replaced it
--   other_email   it is for somebody else; said before anything else is looked at, so that nothing else is told
--   suspended, revoked, used, expired, member
CREATE FUNCTION tenantry.accept_invitation(presented_hash text, invitee text, verified_email text, request_id text)
RETURNS TABLE (
  outcome text, membership_id uuid, role text, joined_at timestamptz,
  tenant_id uuid, slug text, name text, status text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  invitation record;
  tenant record;
BEGIN
  SELECT i.tenant_id, i.id, i.email INTO invitation FROM public.invitations i WHERE i.token_hash = presented_hash;
  IF NOT FOUND OR lower(verified_email COLLATE "C") IS DISTINCT FROM invitation.email THEN
    outcome := CASE WHEN invitation.id IS NULL THEN 'unknown' ELSE 'other_email' END;
    RETURN NEXT;
    RETURN;
  END IF;

  PERFORM tenantry.bind(invitation.tenant_id, invitee, 'user', request_id, 5000, false);
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
REVOKE ALL ON FUNCTION tenantry.accept_invitation(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.accept_invitation(text, text, text, text) TO tenantry_app;

-- An invitation is as good as whoever sent it. When they leave the tenant, or fall in rank, what they have sent and
-- nobody has accepted yet is revoked: otherwise a member could invite a second self, and outlive their removal.
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
REVOKE ALL ON FUNCTION tenantry.revoke_invitations_of_member() FROM PUBLIC;
CREATE TRIGGER revoke_invitations AFTER UPDATE OF "role", "user_id" OR DELETE ON "memberships"
  FOR EACH ROW EXECUTE FUNCTION tenantry.revoke_invitations_of_member();

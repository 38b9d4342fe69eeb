-- Lists of invitations can be ordered by the time at which they expire.
CREATE INDEX "invitations_tenant_id_expires_at_id_idx" ON "invitations"("tenant_id", "expires_at", "id");

-- Retention of the sealed audit trail: entries that were kept long enough are dropped, whole blocks at a time, from the
-- first on. Their hashes stay, so that the tree is as it was and every later entry still verifies; a signed record says
-- what was dropped. Only an operator's command drops entries; the server cannot.

CREATE TABLE tenantry.audit_cuts (
    "tenant_id" UUID NOT NULL REFERENCES public.tenants ON DELETE RESTRICT ON UPDATE RESTRICT,
    -- The last seal whose entries were dropped, its size, and its hash.
    "number" BIGINT NOT NULL,
    "size" BIGINT NOT NULL CHECK ("size" > 0),
    "seal" BYTEA NOT NULL CHECK (octet_length("seal") = 32),
    "cut_at" TIMESTAMPTZ(3) NOT NULL,
    "key" TEXT NOT NULL,
    "signature" BYTEA NOT NULL CHECK (octet_length("signature") = 64),
    -- The transaction that may drop the entries.
    "tx" XID8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY ("tenant_id", "number"),
    FOREIGN KEY ("tenant_id", "number") REFERENCES tenantry.audit_seals ON DELETE RESTRICT ON UPDATE RESTRICT
);
ALTER TABLE tenantry.audit_cuts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON tenantry.audit_cuts FOR SELECT USING (%s)',
    tenantry.isolation_predicate('tenant_id')
  );
END
$$;
CREATE POLICY audit_sealer ON tenantry.audit_cuts TO tenantry_owner USING (true) WITH CHECK (true);
GRANT SELECT ON tenantry.audit_cuts TO tenantry_app, tenantry_operator;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tenantry.audit_cuts
  FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tenantry.audit_cuts
  FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_cuts ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_truncate;


-- Whether this transaction has recorded that the entry is dropped.
CREATE FUNCTION tenantry.is_dropped(tenant uuid, entry uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (
    SELECT FROM tenantry.audit_cuts c
    JOIN tenantry.audit_leaves l ON l.tenant_id = c.tenant_id AND l.position < c.size
    WHERE c.tenant_id = tenant AND c.tx = pg_current_xact_id() AND l.entry_id = entry
  )
$$;

CREATE POLICY audit_dropper ON "audit_log" FOR DELETE TO tenantry_owner USING (tenantry.is_dropped(tenant_id, id));

DROP TRIGGER append_only ON "audit_log";
CREATE TRIGGER append_only BEFORE DELETE ON "audit_log"
  FOR EACH ROW WHEN (NOT tenantry.is_dropped(OLD."tenant_id", OLD."id")) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE "audit_log" ENABLE ALWAYS TRIGGER append_only;

DROP TRIGGER append_only ON tenantry.audit_redactions;
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_redactions
  FOR EACH ROW WHEN (NOT tenantry.is_dropped(OLD."tenant_id", OLD."entry_id")) EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_redactions
  FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_redactions ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_update;

DROP TRIGGER append_only_update ON tenantry.audit_leaves;
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_leaves
  FOR EACH ROW WHEN (
    NOT tenantry.is_redaction(to_jsonb(OLD), to_jsonb(NEW), ARRAY['salts'], OLD."tenant_id", OLD."entry_id")
    AND NOT (
      to_jsonb(OLD) - 'salts' = to_jsonb(NEW) - 'salts' AND tenantry.is_dropped(OLD."tenant_id", OLD."entry_id")
    )
  ) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_leaves ENABLE ALWAYS TRIGGER append_only_update;


-- Drops the entries of the bound tenant up to a seal, with their salts and with what is left of deleted values, and returns
-- how many there were. The hashes stay. The cut is signed by the caller, so that a verifier tells it from a deletion; that
-- it was made is an entry of the log, too.
CREATE FUNCTION tenantry.drop_audit(seal_number bigint, seal bytea, cut_at timestamptz, key text, signature bytea)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  through record;
  earlier bigint;
  dropped bigint;
BEGIN
  IF (SELECT actor_type FROM tenantry.current_actor()) <> 'operator' THEN
    RAISE EXCEPTION 'only an operator drops entries of the audit log' USING ERRCODE = '42501';
  END IF;
  -- Whoever seals or redacts in this tenant waits.
  PERFORM FROM tenantry.audit_trees t WHERE t.tenant_id = tenant FOR UPDATE;
  SELECT s.size, s.sealed_at INTO through FROM tenantry.audit_seals s
  WHERE s.tenant_id = tenant AND s.number = seal_number;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the audit trail has no such seal' USING ERRCODE = '23503';
  END IF;
  -- What was dropped before is not looked at again.
  SELECT coalesce(max(c.size), 0) INTO earlier FROM tenantry.audit_cuts c WHERE c.tenant_id = tenant;
  INSERT INTO tenantry.audit_cuts (tenant_id, number, size, seal, cut_at, key, signature)
  VALUES (tenant, seal_number, through.size, seal, cut_at, key, signature);
  DELETE FROM tenantry.audit_redactions r USING tenantry.audit_leaves l
  WHERE r.tenant_id = tenant AND l.tenant_id = tenant AND l.entry_id = r.entry_id
    AND l.position >= earlier AND l.position < through.size;
  DELETE FROM public.audit_log e USING tenantry.audit_leaves l
  WHERE e.tenant_id = tenant AND l.tenant_id = tenant AND l.entry_id = e.id
    AND l.position >= earlier AND l.position < through.size;
  GET DIAGNOSTICS dropped = ROW_COUNT;
  UPDATE tenantry.audit_leaves l SET salts = ''
  WHERE l.tenant_id = tenant AND l.position >= earlier AND l.position < through.size AND l.salts <> '';
  PERFORM tenantry.record_audit(
    'audit_log.dropped', 'AuditLog', NULL, NULL,
    jsonb_build_object('seal', seal_number, 'sealed_through', through.sealed_at, 'entries', dropped)
  );
  RETURN dropped;
END
$$;

REVOKE ALL ON FUNCTION
  tenantry.is_dropped(uuid, uuid), tenantry.drop_audit(bigint, bytea, timestamptz, text, bytea)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.drop_audit(bigint, bytea, timestamptz, text, bytea) TO tenantry_operator;

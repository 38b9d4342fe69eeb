-- Tables and views that all tenants share: plans, countries, feature flags. Their models say `/// @shared` (docs/add-a-model.md).

-- Lets the server read a table or a view that has no tenant, and operators write it. With `writable`, the server may write it
-- too: every tenant then sees what any tenant wrote. May be called more than once.
--
-- Refuses (42P16) what is no shared data: a table with a tenant, or with a key that refers to a tenant or to a tenant's row;
-- and a view that would read with the rights of its owner, or that keeps a copy of what it read.
CREATE FUNCTION tenantry.share(target regclass, writable boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  kind "char";
  options text[];
  offender text;
  rights constant text := 'SELECT, INSERT, UPDATE, DELETE';
  serial regclass;
  remark text := obj_description(target, 'pg_class');
BEGIN
  SELECT relkind, reloptions INTO kind, options FROM pg_catalog.pg_class WHERE oid = target;
  IF kind NOT IN ('r', 'p', 'v') THEN
    RAISE EXCEPTION '% is neither a table nor a view', target USING ERRCODE = '42P16';
  END IF;
  IF kind = 'v' THEN
    IF NOT coalesce(options::text ~* 'security_invoker=(true|on|1|yes)', false) THEN
      RAISE EXCEPTION 'the view % reads with the rights of its owner: ALTER VIEW % SET (security_invoker = true)', target, target
        USING ERRCODE = '42P16';
    END IF;
    IF writable THEN
      RAISE EXCEPTION 'the view % is for reading', target USING ERRCODE = '42P16';
    END IF;
  ELSE
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'tenant_id' AND NOT attisdropped) THEN
      RAISE EXCEPTION '% has a tenant_id: SELECT tenantry.protect(%)', target, quote_literal(target::text)
        USING ERRCODE = '42P16';
    END IF;
    SELECT conname INTO offender FROM pg_constraint
    WHERE conrelid = target AND contype = 'f' AND EXISTS (
      SELECT FROM pg_policy WHERE polrelid = confrelid AND polname = 'tenant_isolation'
    ) LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'the foreign key % of % refers to a row of a tenant, so that % is no shared table', offender, target, target
        USING ERRCODE = '42P16';
    END IF;
  END IF;

  -- The audit reads it.
  IF coalesce(remark, '') !~ '@tenancy shared' THEN
    remark := concat_ws(E'\n', remark, '@tenancy shared: all tenants read these rows'
      || CASE WHEN writable THEN ', and may write them' ELSE '' END);
    EXECUTE format('COMMENT ON %s %s IS %L', CASE kind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, target, remark);
  END IF;
  EXECUTE format('REVOKE ALL ON %s FROM tenantry_app, tenantry_operator', target);
  EXECUTE format('GRANT %s ON %s TO tenantry_app', CASE WHEN writable THEN rights ELSE 'SELECT' END, target);
  EXECUTE format('GRANT %s ON %s TO tenantry_operator', CASE kind WHEN 'v' THEN 'SELECT' ELSE rights END, target);
  FOR serial IN
    SELECT d.objid FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE d.refobjid = target AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
  LOOP
    EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM tenantry_app', serial);
    EXECUTE format(
      'GRANT USAGE ON SEQUENCE %s TO tenantry_operator%s', serial, CASE WHEN writable THEN ', tenantry_app' ELSE '' END);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION tenantry.share(regclass, boolean) FROM PUBLIC;

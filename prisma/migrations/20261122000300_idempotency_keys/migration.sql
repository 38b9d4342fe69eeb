-- Idempotency keys: the first result of a mutation that came with one, kept for its retries.

-- `protect` in two: `isolate` makes a table tenant-scoped, `protect` puts it into the audit log as well. Isolated alone
-- are tables that hold no data of the tenant's own making.
CREATE FUNCTION tenantry.isolate(target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  tenant_column constant smallint := (
    SELECT attnum FROM pg_attribute
    WHERE attrelid = target AND attname = 'tenant_id' AND atttypid = 'uuid'::regtype AND attnotnull AND NOT attisdropped
  );
  offender text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class WHERE oid = target AND relkind IN ('r', 'p')) THEN
    RAISE EXCEPTION '% is not a table', target USING ERRCODE = '42P16';
  END IF;
  IF tenant_column IS NULL THEN
    RAISE EXCEPTION '% needs a column tenant_id uuid NOT NULL', target USING ERRCODE = '42P16';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_index WHERE indrelid = target AND indisprimary) THEN
    RAISE EXCEPTION '% needs a primary key (tenant_id, id)', target USING ERRCODE = '42P16';
  END IF;

  SELECT indexrelid::regclass::text INTO offender FROM pg_index
  WHERE indrelid = target AND (indisunique OR indisexclusion) AND indkey[0] <> tenant_column LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the unique key % of % must start with tenant_id', offender, target USING ERRCODE = '42P16';
  END IF;

  -- A foreign key to a tenant-scoped table pairs the two tenant columns.
  SELECT c.conname INTO offender
  FROM pg_constraint c
  JOIN pg_attribute referenced
    ON referenced.attrelid = c.confrelid AND referenced.attname = 'tenant_id' AND NOT referenced.attisdropped
  WHERE c.conrelid = target AND c.contype = 'f'
    AND NOT EXISTS (
      SELECT FROM unnest(c.conkey, c.confkey) AS pair (own, other)
      WHERE pair.own = tenant_column AND pair.other = referenced.attnum
    )
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the foreign key % of % must carry tenant_id', offender, target USING ERRCODE = '42P16';
  END IF;

  IF NOT EXISTS (
    SELECT FROM pg_constraint
    WHERE conrelid = target AND contype = 'f' AND confrelid = 'public.tenants'::regclass
      AND conkey = ARRAY[tenant_column]
  ) THEN
    RAISE EXCEPTION '% needs a foreign key from tenant_id to tenants', target USING ERRCODE = '42P16';
  END IF;

  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
  IF EXISTS (SELECT FROM pg_policy WHERE polrelid = target AND polname = 'tenant_isolation') THEN
    EXECUTE format('DROP POLICY tenant_isolation ON %s', target);
  END IF;
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON %s USING (%2$s) WITH CHECK (%2$s)',
    target, tenantry.isolation_predicate('tenant_id')
  );
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO tenantry_app, tenantry_operator', target);
END
$$;

CREATE OR REPLACE FUNCTION tenantry.protect(target regclass, entity text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  table_name constant text := (SELECT relname FROM pg_class WHERE oid = target);
BEGIN
  PERFORM tenantry.isolate(target);
  PERFORM tenantry.audit(target, coalesce(entity, replace(initcap(replace(
    CASE WHEN table_name LIKE '%ies' THEN regexp_replace(table_name, 'ies$', 'y')
         ELSE regexp_replace(table_name, '([^s])s$', '\1') END,
    '_', ' ')), ' ', '')));
END
$$;
REVOKE ALL ON FUNCTION tenantry.isolate(regclass) FROM PUBLIC;

CREATE TABLE "idempotency_keys" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "actor_type" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "result" JSON,
    "permissions" TEXT[] NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "idempotency_keys_tenant_id_expires_at_idx" ON "idempotency_keys"("tenant_id", "expires_at");
CREATE UNIQUE INDEX "idempotency_keys_tenant_id_actor_type_actor_key_key" ON "idempotency_keys"("tenant_id", "actor_type", "actor", "key");

ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- Not `protect`: a kept result is a copy of what the audit log records anyway, and would be copied in full.
SELECT tenantry.isolate('idempotency_keys');

-- A result is its actor's own, within the tenant as well. Once it has expired, whoever comes may remove it.
CREATE POLICY actor_isolation ON "idempotency_keys" AS RESTRICTIVE TO tenantry_app
  USING (
    "expires_at" <= now()
    OR ("actor_type" = (SELECT current_setting('app.current_actor_type')) AND "actor" = (SELECT current_setting('app.current_actor')))
  )
  WITH CHECK (
    "actor_type" = (SELECT current_setting('app.current_actor_type')) AND "actor" = (SELECT current_setting('app.current_actor'))
  );

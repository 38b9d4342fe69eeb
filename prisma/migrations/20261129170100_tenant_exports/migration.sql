-- Exports that owners ask for through the API: a job writes the archive into rows of the tenant.

CREATE TABLE "tenant_exports" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "status" TEXT NOT NULL DEFAULT 'pending',
    "requested_by" TEXT NOT NULL,
    "anonymised" BOOLEAN NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "size" BIGINT,
    "sha256" TEXT,
    "rows" BIGINT,
    "failure" TEXT,

    CONSTRAINT "tenant_exports_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE INDEX "tenant_exports_tenant_id_created_at_id_idx" ON "tenant_exports"("tenant_id", "created_at", "id");

ALTER TABLE "tenant_exports" ADD CONSTRAINT "tenant_exports_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "tenant_exports"
  ADD CONSTRAINT "tenant_exports_status_check" CHECK ("status" IN ('pending', 'ready', 'failed')),
  ADD CONSTRAINT "tenant_exports_ready_check" CHECK (
    ("status" = 'ready') = ("size" IS NOT NULL AND "sha256" IS NOT NULL AND "rows" IS NOT NULL AND "expires_at" IS NOT NULL)
  );
SELECT tenantry.check_times('public.tenant_exports');
SELECT tenantry.protect('tenant_exports', 'TenantExport');
COMMENT ON TABLE "tenant_exports" IS
  '@tenancy transient: it says which archives there are, and these are not moved';

CREATE TABLE "tenant_export_chunks" (
    "tenant_id" UUID NOT NULL DEFAULT tenantry.current_tenant(),
    "id" UUID NOT NULL DEFAULT tenantry.uuid_v7(),
    "export_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "bytes" BYTEA NOT NULL,

    CONSTRAINT "tenant_export_chunks_pkey" PRIMARY KEY ("tenant_id","id")
);

CREATE UNIQUE INDEX "tenant_export_chunks_tenant_id_export_id_number_key" ON "tenant_export_chunks"("tenant_id", "export_id", "number");

ALTER TABLE "tenant_export_chunks" ADD CONSTRAINT "tenant_export_chunks_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "tenant_export_chunks" ADD CONSTRAINT "tenant_export_chunks_tenant_id_export_id_fkey" FOREIGN KEY ("tenant_id", "export_id") REFERENCES "tenant_exports"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;
ALTER TABLE "tenant_export_chunks" ADD CONSTRAINT "tenant_export_chunks_bytes_check" CHECK (octet_length("bytes") BETWEEN 1 AND 1048576);
-- The bytes are compressed already.
ALTER TABLE "tenant_export_chunks" ALTER "bytes" SET STORAGE EXTERNAL;

-- Not `protect`: the audit log would be a copy of every archive.
SELECT tenantry.isolate('tenant_export_chunks');
COMMENT ON TABLE "tenant_export_chunks" IS
  'Archives of the tenant. Isolated but not audited: that an export was asked for, written and downloaded is in the audit log.
@tenancy derived: copies of the tenant''s rows';

-- A row has at most 1 MiB, so the quota is in MiB.
SELECT tenantry.limit_rows('public.tenant_export_chunks', 'exportStorage');

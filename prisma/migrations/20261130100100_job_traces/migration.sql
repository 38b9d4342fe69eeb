-- The trace (W3C Trace Context) of the transaction that queued a job, also through a trigger. A transaction that is traced has
-- it in a setting; everywhere else the column is null. It names no person and no value.

ALTER TABLE tenantry.jobs ADD COLUMN "traceparent" TEXT DEFAULT nullif(current_setting('app.traceparent', true), '')
  CONSTRAINT "jobs_traceparent_check" CHECK ("traceparent" ~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');
COMMENT ON COLUMN tenantry.jobs.traceparent IS '@tenancy plain: the id of a trace';
GRANT SELECT ("traceparent") ON tenantry.jobs TO tenantry_app;

-- Versions of rows, for clients that must not overwrite what they have not seen.

-- Counts the changes of a row. Whatever an UPDATE says of the version itself is ignored; one that changes nothing
-- counts for nothing, as in the audit log.
CREATE FUNCTION tenantry.next_version() RETURNS trigger
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  NEW.version := OLD.version;
  -- Compares the rows' bytes: not every type has an equality (json has none).
  IF NEW OPERATOR(pg_catalog.*<>) OLD THEN
    NEW.version := OLD.version + 1;
  END IF;
  RETURN NEW;
END
$$;

-- Gives each row of a table a version that grows by one with each change, whoever makes it. The table has a column
-- `version integer NOT NULL DEFAULT 1`. May be called more than once.
CREATE FUNCTION tenantry.count_versions(target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_attribute
    WHERE attrelid = target AND attname = 'version' AND atttypid = 'integer'::regtype AND attnotnull AND NOT attisdropped
  ) THEN
    RAISE EXCEPTION '% needs a column version integer NOT NULL', target USING ERRCODE = '42P16';
  END IF;
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER next_version BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION tenantry.next_version()',
    target
  );
END
$$;
REVOKE ALL ON FUNCTION tenantry.next_version(), tenantry.count_versions(regclass) FROM PUBLIC;

ALTER TABLE "tenants" ADD COLUMN "version" INTEGER NOT NULL DEFAULT 1;
SELECT tenantry.count_versions('tenants');

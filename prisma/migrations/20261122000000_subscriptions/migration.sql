-- Subscriptions: what PostgreSQL says of changed rows, to whom it may concern.
--
-- A change of a published table is announced on the channel tenantry_changes when it is committed: ids only, for a
-- channel has no row-level security. Whoever hears of it reads the row again, bound to its own tenant. NOTIFY lets
-- transactions commit one after the other, so that it is used for those tenants only in which somebody listens.

-- In which tenants somebody listens, and until when. Servers prolong what they need; a server that dies leaves
-- nothing behind for longer than a minute. It is not worth a place in the write-ahead log: after a crash every server
-- has lost its connection, and asks anew.
CREATE UNLOGGED TABLE tenantry.listening (
    "tenant_id" UUID NOT NULL PRIMARY KEY REFERENCES public.tenants ("id") ON DELETE CASCADE,
    -- Another one whenever the lease had lapsed: a listener that finds it changed may have missed something.
    "lease" UUID NOT NULL,
    "until" TIMESTAMPTZ NOT NULL
);
ALTER TABLE tenantry.listening ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY listeners ON tenantry.listening TO tenantry_owner USING (true) WITH CHECK (true);

-- From the commit on, and for a minute, changes in these tenants are announced. Answers the lease of each; a tenant
-- that does not exist has none.
CREATE FUNCTION tenantry.listen(tenant_ids uuid[]) RETURNS TABLE (tenant_id uuid, lease uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO tenantry.listening AS held (tenant_id, lease, until)
  SELECT id, gen_random_uuid(), clock_timestamp() + interval '1 minute'
  -- In order, so that two servers do not wait for each other.
  FROM public.tenants WHERE id = ANY (tenant_ids) ORDER BY id
  ON CONFLICT (tenant_id) DO UPDATE SET
    -- A few seconds early, for a transaction that is committing right now may find that the minute is over.
    lease = CASE WHEN held.until > clock_timestamp() + interval '5 seconds' THEN held.lease ELSE excluded.lease END,
    until = excluded.until
  RETURNING held.tenant_id, held.lease
$$;

-- The trigger behind `publish`. Arguments: the entity's name in the audit log, then the columns whose ids are told
-- beside the row's own. A row that leaves a parent is announced under the old parent as well as under the new one.
-- (A transaction at repeatable read or above does not see a lease that is younger than its snapshot.)
CREATE FUNCTION tenantry.announce_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
  change jsonb;
  keys jsonb := '{}';
  old_keys jsonb := '{}';
BEGIN
  IF NOT EXISTS (
    SELECT FROM tenantry.listening WHERE tenant_id = tenant AND until > clock_timestamp()
  ) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' AND OLD *= NEW THEN
    RETURN NULL;
  END IF;
  change := jsonb_build_object(
    'tenantId', tenant,
    'entity', TG_ARGV[0],
    'kind', CASE TG_OP WHEN 'INSERT' THEN 'CREATED' WHEN 'UPDATE' THEN 'UPDATED' ELSE 'DELETED' END,
    'id', CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END
  );
  IF TG_NARGS > 1 THEN
    IF TG_OP <> 'DELETE' THEN
      SELECT jsonb_object_agg(key, to_jsonb(NEW) -> key) INTO keys FROM unnest(TG_ARGV[1:]) AS key;
    END IF;
    IF TG_OP <> 'INSERT' THEN
      SELECT jsonb_object_agg(key, to_jsonb(OLD) -> key) INTO old_keys FROM unnest(TG_ARGV[1:]) AS key;
    END IF;
    IF TG_OP = 'DELETE' THEN
      keys := old_keys;
    ELSIF TG_OP = 'UPDATE' AND keys <> old_keys THEN
      PERFORM pg_notify('tenantry_changes', (change || jsonb_build_object('keys', old_keys))::text);
    END IF;
  END IF;
  PERFORM pg_notify('tenantry_changes', (change || jsonb_build_object('keys', keys))::text);
  RETURN NULL;
END
$$;

-- Publishes the changes of a tenant-scoped table, in one call and more than once without harm. `parents` are columns
-- that a subscription chooses by, such as the conversation of a message. Only ids can be told: they are of type uuid.
--
-- The trigger is deferred to the end of the transaction, so that it sees who listens then: whoever has come while the
-- transaction was under way is told as well. Except where no tenant is bound, which is maintenance: a migration could
-- not alter a table that has a trigger pending.
CREATE FUNCTION tenantry.publish(target regclass, VARIADIC parents name[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  entity constant text := (
    SELECT split_part(encode(tgargs, 'escape'), '\000', 1) FROM pg_trigger
    WHERE tgrelid = target AND tgfoid = 'tenantry.write_audit'::regproc
  );
  arguments text;
  column_name name;
BEGIN
  IF entity IS NULL OR NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = target AND polname = 'tenant_isolation') THEN
    RAISE EXCEPTION '% is not protected: SELECT tenantry.protect(%)', target, quote_literal(target::text)
      USING ERRCODE = '42P16';
  END IF;
  FOREACH column_name IN ARRAY ARRAY['tenant_id', 'id']::name[] || parents LOOP
    IF NOT EXISTS (
      SELECT FROM pg_attribute
      WHERE attrelid = target AND attname = column_name AND atttypid = 'uuid'::regtype AND NOT attisdropped
    ) THEN
      RAISE EXCEPTION '% has no column % of type uuid: nothing but ids is announced', target, column_name
        USING ERRCODE = '42P16';
    END IF;
  END LOOP;

  SELECT string_agg(quote_literal(argument), ', ' ORDER BY position) INTO arguments
  FROM unnest(entity || parents::text[]) WITH ORDINALITY AS each (argument, position);
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgname = 'publish') THEN
    EXECUTE format('DROP TRIGGER publish ON %s', target);
  END IF;
  EXECUTE format(
    'CREATE CONSTRAINT TRIGGER publish AFTER INSERT OR UPDATE OR DELETE ON %s '
    'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW '
    'WHEN (coalesce(current_setting(''app.current_tenant'', true), '''') <> '''') '
    'EXECUTE FUNCTION tenantry.announce_change(%s)', target, arguments
  );
  EXECUTE format(
    'CREATE OR REPLACE TRIGGER publish_unbound AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW '
    'WHEN (coalesce(current_setting(''app.current_tenant'', true), '''') = '''') '
    'EXECUTE FUNCTION tenantry.announce_change(%s)', target, arguments
  );
END
$$;

-- Whether the changes of an entity are announced at all: a server that is asked to follow one that is not can say so,
-- rather than wait for ever.
CREATE FUNCTION tenantry.is_published(entity text) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (
    SELECT FROM pg_catalog.pg_trigger
    WHERE tgname = 'publish' AND tgfoid = 'tenantry.announce_change'::pg_catalog.regproc
      AND split_part(encode(tgargs, 'escape'), '\000', 1) = entity
  )
$$;

REVOKE ALL ON FUNCTION
  tenantry.listen(uuid[]), tenantry.announce_change(), tenantry.publish(regclass, name[]), tenantry.is_published(text)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.listen(uuid[]), tenantry.is_published(text) TO tenantry_app;

-- The sealed audit trail: docs/audit-format.md has the format, docs/audit-trail.md what it is good for.
--
-- A server that has a key seals the entries of each tenant in the background: it gives each entry a place in a Merkle tree,
-- and signs the root of the tree. Writing an entry takes no lock and costs one number more.
--
-- An entry is sealed when every transaction up to its own has ended, so that no entry can appear behind a seal later. The
-- order of a trail is the order of sealing. It does not depend on a clock, or on the numbers of transactions, which begin
-- anew when a database is restored elsewhere.


-- The number of the transaction that wrote an entry. Null in entries that are older than this migration.
ALTER TABLE "audit_log" ADD COLUMN "tx" xid8;
ALTER TABLE "audit_log" ALTER COLUMN "tx" SET DEFAULT pg_current_xact_id();
-- Finds what is not sealed yet, in all tenants. Partial, so that it is empty at first, and building it locks nobody out.
CREATE INDEX "audit_log_tx_idx" ON "audit_log"("tx") WHERE "tx" IS NOT NULL;


-- Where the trail of a tenant ends. Whoever seals or redacts locks the tenant's row; whoever writes entries does not.
CREATE TABLE tenantry.audit_trees (
    "tenant_id" UUID NOT NULL PRIMARY KEY REFERENCES public.tenants ON DELETE RESTRICT ON UPDATE RESTRICT,
    "size" BIGINT NOT NULL DEFAULT 0,
    "seals" BIGINT NOT NULL DEFAULT 0,
    -- The roots of the complete subtrees, from the left, 32 bytes each.
    "frontier" BYTEA NOT NULL DEFAULT ''
);

-- The place of each sealed entry. The salts, 16 bytes for each of its values, are deleted with the values.
CREATE TABLE tenantry.audit_leaves (
    "tenant_id" UUID NOT NULL REFERENCES public.tenants ON DELETE RESTRICT ON UPDATE RESTRICT,
    "position" BIGINT NOT NULL,
    "entry_id" UUID NOT NULL,
    "leaf" BYTEA NOT NULL CHECK (octet_length("leaf") = 32),
    "salts" BYTEA NOT NULL,
    PRIMARY KEY ("tenant_id", "position"),
    UNIQUE ("tenant_id", "entry_id")
);

-- The roots of complete subtrees of 2^8, 2^16, 2^24 leaves, so that a proof reads a few hundred hashes, not all of them.
CREATE TABLE tenantry.audit_nodes (
    "tenant_id" UUID NOT NULL REFERENCES public.tenants ON DELETE RESTRICT ON UPDATE RESTRICT,
    "level" SMALLINT NOT NULL,
    "index" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL CHECK (octet_length("hash") = 32),
    PRIMARY KEY ("tenant_id", "level", "index")
);

CREATE TABLE tenantry.audit_seals (
    "tenant_id" UUID NOT NULL REFERENCES public.tenants ON DELETE RESTRICT ON UPDATE RESTRICT,
    "number" BIGINT NOT NULL CHECK ("number" > 0),
    "size" BIGINT NOT NULL CHECK ("size" > 0),
    "root" BYTEA NOT NULL CHECK (octet_length("root") = 32),
    "previous" BYTEA NOT NULL CHECK (octet_length("previous") = 32),
    "sealed_at" TIMESTAMPTZ(3) NOT NULL,
    "horizon" XID8 NOT NULL,
    "key" TEXT NOT NULL,
    "signature" BYTEA NOT NULL CHECK (octet_length("signature") = 64),
    PRIMARY KEY ("tenant_id", "number")
);

-- What is left of deleted values: the commitments. Who deleted them and why is in an entry of the log alone, in which it can
-- be deleted, too.
CREATE TABLE tenantry.audit_redactions (
    "tenant_id" UUID NOT NULL REFERENCES public.tenants ON DELETE RESTRICT ON UPDATE RESTRICT,
    "entry_id" UUID NOT NULL,
    "index" INTEGER NOT NULL CHECK ("index" >= 0),
    "path" TEXT NOT NULL,
    "commitment" BYTEA NOT NULL CHECK (octet_length("commitment") = 32),
    "redacted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp(),
    -- The transaction that may change the entry.
    "tx" XID8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY ("tenant_id", "entry_id", "index")
);

DO $$
DECLARE
  target text;
BEGIN
  FOREACH target IN ARRAY ARRAY['audit_trees', 'audit_leaves', 'audit_nodes', 'audit_seals', 'audit_redactions'] LOOP
    EXECUTE format('ALTER TABLE tenantry.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
      'CREATE POLICY tenant_isolation ON tenantry.%I FOR SELECT USING (%s)',
      target, tenantry.isolation_predicate('tenant_id')
    );
    -- The functions below, which run as the owner, narrow to the bound tenant by themselves.
    EXECUTE format('CREATE POLICY audit_sealer ON tenantry.%I TO tenantry_owner USING (true) WITH CHECK (true)', target);
    EXECUTE format('GRANT SELECT ON tenantry.%I TO tenantry_app, tenantry_operator', target);
    CONTINUE WHEN target = 'audit_trees';
    EXECUTE format(
      'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON tenantry.%I '
      'FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change()', target
    );
    EXECUTE format(
      'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON tenantry.%I '
      'FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change()', target
    );
    EXECUTE format(
      'ALTER TABLE tenantry.%I ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_truncate', target
    );
  END LOOP;
END
$$;

-- Which server seals, until when, and how far all tenants are sealed: one row, which the first sealer makes.
CREATE TABLE tenantry.audit_sealer (
    "only" BOOLEAN NOT NULL PRIMARY KEY DEFAULT true CHECK ("only"),
    "holder" UUID,
    "until" TIMESTAMPTZ,
    -- Every entry of a transaction below this number is sealed. Null: nobody has looked through the log yet.
    "watermark" XID8,
    -- The database in which the number was assigned: see audit_database.
    "database" TEXT
);
ALTER TABLE tenantry.audit_sealer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_sealer ON tenantry.audit_sealer TO tenantry_owner USING (true) WITH CHECK (true);

-- The tenants whose trails could not be continued when those of others were: their entries of transactions from `since` on are
-- still to be sealed, or those of any transaction when it is 0. So no tenant keeps the others from being sealed.
CREATE TABLE tenantry.audit_behind (
    "tenant_id" UUID NOT NULL PRIMARY KEY REFERENCES public.tenants ON DELETE RESTRICT ON UPDATE RESTRICT,
    "since" XID8 NOT NULL
);
ALTER TABLE tenantry.audit_behind ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON tenantry.audit_behind FOR SELECT USING (%s)',
    tenantry.isolation_predicate('tenant_id')
  );
END
$$;
CREATE POLICY audit_sealer ON tenantry.audit_behind TO tenantry_owner USING (true) WITH CHECK (true);

-- The sealer looks for entries before it binds a tenant, and a redaction changes what it has recorded.
CREATE POLICY audit_sealer ON "audit_log" FOR SELECT TO tenantry_owner USING (true);
CREATE POLICY audit_redactor ON "audit_log" FOR UPDATE TO tenantry_owner USING (
  EXISTS (
    SELECT FROM tenantry.audit_redactions r
    WHERE r.tenant_id = audit_log.tenant_id AND r.entry_id = audit_log.id AND r.tx = pg_current_xact_id()
  )
);


-- Whether a change of a row is a redaction: it changes nothing but the columns in `erasable`, and the same transaction has
-- recorded a redaction of the entry.
CREATE FUNCTION tenantry.is_redaction(before jsonb, after jsonb, erasable text[], tenant uuid, entry uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT before - erasable = after - erasable AND EXISTS (
    SELECT FROM tenantry.audit_redactions r
    WHERE r.tenant_id = tenant AND r.entry_id = entry AND r.tx = pg_current_xact_id()
  )
$$;

-- Both are changed by redactions, and by nothing else. The function that refuses stays one that always refuses.
DROP TRIGGER append_only ON "audit_log";
CREATE TRIGGER append_only BEFORE DELETE ON "audit_log"
  FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON "audit_log"
  FOR EACH ROW WHEN (NOT tenantry.is_redaction(
    to_jsonb(OLD), to_jsonb(NEW), ARRAY['actor', 'old_value', 'new_value'], OLD."tenant_id", OLD."id"
  )) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE "audit_log" ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_update;

DROP TRIGGER append_only ON tenantry.audit_leaves;
CREATE TRIGGER append_only BEFORE DELETE ON tenantry.audit_leaves
  FOR EACH ROW EXECUTE FUNCTION tenantry.refuse_change();
CREATE TRIGGER append_only_update BEFORE UPDATE ON tenantry.audit_leaves
  FOR EACH ROW WHEN (NOT tenantry.is_redaction(
    to_jsonb(OLD), to_jsonb(NEW), ARRAY['salts'], OLD."tenant_id", OLD."entry_id"
  )) EXECUTE FUNCTION tenantry.refuse_change();
ALTER TABLE tenantry.audit_leaves ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_update;

-- Names a database: the numbers of transactions are comparable only within one cluster. Another one after a restore.
CREATE FUNCTION tenantry.audit_database() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('%s %s', (SELECT system_identifier FROM pg_control_system()), oid)
  FROM pg_database WHERE datname = current_database()
$$;

-- Asks for the work of the sealer. `leads` is false when another server seals; then there is nothing to do. Otherwise
-- `tenants` have entries to seal, each those of transactions from its `since` to below `through`, or of any when its `since`
-- is null. After it has tried all of them, the server says so with the next question, as `done`, and names the tenants that
-- it `failed` to seal: these stay behind, and all others go on without them. `restored` says that numbers of transactions may
-- be those of another database.
--
-- A server leads for six seconds from its question on, and then another one may. A lease that would last longer was given
-- before the clock was set back, and does not count. Two servers that seal at once do no harm: see seal_audit.
CREATE FUNCTION tenantry.audit_work(
  server uuid, done xid8, failed uuid[], expires bigint, signature text,
  OUT leads boolean, OUT through xid8, OUT tenants uuid[], OUT since xid8[], OUT restored boolean
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  lease constant interval := '6 seconds';
  own_database constant text := tenantry.audit_database();
  state record;
  sealed_below xid8;
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'audit_work', expires, server, coalesce(done::text, ''), array_to_string(failed, ',')),
    expires, signature
  );
  SELECT s.holder, s.until, s.watermark, s.database INTO state FROM tenantry.audit_sealer s;
  IF NOT FOUND THEN
    INSERT INTO tenantry.audit_sealer DEFAULT VALUES ON CONFLICT DO NOTHING;
  END IF;
  leads := state.holder = server
    AND state.until BETWEEN clock_timestamp() + lease / 2 AND clock_timestamp() + lease;
  IF leads IS NOT TRUE THEN
    UPDATE tenantry.audit_sealer s SET holder = server, until = clock_timestamp() + lease
    WHERE s.holder IS NULL OR s.holder = server OR s.until IS NULL
      OR s.until NOT BETWEEN clock_timestamp() AND clock_timestamp() + lease
    RETURNING s.holder, s.until, s.watermark, s.database INTO state;
    leads := FOUND;
  END IF;
  IF NOT leads THEN
    RETURN;
  END IF;
  -- Numbers of another database, and those that were not assigned yet, say nothing of what is sealed.
  sealed_below := CASE
    WHEN state.database = own_database AND state.watermark <= pg_snapshot_xmin(pg_current_snapshot()) THEN state.watermark
  END;
  IF done IS NOT NULL THEN
    DELETE FROM tenantry.audit_behind b WHERE sealed_below IS NULL OR b.tenant_id <> ALL (failed);
    INSERT INTO tenantry.audit_behind (tenant_id, since)
    SELECT t.id, coalesce(sealed_below, '0') FROM public.tenants t WHERE t.id = ANY (failed)
    ON CONFLICT DO NOTHING;
    IF state.database IS DISTINCT FROM own_database OR state.watermark IS DISTINCT FROM done THEN
      UPDATE tenantry.audit_sealer s SET watermark = done, database = own_database WHERE s.holder = server;
      sealed_below := done;
      state.database := own_database;
    END IF;
  END IF;
  restored := state.database IS DISTINCT FROM own_database;
  IF sealed_below IS NULL THEN
    SELECT pg_snapshot_xmin(now_here), ARRAY(
      SELECT t.id FROM public.tenants t WHERE EXISTS (
        SELECT FROM public.audit_log e
        WHERE e.tenant_id = t.id
          AND NOT EXISTS (
            SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id
          )
      ) ORDER BY t.id
    ) INTO through, tenants FROM pg_current_snapshot() now_here;
    since := array_fill(NULL::xid8, ARRAY[cardinality(tenants)]);
  ELSE
    SELECT pg_snapshot_xmin(now_here), work.tenants, work.since INTO through, tenants, since
    FROM pg_current_snapshot() now_here, LATERAL (
      SELECT array_agg(each.tenant_id ORDER BY each.is_behind) AS tenants,
        array_agg(each.since ORDER BY each.is_behind) AS since
      FROM (
        SELECT DISTINCT e.tenant_id, sealed_below AS since, false AS is_behind FROM public.audit_log e
        WHERE e.tx >= sealed_below AND e.tx < pg_snapshot_xmin(now_here)
          AND NOT EXISTS (
            SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id
          )
          AND NOT EXISTS (SELECT FROM tenantry.audit_behind b WHERE b.tenant_id = e.tenant_id)
        UNION ALL
        SELECT b.tenant_id, nullif(b.since, '0'), true FROM tenantry.audit_behind b
      ) AS each
    ) AS work;
  END IF;
END
$$;

COMMENT ON FUNCTION tenantry.audit_work(uuid, xid8, uuid[], bigint, text) IS
  '@tenancy audited: tells a server, which signs the question, the ids of the tenants that have entries to seal, and nothing of them';

-- Ends the lease of a server that stops, so that another one seals at once.
CREATE FUNCTION tenantry.release_audit_work(server uuid, expires bigint, signature text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM tenantry.require_signature(concat_ws(E'\x1f', 'release_audit_work', expires, server), expires, signature);
  UPDATE tenantry.audit_sealer s SET until = NULL WHERE s.holder = server;
END
$$;

-- Fails unless the bound transaction is the server's own: a request's transaction never acts as the system.
CREATE FUNCTION tenantry.require_system() RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (SELECT actor_type FROM tenantry.current_actor()) <> 'system' THEN
    RAISE EXCEPTION 'only the server itself seals the audit log' USING ERRCODE = '42501';
  END IF;
  RETURN tenantry.current_tenant();
END
$$;

-- Begins a block in the bound tenant: locks the trail until the transaction ends, and says where it ends. Entries are read
-- afterwards, so that their snapshot is younger than `horizon` and `sealed_at`, and than the last redaction.
CREATE FUNCTION tenantry.open_audit_block(
  OUT size bigint, OUT seals bigint, OUT frontier bytea, OUT sealed_at timestamptz, OUT horizon xid8
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Whoever redacts in this tenant for long must not keep the other tenants from being sealed.
SET lock_timeout = '2s'
AS $$
DECLARE
  tenant constant uuid := tenantry.require_system();
BEGIN
  INSERT INTO tenantry.audit_trees (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
  SELECT t.size, t.seals, t.frontier INTO size, seals, frontier
  FROM tenantry.audit_trees t WHERE t.tenant_id = tenant FOR UPDATE;
  sealed_at := date_trunc('milliseconds', clock_timestamp());
  horizon := pg_snapshot_xmax(pg_current_snapshot());
END
$$;

-- Adds a block to the trail of the bound tenant: its entries in order, the complete subtrees they make, and the seal. Fails
-- (40001) when the trail does not end where the seal says, so of two servers that seal at once only one succeeds.
CREATE FUNCTION tenantry.seal_audit(
  seal_number bigint, seal_size bigint, root bytea, previous bytea, sealed_at timestamptz, horizon xid8, key text,
  signature bytea, frontier bytea, entry_ids uuid[], leaves bytea[], salts bytea[],
  node_levels smallint[], node_indexes bigint[], node_hashes bytea[]
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.require_system();
  start constant bigint := seal_size - cardinality(entry_ids);
  added bigint;
BEGIN
  UPDATE tenantry.audit_trees t SET size = seal_size, seals = seal_number, frontier = seal_audit.frontier
  WHERE t.tenant_id = tenant AND t.seals = seal_number - 1 AND t.size = start;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the audit trail does not end where this seal continues' USING ERRCODE = '40001';
  END IF;
  INSERT INTO tenantry.audit_leaves (tenant_id, position, entry_id, leaf, salts)
  SELECT tenant, start + each.place - 1, e.id, each.leaf, each.salt
  FROM unnest(entry_ids, leaves, salts) WITH ORDINALITY AS each (entry_id, leaf, salt, place)
  JOIN public.audit_log e ON e.tenant_id = tenant AND e.id = each.entry_id;
  GET DIAGNOSTICS added = ROW_COUNT;
  IF added <> cardinality(entry_ids) THEN
    RAISE EXCEPTION 'an entry to be sealed does not exist in this tenant' USING ERRCODE = '23503';
  END IF;
  INSERT INTO tenantry.audit_nodes (tenant_id, level, index, hash)
  SELECT tenant, each.level, each.index, each.hash
  FROM unnest(node_levels, node_indexes, node_hashes) AS each (level, index, hash);
  INSERT INTO tenantry.audit_seals (tenant_id, number, size, root, previous, sealed_at, horizon, key, signature)
  VALUES (tenant, seal_number, seal_size, root, previous, sealed_at, horizon, key, signature);
END
$$;

-- The first entry of the bound tenant that is not sealed though every entry of its time is, so that the sealer has not seen it
-- being written or has refused it; or that names a transaction that has not begun. Null when there is none.
CREATE FUNCTION tenantry.inserted_audit_entry() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.id
  FROM tenantry.audit_sealer s
  JOIN public.audit_log e ON e.tenant_id = tenantry.current_tenant()
  LEFT JOIN tenantry.audit_behind b ON b.tenant_id = tenantry.current_tenant()
  WHERE s.database = tenantry.audit_database() AND s.watermark <= pg_snapshot_xmin(pg_current_snapshot())
    AND b.since IS DISTINCT FROM '0'
    AND (e.tx IS NULL OR e.tx < coalesce(b.since, s.watermark) OR e.tx >= pg_snapshot_xmax(pg_current_snapshot()))
    AND NOT EXISTS (
      SELECT FROM tenantry.audit_leaves l WHERE l.tenant_id = tenantry.current_tenant() AND l.entry_id = e.id
    )
  ORDER BY e.id LIMIT 1
$$;

-- The values of an entry in the order of docs/audit-format.md, each with its path and its place. `json_key` is the key of a
-- member of an object, else null. Values that were deleted before are missing, and keep their places.
CREATE FUNCTION tenantry.audit_values(
  actor text, old_value jsonb, new_value jsonb, gone integer[], gone_paths text[]
)
RETURNS TABLE (index integer, path text, side text, json_key text, printed text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH present AS (
    SELECT part, ordinality, path, side, json_key, printed,
      row_number() OVER (ORDER BY part, ordinality) AS rank
    FROM (
      SELECT 0 AS part, 0::bigint AS ordinality, 'actor' AS path, 'actor' AS side, NULL::text AS json_key,
        audit_values.actor AS printed
      UNION ALL
      SELECT sides.part, 0, sides.side, sides.side, NULL, sides.value::text
      FROM (VALUES (1, 'old', old_value), (2, 'new', new_value)) AS sides (part, side, value)
      WHERE jsonb_typeof(sides.value) <> 'object'
      UNION ALL
      SELECT sides.part, member.ordinality, sides.side || '.' || to_json(member.key)::text, sides.side, member.key,
        member.value::text
      FROM (VALUES (1, 'old', old_value), (2, 'new', new_value)) AS sides (part, side, value),
        jsonb_each(CASE jsonb_typeof(sides.value) WHEN 'object' THEN sides.value END)
          WITH ORDINALITY AS member (key, value, ordinality)
    ) AS each
    WHERE json_key IS NOT NULL OR path <> ALL (gone_paths)
  ), places AS (
    SELECT place, row_number() OVER (ORDER BY place) AS rank
    FROM generate_series(0, (SELECT count(*)::integer FROM present) + cardinality(gone) - 1) AS place
    WHERE place <> ALL (gone)
  )
  SELECT places.place, present.path, present.side, present.json_key, present.printed
  FROM present JOIN places USING (rank) ORDER BY places.place
$$;

-- Whether a value is the id of a user, or contains it, however deep, as a value or as a key.
CREATE FUNCTION tenantry.names_person(value jsonb, person text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT strpos(value::text, to_json(person)::text) > 0 AND (
    jsonb_path_exists(value, '$.** ? (@ == $person)', jsonb_build_object('person', person))
    OR jsonb_path_exists(
      value, '$.** ? (@.type() == "object").keyvalue() ? (@.key == $person)', jsonb_build_object('person', person)
    )
  )
$$;

-- Deletes values from entries of the bound tenant, and returns how many entries lost some. The entries stay, with the
-- commitments to what was deleted, so that the trail still verifies. It is itself recorded in the audit log, with the reason
-- and with the places of the values, which no redaction deletes: verifiers demand them for every value that is missing.
--
-- Of the entries in `entry_ids`, all values are deleted, with `actors` their actors, too. Of those that concern `person`, the
-- id of a user: all values of rows that are about the user (`user_id`, `accepted_by`, or an address that such a row has), and
-- elsewhere each value that is the user's id or contains it as a value or a key, the actor included.
--
-- At most `most` entries; `remain` says whether there are more. The question is signed, because nothing else can delete from
-- the log.
CREATE FUNCTION tenantry.redact_audit(
  entry_ids uuid[], actors boolean, person text, why text, most integer, expires bigint, signature text,
  OUT redacted integer, OUT remain boolean
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant constant uuid := tenantry.current_tenant();
  acting constant text := (SELECT actor FROM tenantry.current_actor());
  quoted constant text := to_json(person)::text;
  addresses text[] := '{}';
  entry record;
  doomed record;
  changed uuid[] := '{}';
  places jsonb[] := '{}';
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(
      E'\x1f', 'redact_audit', expires, tenant, acting, array_to_string(entry_ids, ','), actors::text,
      coalesce(person, ''), why
    ),
    expires, signature
  );
  IF why IS NULL OR why = '' THEN
    RAISE EXCEPTION 'a redaction needs a reason' USING ERRCODE = '22004';
  END IF;
  -- Whoever seals or redacts in this tenant waits, so that no entry is sealed while it changes.
  INSERT INTO tenantry.audit_trees (tenant_id) VALUES (tenant) ON CONFLICT DO NOTHING;
  PERFORM FROM tenantry.audit_trees t WHERE t.tenant_id = tenant FOR UPDATE;

  IF person IS NOT NULL THEN
    addresses := ARRAY(
      SELECT DISTINCT side.value ->> 'email'
      FROM public.audit_log e, LATERAL (VALUES (e.old_value), (e.new_value)) AS side (value)
      WHERE e.tenant_id = tenant AND person IN (side.value ->> 'user_id', side.value ->> 'accepted_by')
        AND side.value ->> 'email' <> ''
      UNION
      SELECT m.email FROM public.memberships m WHERE m.tenant_id = tenant AND m.user_id = person
    );
  END IF;

  remain := false;
  FOR entry IN
    SELECT e.id, e.actor, e.actor_type, e.action, e.old_value, e.new_value, l.salts,
      coalesce(r.gone, '{}') AS gone, coalesce(r.paths, '{}') AS gone_paths,
      e.id = ANY (entry_ids) AS named,
      e.id = ANY (entry_ids) OR EXISTS (
        SELECT FROM (VALUES (e.old_value), (e.new_value)) AS side (value)
        WHERE person IN (side.value ->> 'user_id', side.value ->> 'accepted_by') OR side.value ->> 'email' = ANY (addresses)
      ) AS entirely
    FROM public.audit_log e
    LEFT JOIN tenantry.audit_leaves l ON l.tenant_id = tenant AND l.entry_id = e.id
    LEFT JOIN LATERAL (
      SELECT array_agg(r.index) AS gone, array_agg(r.path) AS paths
      FROM tenantry.audit_redactions r WHERE r.tenant_id = tenant AND r.entry_id = e.id
    ) r ON true
    WHERE e.tenant_id = tenant AND (
      e.id = ANY (entry_ids)
      OR e.actor = person
      OR strpos(e.old_value::text, quoted) > 0 OR strpos(e.new_value::text, quoted) > 0
      OR e.old_value ->> 'email' = ANY (addresses) OR e.new_value ->> 'email' = ANY (addresses)
    )
    ORDER BY e.id
  LOOP
    SELECT array_agg(v.index) AS indexes,
      -- What is kept of a value must not name the person.
      array_agg(CASE WHEN v.json_key = person THEN v.side || '."(deleted)"' ELSE v.path END) AS paths,
      bool_or(v.side = 'actor') AS of_actor,
      array_agg(v.json_key) FILTER (WHERE v.side = 'old' AND v.json_key IS NOT NULL) AS old_keys,
      array_agg(v.json_key) FILTER (WHERE v.side = 'new' AND v.json_key IS NOT NULL) AS new_keys,
      bool_or(v.side = 'old' AND v.json_key IS NULL) AS all_of_old,
      bool_or(v.side = 'new' AND v.json_key IS NULL) AS all_of_new,
      array_agg(sha256(
        '\x10'::bytea || coalesce(substr(entry.salts, v.index * 16 + 1, 16), uuid_send(gen_random_uuid()))
        || int4send(octet_length(convert_to(v.path, 'UTF8'))) || convert_to(v.path, 'UTF8')
        || int4send(octet_length(convert_to(v.printed, 'UTF8'))) || convert_to(v.printed, 'UTF8')
      )) AS commitments
    INTO doomed
    FROM tenantry.audit_values(entry.actor, entry.old_value, entry.new_value, entry.gone, entry.gone_paths) v
    WHERE CASE
      WHEN v.side = 'actor' THEN v.printed = person AND entry.actor_type = 'user' OR actors AND entry.named
      WHEN entry.action = 'audit_entry.redacted' AND v.path = 'new."deleted"' THEN false
      ELSE entry.entirely OR v.json_key = person OR tenantry.names_person(v.printed::jsonb, person)
    END;
    CONTINUE WHEN doomed.indexes IS NULL;
    IF cardinality(changed) >= most THEN
      remain := true;
      EXIT;
    END IF;

    INSERT INTO tenantry.audit_redactions (tenant_id, entry_id, index, path, commitment)
    SELECT tenant, entry.id, each.index, each.path, each.commitment
    FROM unnest(doomed.indexes, doomed.paths, doomed.commitments) AS each (index, path, commitment);
    UPDATE tenantry.audit_leaves l SET salts = (
      SELECT string_agg(
        CASE WHEN place = ANY (doomed.indexes) THEN decode(repeat('00', 16), 'hex') ELSE substr(l.salts, place * 16 + 1, 16) END,
        '' ORDER BY place
      ) FROM generate_series(0, octet_length(l.salts) / 16 - 1) AS place
    ) WHERE l.tenant_id = tenant AND l.entry_id = entry.id;
    UPDATE public.audit_log e SET
      actor = CASE WHEN doomed.of_actor THEN '' ELSE e.actor END,
      old_value = CASE
        WHEN doomed.all_of_old THEN 'null'
        WHEN doomed.old_keys IS NULL THEN e.old_value
        ELSE e.old_value - doomed.old_keys
      END,
      new_value = CASE
        WHEN doomed.all_of_new THEN 'null'
        WHEN doomed.new_keys IS NULL THEN e.new_value
        ELSE e.new_value - doomed.new_keys
      END
    WHERE e.tenant_id = tenant AND e.id = entry.id;
    changed := changed || entry.id;
    places := array_append(places, to_jsonb(doomed.indexes));
  END LOOP;

  redacted := cardinality(changed);
  IF redacted > 0 THEN
    PERFORM tenantry.record_audit(
      'audit_entry.redacted', 'AuditEntry', CASE WHEN redacted = 1 THEN changed[1]::text END, NULL,
      jsonb_build_object('reason', why, 'entries', redacted, 'deleted', (
        SELECT jsonb_object_agg(each.id, each.places) FROM unnest(changed, places) AS each (id, places)
      ))
    );
  END IF;
END
$$;

REVOKE ALL ON FUNCTION
  tenantry.audit_database(), tenantry.require_system(), tenantry.is_redaction(jsonb, jsonb, text[], uuid, uuid), tenantry.audit_work(uuid, xid8, uuid[], bigint, text),
  tenantry.release_audit_work(uuid, bigint, text), tenantry.open_audit_block(), tenantry.inserted_audit_entry(),
  tenantry.audit_values(text, jsonb, jsonb, integer[], text[]), tenantry.names_person(jsonb, text),
  tenantry.redact_audit(uuid[], boolean, text, text, integer, bigint, text),
  tenantry.seal_audit(
    bigint, bigint, bytea, bytea, timestamptz, xid8, text, bytea, bytea, uuid[], bytea[], bytea[], smallint[], bigint[],
    bytea[]
  )
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  tenantry.audit_work(uuid, xid8, uuid[], bigint, text), tenantry.release_audit_work(uuid, bigint, text),
  tenantry.open_audit_block(), tenantry.redact_audit(uuid[], boolean, text, text, integer, bigint, text),
  tenantry.seal_audit(
    bigint, bigint, bytea, bytea, timestamptz, xid8, text, bytea, bytea, uuid[], bytea[], bytea[], smallint[], bigint[],
    bytea[]
  )
TO tenantry_app;
GRANT EXECUTE ON FUNCTION tenantry.inserted_audit_entry() TO tenantry_app, tenantry_operator;

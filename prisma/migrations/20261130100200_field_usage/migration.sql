-- Which fields, arguments, input fields and enum values each tenant's clients use, per day: whether a part of the schema can be
-- removed, and whom to ask. As tenant_usage: servers count in memory and add; nobody can take anything back.

CREATE TABLE tenantry.field_usage (
    "tenant_id" UUID NOT NULL,
    -- Midnight in UTC.
    "day" TIMESTAMPTZ(3) NOT NULL,
    -- A coordinate of the schema: `Conversation.body`, `Query.members(first:)`, `Role.OWNER`. Empty: all requests of the client.
    "coordinate" TEXT NOT NULL CHECK (length("coordinate") <= 500),
    -- The name that the client has given itself, and the id of the API key; empty when there is none.
    "client" TEXT NOT NULL CHECK (length("client") <= 64),
    "api_key" TEXT NOT NULL CHECK (length("api_key") <= 36),
    "requests" BIGINT NOT NULL CHECK ("requests" >= 0),
    -- The name of the last operation; empty when it has none.
    "operation" TEXT NOT NULL CHECK (length("operation") <= 100),

    CONSTRAINT "field_usage_pkey" PRIMARY KEY ("tenant_id","day","coordinate","client","api_key"),
    CONSTRAINT "field_usage_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES public.tenants("id") ON DELETE CASCADE ON UPDATE RESTRICT
) WITH (fillfactor = 70);
-- Operators ask who uses a coordinate.
CREATE INDEX "field_usage_coordinate_day_idx" ON tenantry.field_usage ("coordinate" text_pattern_ops, "day");
ALTER TABLE tenantry.field_usage ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  EXECUTE format(
    'CREATE POLICY tenant_isolation ON tenantry.field_usage FOR SELECT USING (%s)',
    tenantry.isolation_predicate('tenant_id')
  );
END
$$;
CREATE POLICY counting ON tenantry.field_usage TO tenantry_owner USING (true) WITH CHECK (true);
GRANT SELECT ON tenantry.field_usage TO tenantry_app, tenantry_operator;
COMMENT ON TABLE tenantry.field_usage IS '@tenancy transient: which parts of this installation''s schema were used';

-- Adds what a process has counted. `usage` is a JSON array of [tenant, day, coordinate, client, api_key, requests, operation].
-- Otherwise as add_tenant_usage. A tenant has at most 20 clients a day; the others are together the client `other`, without a
-- key: clients choose their names.
CREATE FUNCTION tenantry.add_field_usage(
  server uuid, batch bigint, usage text, expires bigint DEFAULT NULL, signature text DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  most_clients constant integer := 20;
  today constant timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
BEGIN
  PERFORM tenantry.require_signature(
    concat_ws(E'\x1f', 'add_field_usage', expires, server, batch, usage), expires, signature
  );
  IF current_setting('app.current_tenant', true) <> '' THEN
    RAISE EXCEPTION 'a tenant''s transaction adds no usage' USING ERRCODE = '42501';
  END IF;
  INSERT INTO tenantry.usage_writers AS w (server, batch, written_at) VALUES (server, batch, clock_timestamp())
  ON CONFLICT ON CONSTRAINT usage_writers_pkey DO UPDATE SET batch = excluded.batch, written_at = excluded.written_at
  WHERE w.batch < excluded.batch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  WITH given AS (
    SELECT t.id AS tenant_id,
      greatest(least(date_trunc('day', (each ->> 1)::timestamptz, 'UTC'), today), today - interval '2 days') AS day,
      each ->> 2 AS coordinate, each ->> 3 AS client, each ->> 4 AS api_key, (each ->> 5)::bigint AS requests,
      each ->> 6 AS operation
    FROM jsonb_array_elements(usage::jsonb) AS each
    JOIN public.tenants t ON t.id = (each ->> 0)::uuid AND NOT tenantry.is_fenced(t.id)
  ), clients AS (
    SELECT g.tenant_id, g.day, g.client, g.api_key, k.known,
      (SELECT count(*) FROM tenantry.field_usage u WHERE u.tenant_id = g.tenant_id AND u.day = g.day AND u.coordinate = '')
        + row_number() OVER (PARTITION BY g.tenant_id, g.day, k.known ORDER BY g.client, g.api_key) AS number
    FROM (SELECT DISTINCT tenant_id, day, client, api_key FROM given) g
    CROSS JOIN LATERAL (SELECT EXISTS (
      SELECT FROM tenantry.field_usage u WHERE u.tenant_id = g.tenant_id AND u.day = g.day AND u.coordinate = ''
        AND u.client = g.client AND u.api_key = g.api_key
    ) AS known) k
  ), added AS (
    INSERT INTO tenantry.field_usage AS u (tenant_id, day, coordinate, client, api_key, requests, operation)
    SELECT g.tenant_id, g.day, g.coordinate, CASE WHEN kept THEN g.client ELSE 'other' END,
      CASE WHEN kept THEN g.api_key ELSE '' END, sum(g.requests), max(g.operation)
    FROM given g JOIN clients c USING (tenant_id, day, client, api_key)
    CROSS JOIN LATERAL (SELECT c.known OR c.number <= most_clients) AS k (kept)
    GROUP BY 1, 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT ON CONSTRAINT field_usage_pkey DO UPDATE SET
      requests = u.requests + excluded.requests, operation = excluded.operation
    RETURNING u.tenant_id, u.coordinate = '' AND u.xmax = 0 AS begins
  )
  -- With the first request of a client on a day: what is kept no longer.
  DELETE FROM tenantry.field_usage old USING (SELECT DISTINCT tenant_id FROM added WHERE begins) b
  WHERE old.tenant_id = b.tenant_id AND old.day < today - interval '90 days';
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenantry.add_field_usage(uuid, bigint, text, bigint, text) IS
  '@tenancy audited: adds counts to tenants that a server names, which signs them; it returns nothing of a tenant';

REVOKE ALL ON FUNCTION tenantry.add_field_usage(uuid, bigint, text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.add_field_usage(uuid, bigint, text, bigint, text) TO tenantry_app;

-- Making a table tenant-scoped while it is in use: what the migrations of `tenantry tenantize` are built from.
-- Nothing here is of use to a server; only the owner may call it.

-- Runs statements that need strong locks for a moment, without ever making a queue: whoever waits for a lock makes
-- everybody wait who comes after it, so that no wait is longer than a fifth of a second. In between, the others go on.
-- All or nothing. Gives up (55P03) after sixty attempts, which take about three minutes.
--
-- `targets` are the tables that are to be locked. They are first taken in a mode that hinders neither readers nor
-- writers, and with patience: autovacuum makes room only for a wait that lasts longer than deadlock_timeout.
CREATE PROCEDURE tenantry.patiently(targets regclass[], statements text)
LANGUAGE plpgsql
AS $$
DECLARE
  attempts constant integer := 60;
  target regclass;
BEGIN
  PERFORM set_config('lock_timeout', '10min', true);
  FOREACH target IN ARRAY targets LOOP
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', target);
  END LOOP;
  PERFORM set_config('lock_timeout', '200ms', true);
  FOR attempt IN 1..attempts LOOP
    BEGIN
      EXECUTE statements;
      RETURN;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      -- The locks of the attempt are given back here.
      IF attempt = attempts THEN
        RAISE EXCEPTION 'gave up after % attempts to lock %: look for a long transaction in pg_stat_activity',
          attempts, array_to_string(targets, ', ') USING ERRCODE = '55P03';
      END IF;
    END;
    PERFORM pg_sleep(least(0.1 * attempt, 5));
  END LOOP;
END
$$;

-- Gives every row of a table its tenant, in small transactions, page by page. What the tenant is, the table's own
-- trigger knows (`tenantry tenantize` puts it there); a row is only touched. It may be cut off at any time and called
-- again: what is done is what has a tenant. To be called alone, outside of a transaction.
--
-- A batch takes about a twentieth of a second, for which others may have to wait for its rows; then it rests for that
-- time multiplied by `rest`. A row that somebody holds is left for later. Where it has got to is its application_name.
-- Fails (23502), and says which, when there are rows whose tenant nobody knows.
CREATE PROCEDURE tenantry.backfill_tenant(target regclass, rest double precision DEFAULT 0.5)
LANGUAGE plpgsql
AS $$
DECLARE
  page bigint;
  pages bigint;
  -- How far a batch looks, and how many rows it takes. By rows, since a stretch without any says nothing of the next.
  stretch constant integer := 64;
  batch integer := 200;
  began timestamptz;
  spent double precision;
  filled bigint;
  filled_in_pass bigint;
  missing bigint;
  samples text;
  key_columns constant text := (
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY array_position(indkey::smallint[], attnum))
    FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
    WHERE indrelid = target AND indisprimary
  );
BEGIN
  LOOP
    page := 0;
    filled_in_pass := 0;
    -- Rows beyond were written after the trigger was there.
    pages := pg_relation_size(target) / current_setting('block_size')::integer;
    WHILE page < pages LOOP
      began := clock_timestamp();
      -- An array of addresses is always looked up one by one, whatever the planner believes of the table.
      EXECUTE format(
        'WITH touched AS (
           UPDATE %1$s SET tenant_id = NULL WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM %1$s WHERE ctid >= %2$L AND ctid < %3$L AND tenant_id IS NULL
             LIMIT %4$s FOR NO KEY UPDATE SKIP LOCKED))
           RETURNING tenant_id)
         SELECT count(tenant_id) FROM touched',
        target, format('(%s,0)', page), format('(%s,0)', page + stretch), batch
      ) INTO filled;
      COMMIT;
      filled_in_pass := filled_in_pass + filled;
      spent := extract(epoch FROM clock_timestamp() - began);
      IF filled < batch THEN
        page := page + stretch;
      ELSIF spent < 0.025 THEN
        batch := least(batch * 2, 5000);
      END IF;
      IF spent > 0.05 THEN
        batch := greatest(batch / 2, 10);
      END IF;
      PERFORM set_config(
        'application_name', format('tenantize %s: page %s of %s', target, least(page, pages), pages), false);
      PERFORM pg_sleep(spent * rest);
    END LOOP;

    EXECUTE format('SELECT count(*) FROM %s WHERE tenant_id IS NULL', target) INTO missing;
    EXIT WHEN missing = 0;
    IF filled_in_pass = 0 THEN
      EXECUTE format(
        'SELECT string_agg(sample, '', '') FROM (
           SELECT ROW(%2$s)::text FROM %1$s WHERE tenant_id IS NULL LIMIT 5 FOR NO KEY UPDATE SKIP LOCKED
         ) rows (sample)', target, coalesce(key_columns, 'ctid')) INTO samples;
      IF samples IS NOT NULL THEN
        RAISE EXCEPTION '% row(s) of % have no tenant, such as % %', missing, target, coalesce(key_columns, 'ctid'), samples
          USING ERRCODE = '23502';
      END IF;
      -- All that is left is held by others. The row locks just taken end here.
      COMMIT;
      PERFORM pg_sleep(1);
    END IF;
  END LOOP;
END
$$;

REVOKE ALL ON PROCEDURE tenantry.patiently(regclass[], text), tenantry.backfill_tenant(regclass, double precision) FROM PUBLIC;

-- protect names the entity of a table in camelCase as its model is named: OrderLine for "orderLine", not Orderline.

CREATE OR REPLACE FUNCTION tenantry.protect(target regclass, entity text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  table_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = target);
  singular constant text := CASE WHEN table_name LIKE '%ies' THEN regexp_replace(table_name, 'ies$', 'y')
    ELSE regexp_replace(table_name, '([^s])s$', '\1') END;
BEGIN
  PERFORM tenantry.isolate(target);
  PERFORM tenantry.audit(target, coalesce(entity, (
    -- A word in capitals only is one word.
    SELECT string_agg(
      upper(left(word, 1) COLLATE "C")
        || CASE WHEN word = upper(word COLLATE "C") THEN lower(substr(word, 2) COLLATE "C") ELSE substr(word, 2) END,
      '' ORDER BY position)
    FROM regexp_split_to_table(singular, '[^[:alnum:]]+') WITH ORDINALITY AS words (word, position)
  )));
END
$$;

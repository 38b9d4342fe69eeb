-- A UUIDv7 as before: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits. One expression that reads the clock
-- once, so that PostgreSQL puts it into the statement instead of running a query: an id costs a tenth of what it did, and
-- each changed row needs one for its audit entry.
CREATE OR REPLACE FUNCTION tenantry.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
-- Milliseconds times 4096 are the milliseconds followed by the twelve bits of their fraction: 15 digits. The version, 7, comes
-- between them, and a version 4 UUID ends with the right variant and the random bits.
RETURN overlay(
  lpad(to_hex((date_part('epoch', clock_timestamp()) * 4096000)::bigint), 15, '0') || right(gen_random_uuid()::text, 17)
  PLACING '7' FROM 13 FOR 0
)::uuid;

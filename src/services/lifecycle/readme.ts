/** The README of every archive. */
export const README = `This archive has all data of one tenant, as PostgreSQL printed it at one moment.

data/SCHEMA.TABLE/000001.ndjson   the rows of a table, one JSON object in each line; large tables have several parts
audit/trail/000001.ndjson         the sealed audit log; audit/head.json is its newest seal
manifest.json                     the tables with their columns and numbers of rows, and a SHA-256 of the parts of each

It can be read without any program of the server:

  cat data/public.tenants/*.ndjson | sha256sum        the sha256 of public.tenants in manifest.json
  cat audit/trail/*.ndjson > trail.ndjson
  tenantry-verify trail.ndjson --key public.pem       with the public key of the server; the verifier is a program without
                                                      dependencies, packages/audit-verifier of Tenantry

manifest.json says under "disguise" whether values were replaced by others of the same form: "none", "secrets" (hashes of
keys and encrypted values), or "texts" (every text, for a copy to develop with). Under "leftOut" it names the tables that
the archive does not have, with the reason.

"tenantry tenant import FILE" reads it into another database.
`;

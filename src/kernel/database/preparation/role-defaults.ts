/** Sets the session defaults of the roles, and revokes temporary tables. */
import pg from 'pg';

import { codeOf } from '../migration-error.js';
import { APP_ROLE, OPERATOR_ROLE, OWNER_ROLE } from '../owner-connection.js';
import { ROLE_DEFAULTS } from '../session.js';

/**
 * Sets missing defaults of `ROLE_DEFAULTS`, if this login may. A setting that a role already has, here or in all
 * databases, was chosen by an administrator and is kept.
 */
export async function setMissingDefaults(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ role: string; name: string }>(
    `SELECT r.rolname AS role, wanted.name
     FROM pg_catalog.pg_roles r CROSS JOIN unnest($1::text[]) AS wanted (name)
     WHERE r.rolname = ANY ($2) AND NOT EXISTS (
       SELECT FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS entry
       WHERE s.setrole = r.oid AND lower(split_part(entry, '=', 1) COLLATE "C") = lower(wanted.name COLLATE "C")
     )`,
    [Object.keys(ROLE_DEFAULTS), [APP_ROLE, OPERATOR_ROLE]],
  );
  for (const { role, name } of rows) {
    if (!(await permitted(client, `ALTER ROLE ${role} SET ${assignment(name)}`))) return;
  }
}

/** A list of names is written without quotes; with quotes it would be one name. */
function assignment(name: string): string {
  const value = ROLE_DEFAULTS[name]!;
  return `${name} = ${name === 'search_path' ? value : pg.escapeLiteral(value)}`;
}

/**
 * Keeps the server's role from creating temporary tables. By default PostgreSQL allows them to everybody; they outlive
 * a transaction on a pooled connection, and hide other tables of the same name. Migrations may need them.
 */
export const temporaryTables = (database: string): readonly string[] => [
  `REVOKE TEMPORARY ON DATABASE ${pg.escapeIdentifier(database)} FROM PUBLIC, ${APP_ROLE}`,
  `GRANT TEMPORARY ON DATABASE ${pg.escapeIdentifier(database)} TO ${OWNER_ROLE}`,
];

/** Runs a statement; false when the login may not. */
export async function permitted(client: pg.Client, statement: string): Promise<boolean> {
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    if (codeOf(error) !== '42501') throw error;
    return false;
  }
}

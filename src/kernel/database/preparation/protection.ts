/**
 * Checks that the database still has the objects that isolation and the audit log need. A server runs this at its
 * start, as the application's role. A partly restored database, or one with disabled triggers, would work without
 * protection.
 */
import type pg from 'pg';
import { tenantryCommand } from '../../config/command-line.js';
import { MigrationError } from '../migration-error.js';
import { APP_ROLE, OWNER_ROLE } from '../owner-connection.js';

const DRILL = 'docs/backup.md';

/**
 * @throws MigrationError with the first defect and its remedy: objects with another owner, missing rights or policies,
 * triggers that do not always fire
 */
export async function checkProtection(client: pg.Client): Promise<void> {
  const [foreign] = (await client.query<{ object: string; owner: string }>(FOREIGN_OBJECT)).rows;
  if (foreign) {
    throw new MigrationError(
      `${foreign.object} belongs to ${foreign.owner} instead of ${OWNER_ROLE}: the database was restored without its ` +
        `owners, and functions would run with the rights of ${foreign.owner}. Restore it with them: ${DRILL}.`,
    );
  }
  const { rows: missing } = await client.query<{ what: string }>(MISSING);
  if (missing.length > 0) {
    throw new MigrationError(
      `The database lacks ${missing.map(({ what }) => what).join(', ')}: it was restored without its roles or ` +
        `privileges. Restore it again, the roles first: ${DRILL}.`,
    );
  }
  const { rows: triggers } = await client.query<RestingTrigger>(RESTING_TRIGGERS);
  if (triggers.length > 0) throw new MigrationError(restingSentence(triggers));
  const [key] = (await client.query<{ key: string; table: string }>(UNCHECKED_KEY)).rows;
  if (key) {
    throw new MigrationError(
      `The foreign key ${key.key} of ${key.table} is not checked: its triggers are switched off, as a restore of data ` +
        `leaves them when it is cut off. \`${tenantryCommand('audit --fix-sql')}\` writes what mends it: ${DRILL}.`,
    );
  }
}

interface RestingTrigger {
  readonly table: string;
  readonly trigger: string;
  /** It must fire in every session, also in one with `session_replication_role = replica`. */
  readonly always: boolean;
}

function restingSentence(triggers: readonly RestingTrigger[]): string {
  const names = triggers.map(({ table, trigger }) => `${trigger} of ${table}`).join(', ');
  const statements = triggers.map(
    ({ table, trigger, always }) =>
      `ALTER TABLE ${table} ENABLE ${always ? 'ALWAYS ' : ''}TRIGGER ${trigger};`,
  );
  return (
    `These triggers do not fire whenever they must, so that changes escape the audit log or entries can be deleted: ` +
    `${names}. A restore with --disable-triggers does that. As ${OWNER_ROLE}, run: ${statements.join(' ')}`
  );
}

/** The kernel's functions run as their owner, and forced row-level security applies to the tables' owner. */
const FOREIGN_OBJECT = `
  SELECT object, pg_get_userbyid(owner) AS owner FROM (
    SELECT format('The function %s', p.oid::regprocedure) AS object, p.proowner AS owner
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'tenantry'
    UNION ALL
    SELECT format('The table %I.%I', n.nspname, c.relname), c.relowner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND (
      n.nspname = 'tenantry'
      OR (n.nspname = 'public' OR n.nspname ~ '^tenant_[0-9a-f]{32}$') AND EXISTS (
        SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant_isolation'
      )
    )
  ) objects
  WHERE pg_get_userbyid(owner) <> '${OWNER_ROLE}' ORDER BY object LIMIT 1`;

/** Objects that a restore omits with certain options or without the roles; checking one of each kind is sufficient. */
const MISSING = `
  SELECT 'the right of ${APP_ROLE} to use the schema tenantry' AS what
  WHERE NOT has_schema_privilege('tenantry', 'USAGE')
  UNION ALL
  SELECT 'the right of ${APP_ROLE} to execute tenantry.' || name
  FROM unnest(ARRAY['bind', 'resolve_access', 'current_tenant']) name
  WHERE NOT EXISTS (
    SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'tenantry' AND p.proname = name AND has_function_privilege(p.oid, 'EXECUTE')
  )
  UNION ALL
  SELECT format('the policy %s of %s', policy, name)
  FROM (VALUES
    ('tenants', 'tenant_isolation'), ('tenants', 'resolve_access'),
    ('memberships', 'tenant_isolation'), ('memberships', 'resolve_access'),
    ('audit_log', 'tenant_isolation'), ('audit_log', 'audit_writer')
  ) AS needed (name, policy)
  WHERE NOT EXISTS (
    SELECT FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relname = name AND p.polname = policy
  )
  UNION ALL
  SELECT format('the trigger that refuses %s of audit_log', event)
  FROM (VALUES ('UPDATE', 16), ('DELETE', 8), ('TRUNCATE', 32)) AS events (event, bit)
  WHERE NOT EXISTS (
    SELECT FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE n.nspname = 'public' AND c.relname = 'audit_log' AND p.proname = 'refuse_change' AND (t.tgtype & bit) <> 0
  )`;

/** D: disabled; R: fires only with session_replication_role = replica; O: does not fire then; A: always fires. */
const RESTING_TRIGGERS = `
  SELECT format('%I.%I', n.nspname, c.relname) AS table, quote_ident(t.tgname) AS trigger,
         p.proname = 'refuse_change' AS always
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace pn ON pn.oid = p.pronamespace
  WHERE NOT t.tgisinternal AND pn.nspname = 'tenantry'
    AND (t.tgenabled IN ('D', 'R') OR p.proname = 'refuse_change' AND t.tgenabled <> 'A')
  ORDER BY 1, 2`;

const UNCHECKED_KEY = `
  SELECT o.conname AS key, format('%I.%I', n.nspname, c.relname) AS table
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE o.contype = 'f' AND (n.nspname IN ('public', 'tenantry') OR n.nspname ~ '^tenant_[0-9a-f]{32}$')
    AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = o.oid AND t.tgenabled = 'D')
  ORDER BY 1, 2 LIMIT 1`;

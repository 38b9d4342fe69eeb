/**
 * Reads what the tables of the application are made of, as statements that make them: columns, keys, checks, indexes, triggers,
 * policies, rights and comments. Everything is read from the catalog, so what was added by hand is there too.
 */
import { escapeIdentifier } from 'pg';
import type pg from 'pg';
import { MODELS } from '../../../generated/data-model/index.js';
import { applicationTables } from '../../vocabulary/data-model.js';
import { MigrationError } from '../migration-error.js';

/** A part of a table, and the statement that makes it. Names are those of the schema that it was read from. */
export interface Part {
  /** Parts of a lower step are made before those of a higher one. */
  readonly step: number;
  readonly table: string;
  readonly name: string;
  readonly sql: string;
}

/** The check of a tenant's own tables that no row is another tenant's. */
export const OWN_CHECK = 'own_tenant';

/** The tables of the application, by their names. */
export const TABLES: readonly string[] = [...applicationTables(MODELS)].sort();

/**
 * In the order in which the statements can run. Not among them: the foreign key to `tenants`, which a tenant's own tables
 * have instead as a check, and that check.
 */
const PARTS = `
  WITH app AS (
    SELECT c.oid, c.relname, c.relowner, c.relacl, c.reloptions, c.relrowsecurity, c.relforcerowsecurity,
      format('%I.%I', n.nspname, c.relname) AS full_name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = ANY ($2::text[])
  ), parts AS (
    SELECT 1 AS step, app.relname AS table, '' AS name, format(
      'CREATE TABLE %s (%s)%s', full_name, (
        SELECT string_agg(concat(
          quote_ident(a.attname), ' ', format_type(a.atttypid, a.atttypmod),
          CASE WHEN a.attcollation <> t.typcollation THEN (
            SELECT format(' COLLATE %I.%I', n.nspname, l.collname)
            FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation
          ) END,
          CASE
            WHEN a.attgenerated = 's' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
            WHEN a.attidentity <> '' THEN format(
              ' GENERATED %s AS IDENTITY', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END
            )
            WHEN d.oid IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
          END,
          CASE WHEN a.attnotnull THEN ' NOT NULL' END
        ), ', ' ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = app.oid AND a.attnum > 0 AND NOT a.attisdropped
      ), CASE WHEN reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(reloptions, ', ')) END
    ) AS sql
    FROM app
    UNION ALL
    SELECT CASE o.contype WHEN 'f' THEN 4 ELSE 2 END, app.relname, o.conname,
      format('ALTER TABLE %s ADD CONSTRAINT %I %s', full_name, o.conname, pg_get_constraintdef(o.oid))
    FROM app JOIN pg_constraint o ON o.conrelid = app.oid
    WHERE o.contype IN ('p', 'u', 'x', 'c', 'f') AND o.conname <> '${OWN_CHECK}'
      AND NOT (o.contype = 'f' AND o.confrelid = 'public.tenants'::regclass AND cardinality(o.conkey) = 1)
    UNION ALL
    SELECT 3, app.relname, i.relname, pg_get_indexdef(x.indexrelid)
    FROM app JOIN pg_index x ON x.indrelid = app.oid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = x.indexrelid AND o.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT 5, app.relname, t.tgname, concat(
      pg_get_triggerdef(t.oid), CASE t.tgenabled
        WHEN 'O' THEN ''
        ELSE format('; ALTER TABLE %s %s TRIGGER %I', full_name, CASE t.tgenabled
          WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE'
        END, t.tgname)
      END
    )
    FROM app JOIN pg_trigger t ON t.tgrelid = app.oid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 6, app.relname, p.polname, concat(
      format('CREATE POLICY %I ON %s AS %s FOR %s TO ', p.polname, full_name,
        CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
        CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END),
      (
        SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ' ORDER BY r)
        FROM unnest(p.polroles) AS r
      ),
      ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
      ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
    )
    FROM app JOIN pg_policy p ON p.polrelid = app.oid
    UNION ALL
    SELECT 7, app.relname, '', format(
      'ALTER TABLE %1$s %2$s ROW LEVEL SECURITY, %3$s ROW LEVEL SECURITY', full_name,
      CASE WHEN relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END,
      CASE WHEN relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END
    ) FROM app
    UNION ALL
    SELECT 8, app.relname, concat_ws(' ', g.privilege, g.grantee), format(
      'GRANT %s ON %s TO %s%s', g.privilege, full_name, g.grantee, CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END
    )
    FROM app CROSS JOIN LATERAL (
      SELECT e.privilege_type AS privilege, e.is_grantable,
        CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(e.grantee)) END AS grantee
      FROM aclexplode(app.relacl) e WHERE e.grantee <> app.relowner
      UNION ALL
      SELECT format('%s (%I)', e.privilege_type, a.attname), e.is_grantable,
        CASE e.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(e.grantee)) END
      FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) e
      WHERE a.attrelid = app.oid AND a.attnum > 0 AND NOT a.attisdropped AND e.grantee <> app.relowner
    ) AS g
    UNION ALL
    SELECT 9, app.relname, coalesce(a.attname, ''), CASE WHEN a.attname IS NULL
      THEN format('COMMENT ON TABLE %s IS %L', full_name, r.description)
      ELSE format('COMMENT ON COLUMN %s.%I IS %L', full_name, a.attname, r.description)
    END
    FROM app JOIN pg_description r ON r.classoid = 'pg_class'::regclass AND r.objoid = app.oid
    LEFT JOIN pg_attribute a ON a.attrelid = app.oid AND a.attnum = r.objsubid AND r.objsubid > 0
  )
  SELECT step, parts.table, parts.name, parts.sql FROM parts ORDER BY step, parts.table COLLATE "C", parts.name COLLATE "C"`;

/** What cannot be copied: the reason, for each table. */
const OBSTACLES = `
  SELECT format('%s is no ordinary table of the schema public', wanted.name) AS reason
  FROM unnest($1::text[]) AS wanted (name)
  WHERE NOT EXISTS (
    SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname = wanted.name
      AND c.relkind = 'r' AND NOT c.relispartition AND NOT c.relhassubclass
  )
  UNION ALL
  SELECT format('%s refers to %s', o.conrelid::regclass, p.relname)
  FROM pg_constraint o JOIN pg_class p ON p.oid = o.confrelid JOIN pg_class c ON c.oid = o.conrelid
  WHERE o.contype = 'f' AND p.relnamespace = 'public'::regnamespace AND p.relname = ANY ($1::text[])
    AND NOT (c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1::text[]))
  LIMIT 1`;

/**
 * The parts of the application's tables in a schema. In a transaction, because names are printed with their schemas.
 *
 * @param tables default: those of the models
 */
export async function readParts(
  client: Pick<pg.Client, 'query'>,
  schema: string,
  tables: readonly string[] = TABLES,
): Promise<readonly Part[]> {
  await client.query('SET LOCAL search_path = pg_catalog');
  return (
    await client.query<{ step: number; table: string; name: string; sql: string }>(PARTS, [schema, tables])
  ).rows;
}

/** @throws MigrationError when a table of the application cannot be in another schema */
export async function refuseObstacles(
  client: Pick<pg.Client, 'query'>,
  tables: readonly string[] = TABLES,
): Promise<void> {
  const [obstacle] = (await client.query<{ reason: string }>(OBSTACLES, [tables])).rows;
  if (obstacle) {
    throw new MigrationError(
      `No tenant can have a schema of its own here: ${obstacle.reason} (docs/schemas.md).`,
    );
  }
}

/** The parts that one of two structures has and the other lacks. */
export interface Difference {
  readonly missing: readonly Part[];
  readonly surplus: readonly Part[];
}

/** How the tables in the schema of a tenant differ from those in `public`. */
export function differencesOf(shared: readonly Part[], own: readonly Part[], schema: string): Difference {
  const inPublic = ({ sql }: Part) => sql.replaceAll(`${schema}.`, 'public.');
  const [expected, found] = [new Set(shared.map(({ sql }) => sql)), new Set(own.map(inPublic))];
  return {
    missing: shared.filter(({ sql }) => !found.has(sql)),
    surplus: own.filter((part) => !expected.has(inPublic(part))),
  };
}

/** A difference as one sentence; undefined when there is none. */
export const sentenceOf = ({ missing: [lacks], surplus: [has] }: Difference): string | undefined =>
  lacks ? `it lacks: ${lacks.sql}` : has && `it has: ${has.sql}`;

/** The statement that removes a part; undefined for a part that only a migration removes. */
export function removalOf({ step, name, sql }: Part, table: string, schema: string): string | undefined {
  switch (step) {
    case STEPS.key:
    case STEPS.foreignKey:
      return `ALTER TABLE ${table} DROP CONSTRAINT ${escapeIdentifier(name)}`;
    case STEPS.index:
      return `DROP INDEX ${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
    case STEPS.trigger:
      return `DROP TRIGGER ${escapeIdentifier(name)} ON ${table}`;
    case STEPS.policy:
      return `DROP POLICY ${escapeIdentifier(name)} ON ${table}`;
    case STEPS.right:
      return sql.replace(/^GRANT/, 'REVOKE').replace(/ TO ([^ ]+)(?: WITH GRANT OPTION)?$/, ' FROM $1');
    case STEPS.comment:
      return sql.replace(/ IS E?'[\s\S]*$/, ' IS NULL');
    default:
      return undefined;
  }
}

/** The steps of {@link PARTS}. */
export const STEPS = {
  table: 1,
  key: 2,
  index: 3,
  foreignKey: 4,
  trigger: 5,
  policy: 6,
  security: 7,
  right: 8,
  comment: 9,
} as const;

/**
 * What PostgreSQL knows of the tables that are to become tenant-scoped, and of their neighbours, read in one go.
 * Reads catalogs only, never a row; changes nothing.
 */
import type pg from 'pg';

import { APP_ROLE } from './roles.js';

/** A foreign key, with the columns of both ends in the order in which they pair. */
export interface ForeignKey {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  /** Whether one of the columns may be null, so that a row may point nowhere. */
  readonly optional: boolean;
  readonly references: string;
  readonly referencedColumns: readonly string[];
  /** As SQL spells them, such as `ON DELETE CASCADE ON UPDATE RESTRICT`. */
  readonly actions: string;
  /** ON DELETE, ON UPDATE: SET NULL or SET DEFAULT is among them. */
  readonly setsColumns: boolean;
  readonly full: boolean;
  readonly deferral: string;
  readonly validated: boolean;
}

/** A unique index, of a constraint or not. */
export interface UniqueKey {
  readonly index: string;
  readonly primary: boolean;
  /** Of the constraint behind it, if there is one; it has the index's name. */
  readonly constraint: boolean;
  readonly deferrable: boolean;
  readonly exclusion: boolean;
  readonly valid: boolean;
  readonly replicaIdentity: boolean;
  readonly method: string;
  /** Null where the key is an expression. */
  readonly columns: readonly (string | null)[];
  /** Of pg_get_indexdef. */
  readonly definition: string;
}

/** A role other than the owner that was granted something. */
export interface Grantee {
  /** Null for PUBLIC. */
  readonly name: string | null;
  /** On the whole of it; none when it was granted single columns only. */
  readonly privileges: readonly string[];
  /** Superusers and roles with BYPASSRLS. */
  readonly unbound: boolean;
  /** Whether the server's role is a member of it, and what is opened to it is open to the server. */
  readonly app: boolean;
}

export interface Table {
  readonly name: string;
  /** relkind: `r` for an ordinary table. */
  readonly kind: string;
  readonly partition: boolean;
  readonly inherits: boolean;
  readonly owner: string;
  readonly columns: readonly string[];
  /** tenantry.protect() has been through, and no tenantize is under way. */
  readonly scoped: boolean;
  /** The trigger of the first part of a tenantize is there. */
  readonly underWay: boolean;
  readonly rowSecurity: boolean;
  readonly policies: readonly string[];
  readonly uniqueKeys: readonly UniqueKey[];
  /** Its own, towards other tables. */
  readonly foreignKeys: readonly ForeignKey[];
  /** Those of other tables and its own that point at it. */
  readonly references: readonly ForeignKey[];
  /** Enabled row triggers of the user's that an UPDATE of any column fires. */
  readonly updateTriggers: readonly string[];
  readonly rules: readonly string[];
  /** Views that show its rows past row-level security, and materialized views. */
  readonly leakyViews: readonly string[];
  /** Views that PostgreSQL groups by its primary key. */
  readonly keyViews: readonly string[];
  readonly publications: readonly string[];
  readonly grantees: readonly Grantee[];
  /** Of its serial and identity columns. */
  readonly sequences: readonly { readonly name: string; readonly grantees: readonly Grantee[] }[];
}

/** The trigger that gives a row its tenant while a table is under way. Its name makes it the last of its kind. */
export const FILL_TRIGGER = 'zzz_tenantize';

const FOREIGN_KEYS = (condition: string): string =>
  `
  coalesce((SELECT jsonb_agg(jsonb_build_object(
    'name', f.conname, 'table', child.relname, 'references', parent.relname,
    'columns', (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY AS k (num, n)
                JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num),
    'optional', EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey) AND NOT a.attnotnull),
    'referencedColumns', (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY AS k (num, n)
                JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.num),
    'actions', 'ON DELETE ' || action_name(f.confdeltype) || ' ON UPDATE ' || action_name(f.confupdtype),
    'setsColumns', f.confdeltype IN ('n', 'd') OR f.confupdtype IN ('n', 'd'),
    'full', f.confmatchtype = 'f',
    'deferral', CASE WHEN f.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN f.condeferrable THEN ' DEFERRABLE' ELSE '' END,
    'validated', f.convalidated
  ) ORDER BY child.relname, f.conname)
  FROM pg_constraint f JOIN pg_class child ON child.oid = f.conrelid JOIN pg_class parent ON parent.oid = f.confrelid
  WHERE f.contype = 'f' AND ${condition}), '[]')`.replace(
    /action_name\((.*?)\)/g,
    "CASE $1 WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END",
  );

const LIST = (query: string): string =>
  `coalesce((SELECT jsonb_agg(name ORDER BY name) FROM (${query}) found (name)), '[]')`;

const GRANTEES = (relation: string): string => `
  coalesce((SELECT jsonb_agg(jsonb_build_object('name', r.rolname, 'privileges', g.privileges,
      'unbound', coalesce(r.rolsuper OR r.rolbypassrls, false),
      'app', r.oid IS NOT NULL AND pg_has_role('${APP_ROLE}', r.oid, 'MEMBER')) ORDER BY r.rolname)
    FROM (SELECT grantee, coalesce(jsonb_agg(DISTINCT privilege_type) FILTER (WHERE privilege_type <> ''), '[]') AS privileges
          FROM (SELECT grantee, privilege_type FROM aclexplode(${relation}.relacl)
                UNION ALL SELECT grantee, '' FROM pg_attribute, aclexplode(attacl) WHERE attrelid = ${relation}.oid) granted
          WHERE grantee <> ${relation}.relowner GROUP BY grantee) g
    LEFT JOIN pg_roles r ON r.oid = g.grantee), '[]')`;

const TABLES = `
SELECT t.relname AS name, t.relkind AS kind, t.relispartition AS partition, pg_get_userbyid(t.relowner) AS owner,
  EXISTS (SELECT FROM pg_inherits WHERE t.oid IN (inhrelid, inhparent)) AS inherits,
  t.relrowsecurity AS "rowSecurity",
  EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t.oid AND tgname = '${FILL_TRIGGER}') AS "underWay",
  EXISTS (SELECT FROM pg_policy WHERE polrelid = t.oid AND polname = 'tenant_isolation')
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = t.oid AND attname = 'tenant_id')
    AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t.oid AND tgname = '${FILL_TRIGGER}') AS scoped,
  (SELECT jsonb_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) AS columns,
  ${LIST('SELECT polname FROM pg_policy WHERE polrelid = t.oid')} AS policies,
  coalesce((SELECT jsonb_agg(jsonb_build_object(
    'index', i.relname, 'primary', x.indisprimary, 'exclusion', x.indisexclusion, 'valid', x.indisvalid,
    'constraint', con.oid IS NOT NULL, 'deferrable', NOT x.indimmediate, 'replicaIdentity', x.indisreplident,
    'method', m.amname, 'definition', pg_get_indexdef(i.oid),
    'columns', (SELECT jsonb_agg(a.attname ORDER BY k.n) FROM unnest(x.indkey::smallint[]) WITH ORDINALITY AS k (num, n)
                LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num AND k.num > 0 WHERE k.n <= x.indnkeyatts)
  ) ORDER BY NOT x.indisprimary, i.relname)
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = i.relam
  LEFT JOIN pg_constraint con ON con.conindid = i.oid AND con.conrelid = t.oid AND con.contype IN ('p', 'u', 'x')
  WHERE x.indrelid = t.oid AND (x.indisunique OR x.indisexclusion)), '[]') AS "uniqueKeys",
  ${FOREIGN_KEYS('f.conrelid = t.oid')} AS "foreignKeys",
  ${FOREIGN_KEYS('f.confrelid = t.oid')} AS "references",
  -- tgtype: 1 each row, 16 update. What says UPDATE OF is not fired by another column.
  ${LIST(`SELECT tgname FROM pg_trigger WHERE tgrelid = t.oid AND NOT tgisinternal AND tgenabled <> 'D'
          AND tgtype & 17 = 17 AND tgattr = '' AND tgname NOT IN ('audit', '${FILL_TRIGGER}')`)} AS "updateTriggers",
  ${LIST('SELECT rulename FROM pg_rewrite WHERE ev_class = t.oid')} AS rules,
  ${LIST(`SELECT DISTINCT v.relname FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
          JOIN pg_class v ON v.oid = r.ev_class JOIN pg_roles o ON o.oid = v.relowner
          WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND v.oid <> t.oid
            AND (v.relkind = 'm' OR (o.rolsuper OR o.rolbypassrls)
                 AND NOT coalesce(v.reloptions::text ~* 'security_invoker=(true|on|1)', false))`)} AS "leakyViews",
  ${LIST(`SELECT DISTINCT v.relname FROM pg_constraint p JOIN pg_depend d ON d.refclassid = 'pg_constraint'::regclass AND d.refobjid = p.oid
          JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass JOIN pg_class v ON v.oid = r.ev_class
          WHERE p.conrelid = t.oid`)} AS "keyViews",
  ${LIST("SELECT pubname FROM pg_publication_tables WHERE schemaname = 'public' AND tablename = t.relname")} AS publications,
  ${GRANTEES('t')} AS grantees,
  coalesce((SELECT jsonb_agg(jsonb_build_object('name', s.relname, 'grantees', ${GRANTEES('s')}) ORDER BY s.relname)
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE d.refobjid = t.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')), '[]') AS sequences
FROM pg_class t WHERE t.relnamespace = 'public'::regnamespace AND t.relname = ANY ($1) AND t.relkind IN ('r', 'p', 'v', 'm', 'f')`;

/** The tables of these names in the schema public, by name; a name that is no relation is missing. */
export async function readTables(client: pg.Client, names: readonly string[]): Promise<Map<string, Table>> {
  const { rows } = await client.query<Table & pg.QueryResultRow>(TABLES, [names]);
  return new Map(rows.map((table) => [table.name, table]));
}

/** The names of the tables that these point at, or that point at them, and of those that have this policy. */
export async function neighboursOf(
  client: pg.Client,
  tables: readonly Table[],
  policy: string,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
     WHERE polname = $1 AND relnamespace = 'public'::regnamespace`,
    [policy],
  );
  const own = new Set(tables.map(({ name }) => name));
  const all = tables.flatMap(({ foreignKeys, references }) => [
    ...foreignKeys.map((key) => key.references),
    ...references.map((key) => key.table),
  ]);
  return [...new Set([...all, ...rows.map(({ name }) => name)])].filter(
    (name) => !own.has(name) && name !== 'tenants',
  );
}

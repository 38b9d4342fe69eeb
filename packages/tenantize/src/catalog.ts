/**
 * Reads the catalog for the tables to convert and their neighbours, with one query. Reads no rows and changes nothing.
 */
import type pg from 'pg';

import { APP_ROLE } from './roles.js';

/** A foreign key, with the columns of both sides in matching order. */
export interface ForeignKey {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  /** Whether one of the columns is nullable, so that a row may have no reference. */
  readonly optional: boolean;
  readonly references: string;
  readonly referencedColumns: readonly string[];
  /** In SQL, such as `ON DELETE CASCADE ON UPDATE RESTRICT`. SET NULL and SET DEFAULT name the columns. */
  readonly actions: string;
  /** Whether ON UPDATE is SET NULL or SET DEFAULT, for which PostgreSQL accepts no list of columns. */
  readonly updateSetsColumns: boolean;
  readonly full: boolean;
  readonly deferral: string;
  readonly validated: boolean;
}

/** A unique index, with or without a constraint. */
export interface UniqueKey {
  readonly index: string;
  readonly primary: boolean;
  /** Whether it belongs to a constraint, which has the index's name. */
  readonly constraint: boolean;
  /** In SQL: ` DEFERRABLE`, ` DEFERRABLE INITIALLY DEFERRED`, or nothing. */
  readonly deferral: string;
  readonly exclusion: boolean;
  readonly valid: boolean;
  readonly replicaIdentity: boolean;
  readonly method: string;
  /** Null for expressions. */
  readonly columns: readonly (string | null)[];
  /** The result of pg_get_indexdef without the names of the index and its table: `USING btree (code) WHERE …`. */
  readonly definition: string;
}

/** A role with grants, other than the owner. */
export interface Grantee {
  /** Null for PUBLIC. */
  readonly name: string | null;
  /** The privileges on the whole table; none when it has only privileges on columns. */
  readonly privileges: readonly string[];
  /** True for superusers and roles with BYPASSRLS. */
  readonly unbound: boolean;
  /** Whether the server's role is a member of it, and so has its privileges. */
  readonly app: boolean;
}

export interface Table {
  readonly name: string;
  /** relkind: `r` for an ordinary table. */
  readonly kind: string;
  readonly partition: boolean;
  readonly inherits: boolean;
  /** The extension that made it. */
  readonly extension: string | null;
  readonly owner: string;
  readonly columns: readonly string[];
  /** The expressions of generated columns, which a BEFORE trigger sees empty, by their names. */
  readonly generated: Readonly<Record<string, string>>;
  /** tenantry.protect() was applied, and no conversion is running. */
  readonly scoped: boolean;
  /** The trigger of a conversion's first part exists. */
  readonly underWay: boolean;
  readonly rowSecurity: boolean;
  readonly policies: readonly string[];
  readonly uniqueKeys: readonly UniqueKey[];
  /** Its own foreign keys. */
  readonly foreignKeys: readonly ForeignKey[];
  /** Foreign keys that reference it, also its own. */
  readonly references: readonly ForeignKey[];
  /** Enabled row triggers of the user that fire at an UPDATE of any column. */
  readonly updateTriggers: readonly string[];
  readonly rules: readonly string[];
  /** Views that bypass row-level security, and materialized views. */
  readonly leakyViews: readonly string[];
  /** Views grouped by its primary key. */
  readonly keyViews: readonly string[];
  readonly publications: readonly string[];
  readonly grantees: readonly Grantee[];
  /** The sequences of its serial and identity columns. */
  readonly sequences: readonly { readonly name: string; readonly grantees: readonly Grantee[] }[];
}

/** The trigger that sets a row's tenant during a conversion. Its name makes it fire last. */
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
    'actions', 'ON DELETE ' || action_name(f.confdeltype) || CASE WHEN f.confdeltype IN ('n', 'd') THEN
        (SELECT format(' (%s)', string_agg(quote_ident(a.attname), ', ' ORDER BY k.n))
         FROM unnest(coalesce(nullif(f.confdelsetcols, '{}'), f.conkey)) WITH ORDINALITY AS k (num, n)
         JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num) ELSE '' END
      || ' ON UPDATE ' || action_name(f.confupdtype),
    'updateSetsColumns', f.confupdtype IN ('n', 'd'),
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

/**
 * The definition of an index without its name and table, as SQL. `index` and `table` are the aliases of their rows in
 * pg_class.
 */
export const INDEX_TAIL = (index: string, table: string): string =>
  `substr(pg_get_indexdef(${index}.oid), 1 + length(format('CREATE UNIQUE INDEX %I ON %s%I.%I ', ${index}.relname,
    CASE ${table}.relkind WHEN 'p' THEN 'ONLY ' ELSE '' END, ${table}.relnamespace::regnamespace::name, ${table}.relname)))`;

const TABLES = `
SELECT t.relname AS name, t.relkind AS kind, t.relispartition AS partition, pg_get_userbyid(t.relowner) AS owner,
  EXISTS (SELECT FROM pg_inherits WHERE t.oid IN (inhrelid, inhparent)) AS inherits,
  (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
   WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e') AS extension,
  t.relrowsecurity AS "rowSecurity",
  EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t.oid AND tgname = '${FILL_TRIGGER}') AS "underWay",
  EXISTS (SELECT FROM pg_policy WHERE polrelid = t.oid AND polname = 'tenant_isolation')
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = t.oid AND attname = 'tenant_id')
    AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t.oid AND tgname = '${FILL_TRIGGER}') AS scoped,
  (SELECT jsonb_agg(attname ORDER BY attnum) FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) AS columns,
  coalesce((SELECT jsonb_object_agg(attname, pg_get_expr(adbin, adrelid)) FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
            WHERE attrelid = t.oid AND attgenerated <> '' AND NOT attisdropped), '{}') AS generated,
  ${LIST('SELECT polname FROM pg_policy WHERE polrelid = t.oid')} AS policies,
  coalesce((SELECT jsonb_agg(jsonb_build_object(
    'index', i.relname, 'primary', x.indisprimary, 'exclusion', x.indisexclusion, 'valid', x.indisvalid,
    'constraint', con.oid IS NOT NULL,
    'deferral', CASE WHEN con.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN con.condeferrable THEN ' DEFERRABLE' ELSE '' END, 'replicaIdentity', x.indisreplident,
    'method', m.amname, 'definition', ${INDEX_TAIL('i', 't')},
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

/** The tables of these names in the schema public, by name; unknown names are missing. */
export async function readTables(client: pg.Client, names: readonly string[]): Promise<Map<string, Table>> {
  const { rows } = await client.query<Table & pg.QueryResultRow>(TABLES, [names]);
  return new Map(rows.map((table) => [table.name, table]));
}

/** The schemas beside `public` that have tables of these names, by the names. */
export async function otherSchemas(
  client: pg.Client,
  names: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; schema: string }>(
    `SELECT relname AS name, nspname AS schema FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relname = ANY ($1) AND relkind IN ('r', 'p') AND nspname <> 'public' AND nspname NOT LIKE 'pg\\_%'`,
    [names],
  );
  return new Map(rows.map(({ name, schema }) => [name, schema]));
}

/** The names that relations and constraints of the schema public have. */
export async function takenNames(client: pg.Client): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
     UNION SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace`,
  );
  return new Set(rows.map(({ name }) => name));
}

/** The names of the tables that these reference, that reference them, or that have this policy. */
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

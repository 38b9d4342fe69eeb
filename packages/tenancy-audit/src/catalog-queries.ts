/**
 * The queries behind the catalog. Every row has the shape of its type in `catalog.ts`. They read only pg_catalog, which
 * any role may, and work from PostgreSQL 12 on: later columns are read through to_jsonb, which accepts missing columns.
 */

/** PostgreSQL's own schemas, and other sessions' temporary ones. */
const OURS = (column: string): string =>
  `${column} <> 'information_schema' AND ${column} !~ '^pg_(catalog|toast|temp_|toast_temp_)'`;

const grants = (acl: string, kind: string, owner: string): string => `
  coalesce((
    SELECT json_agg(json_build_object(
      'grantee', CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
      'privilege', a.privilege_type
    ))
    FROM aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) a
  ), '[]')`;

const extensionOf = (catalog: string, oid: string): string => `
  (SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
   WHERE d.classid = '${catalog}'::regclass AND d.objid = ${oid} AND d.deptype = 'e'
     AND d.refclassid = 'pg_extension'::regclass LIMIT 1)`;

export const SERVER = `
  SELECT (
      SELECT setting::int FROM pg_settings
      WHERE name = 'statement_timeout' AND source IN ('default', 'configuration file', 'command line')
    ) AS "statementTimeout",
    (
      SELECT setting FROM pg_settings
      WHERE name = 'TimeZone' AND source IN ('default', 'configuration file', 'command line')
    ) AS "timeZone",
    (
      SELECT setting FROM pg_settings
      WHERE name = 'DateStyle' AND source IN ('default', 'configuration file', 'command line')
    ) AS "dateStyle",
    current_setting('server_version_num')::int AS version, current_database()::text AS database,
    current_user::text AS user, r.rolsuper OR r.rolbypassrls AS "bypassesRowSecurity"
  FROM pg_roles r WHERE r.rolname = current_user`;

export const ROLES = `
  SELECT r.rolname::text AS name, r.rolsuper AS superuser, r.rolbypassrls AS "bypassRls", r.rolcanlogin AS login,
    r.rolcreaterole AS "createRole",
    coalesce((
      SELECT json_agg(json_build_object(
        'role', g.rolname,
        -- Until PostgreSQL 15 the member's INHERIT decides, and SET ROLE is always allowed.
        'inherits', coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit),
        'mayBecome', coalesce((to_jsonb(m) ->> 'set_option')::boolean, true),
        'mayGrant', m.admin_option
      ) ORDER BY g.rolname)
      FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid
    ), '[]') AS "memberOf"
  FROM pg_roles r ORDER BY r.rolname`;

export const SCHEMAS = `
  SELECT n.nspname::text AS name, pg_get_userbyid(n.nspowner)::text AS owner,
    ${grants('n.nspacl', 'n', 'n.nspowner')} AS grants
  FROM pg_namespace n WHERE ${OURS('n.nspname')} ORDER BY n.nspname`;

export const RELATIONS = `
  SELECT c.oid::int8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
    format('%I.%I', n.nspname, c.relname) AS qualified,
    CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
      WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS kind,
    pg_get_userbyid(c.relowner)::text AS owner,
    c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS "rowSecurityForced",
    coalesce(c.reloptions, '{}') AS options, obj_description(c.oid, 'pg_class') AS comment,
    ${extensionOf('pg_class', 'c.oid')} AS extension,
    c.reltuples::float8 AS "estimatedRows", c.relispartition AS "isPartition",
    ${grants('c.relacl', 'r', 'c.relowner')} AS grants,
    ARRAY(SELECT i.inhparent::int8 FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno) AS parents,
    ARRAY(
      SELECT pg_get_expr(k.conbin, k.conrelid) FROM pg_constraint k
      WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated ORDER BY k.conname
    ) AS checks,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition,
    CASE WHEN c.relkind IN ('v', 'm') THEN ARRAY(
      SELECT DISTINCT d.refobjid::int8 FROM pg_rewrite w
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
      WHERE w.ev_class = c.oid AND d.refobjid <> c.oid
    ) ELSE '{}' END AS reads
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${OURS('n.nspname')}
  ORDER BY n.nspname, c.relname`;

/** Only of relations outside PostgreSQL's own schemas; `of` is the relation's oid, also below. */
export const COLUMNS = `
  SELECT a.attrelid::int8 AS of, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS "notNull", pg_get_expr(d.adbin, d.adrelid) AS default,
    CASE WHEN a.attacl IS NULL THEN '[]'::json ELSE (
      SELECT json_agg(json_build_object(
        'grantee', CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee) END,
        'privilege', x.privilege_type, 'column', a.attname
      )) FROM aclexplode(a.attacl) x
    ) END AS grants
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped AND ${OURS('n.nspname')}
  ORDER BY a.attrelid, a.attnum`;

export const POLICIES = `
  SELECT p.polrelid::int8 AS of, p.polname::text AS name,
    format('%I.%I.%I', n.nspname, c.relname, p.polname) AS qualified, p.polpermissive AS permissive,
    obj_description(p.oid, 'pg_policy') AS comment,
    CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
      ELSE 'DELETE' END AS command,
    ARRAY(
      SELECT CASE WHEN r = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END FROM unnest(p.polroles) r
    ) AS roles,
    pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check,
    ARRAY(
      SELECT DISTINCT d.refobjid::int8 FROM pg_depend d
      WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass
    ) AS functions,
    ARRAY(
      SELECT DISTINCT d.refobjid::int8 FROM pg_depend d
      WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
        AND d.refobjid <> p.polrelid
    ) AS reads
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  ORDER BY p.polrelid, p.polname`;

export const INDEXES = `
  SELECT i.indrelid::int8 AS of, c.relname::text AS name, i.indisunique AS unique, i.indisprimary AS primary,
    i.indisexclusion AS exclusion, i.indisvalid AS valid,
    ARRAY(
      SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
      LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
      WHERE k.position <= i.indnkeyatts ORDER BY k.position
    ) AS columns,
    pg_get_expr(i.indpred, i.indrelid) AS predicate, o.conname::text AS constraint,
    pg_get_indexdef(i.indexrelid) AS definition
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_constraint o ON o.conindid = i.indexrelid AND o.conrelid = i.indrelid AND o.contype IN ('p', 'u', 'x')
  WHERE ${OURS('n.nspname')}
  ORDER BY i.indrelid, c.relname`;

export const FOREIGN_KEYS = `
  SELECT o.conrelid::int8 AS of, o.conname::text AS name, o.confrelid::int8 AS references,
    ARRAY(
      SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY AS k (attnum, position)
      JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.attnum ORDER BY k.position
    ) AS columns,
    ARRAY(
      SELECT a.attname::text FROM unnest(o.confkey) WITH ORDINALITY AS k (attnum, position)
      JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.attnum ORDER BY k.position
    ) AS "referencedColumns",
    CASE o.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
      WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END AS "onDelete",
    o.convalidated AS validated, pg_get_constraintdef(o.oid) AS definition,
    coalesce((to_jsonb(o) ->> 'conenforced')::boolean, true) AND NOT EXISTS (
      SELECT FROM pg_trigger t WHERE t.tgconstraint = o.oid AND t.tgenabled IN ('D', 'R')
    ) AS enforced
  FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
  -- A partition's copy of its parent's key says nothing new.
  WHERE o.contype = 'f' AND o.conparentid = 0 AND ${OURS('n.nspname')}
  ORDER BY o.conrelid, o.conname`;

export const TRIGGERS = `
  SELECT t.tgrelid::int8 AS of, t.tgname::text AS name, t.tgfoid::int8 AS function,
    t.tgenabled IN ('O', 'A') AS enabled,
    CASE t.tgenabled WHEN 'O' THEN 'origin' WHEN 'A' THEN 'always' WHEN 'R' THEN 'replica' ELSE 'disabled' END AS mode,
    (t.tgtype & 1) <> 0 AS "forEachRow", (t.tgtype & 2) <> 0 AS before,
    ARRAY(
      SELECT e.name FROM (VALUES (4, 'INSERT'), (16, 'UPDATE'), (8, 'DELETE'), (32, 'TRUNCATE')) AS e (bit, name)
      WHERE (t.tgtype & e.bit) <> 0
    ) AS events
  FROM pg_trigger t WHERE NOT t.tgisinternal ORDER BY t.tgrelid, t.tgname`;

export const FUNCTIONS = `
  WITH named AS (
    SELECT p.*, n.nspname, l.lanname, ${extensionOf('pg_proc', 'p.oid')} AS extension
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE p.prokind IN ('f', 'p') AND ${OURS('n.nspname')}
  )
  SELECT p.oid::int8 AS oid, p.nspname::text AS schema, p.proname::text AS name,
    format('%I.%I(%s)', p.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS signature,
    pg_get_userbyid(p.proowner)::text AS owner, p.lanname::text AS language, p.prosecdef AS "securityDefiner",
    CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
    p.proleakproof AS leakproof, coalesce(pg_get_function_result(p.oid), 'void') AS returns, p.proretset AS "returnsSet",
    coalesce(p.proargnames, '{}') AS "argumentNames",
    ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, i) ORDER BY i)
      AS "argumentTypes",
    coalesce(p.proconfig, '{}') AS configuration, obj_description(p.oid, 'pg_proc') AS comment, p.extension,
    ${grants('p.proacl', 'f', 'p.proowner')} AS grants,
    CASE WHEN p.extension IS NULL AND p.lanname IN ('sql', 'plpgsql')
      THEN coalesce(nullif(p.prosrc, ''), pg_get_functiondef(p.oid)) END AS body,
    CASE WHEN p.extension IS NULL AND p.lanname IN ('sql', 'plpgsql') THEN pg_get_functiondef(p.oid) END AS definition
  FROM named p ORDER BY p.nspname, p.proname, p.oid`;

export const DATABASES = `
  SELECT d.datname::text AS name, pg_get_userbyid(d.datdba)::text AS owner,
    ${grants('d.datacl', 'd', 'd.datdba')} AS grants
  FROM pg_database d WHERE NOT d.datistemplate AND d.datallowconn ORDER BY d.datname`;

export const ROLE_SETTINGS = `
  SELECT r.rolname::text AS role, d.datname::text AS database,
    split_part(s.text, '=', 1) AS name, substr(s.text, strpos(s.text, '=') + 1) AS value
  FROM pg_db_role_setting g
  CROSS JOIN LATERAL unnest(g.setconfig) AS s (text)
  LEFT JOIN pg_roles r ON r.oid = g.setrole
  LEFT JOIN pg_database d ON d.oid = g.setdatabase
  WHERE g.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  ORDER BY 1, 2, 3`;

export const DEFAULT_PRIVILEGES = `
  SELECT pg_get_userbyid(a.defaclrole)::text AS owner, n.nspname::text AS schema,
    CASE a.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
      WHEN 'T' THEN 'types' ELSE 'schemas' END AS objects,
    ${grants('a.defaclacl', 'r', 'a.defaclrole')} AS grants
  FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace
  WHERE a.defaclobjtype IN ('r', 'S', 'f', 'T', 'n') ORDER BY 1, 2, 3`;

export const PUBLICATIONS = `
  SELECT t.pubname::text AS publication, c.oid::int8 AS relation, to_jsonb(t) ->> 'rowfilter' AS "rowFilter"
  FROM pg_publication_tables t
  JOIN pg_namespace n ON n.nspname = t.schemaname
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
  ORDER BY 1, 2`;

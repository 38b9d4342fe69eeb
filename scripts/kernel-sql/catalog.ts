/**
 * The queries of the catalog. Their rows are an object's name and one SQL statement, in the order of the output. Names
 * include their schema when search_path is empty.
 */

/** The schemas in which migrations create objects. */
const SCHEMA_NAMES = "('public', 'tenantry')";

/** SQL for the name of a role, or PUBLIC. */
const roleName = (oid: string): string =>
  `CASE ${oid} WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(${oid})) END`;

/** The order of names, the same in every locale. */
const byName = (expression: string): string => `(${expression}) COLLATE "C"`;

interface Part {
  /** SQL of type text: the object that the statement is listed under. */
  readonly object: string;
  readonly statement: string;
  /** The order of statements of the same part; by default the statement. */
  readonly order?: string;
  /** The query from FROM on. */
  readonly from: string;
}

/** A query of several parts, ordered by object and then by part. */
function inOrder(parts: readonly Part[]): string {
  const selects = parts.map(
    ({ object, statement, order, from }, position) =>
      `SELECT ${object} AS object, ${String(position)} AS part, ${order ?? statement} AS place, ${statement} AS statement ${from}`,
  );
  return `
    SELECT object, statement FROM (${selects.join('\n UNION ALL ')}) AS lines
    WHERE statement IS NOT NULL
    ORDER BY ${byName('object')}, part, ${byName('place')}, ${byName('statement')}`;
}

interface Granted {
  /** The FROM clause with the catalog's rows. */
  readonly from: string;
  readonly where: string;
  readonly object: string;
  /** The text after ON. */
  readonly target: string;
  /** The privileges, an expression of type aclitem[]. */
  readonly acl: string;
  readonly owner: string;
  /** The column's name, for privileges on columns. */
  readonly column?: string;
}

/** The GRANT statements of objects: one for each grantee except the owner. */
function grants({ from, where, object, target, acl, owner, column }: Granted): Part {
  const privilege =
    column === undefined ? 'acl.privilege_type' : `format('%s (%I)', acl.privilege_type, ${column})`;
  return {
    object,
    statement: `format('GRANT %s ON %s TO %s%s', string_agg(${privilege}, ', ' ORDER BY ${byName(privilege)}), ${target},
      ${roleName('acl.grantee')}, CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' END)`,
    from: `${from} CROSS JOIN aclexplode(${acl}) AS acl WHERE ${where} AND acl.grantee <> ${owner}
      GROUP BY ${object}, ${target}, acl.grantee, acl.is_grantable`,
    order: roleName('acl.grantee'),
  };
}

/** The owner of an object, unless it is tenantry_owner. */
const owned = ({ from, where, object, target, owner }: Omit<Granted, 'acl'>): Part => ({
  object,
  statement: `format('ALTER %s OWNER TO %I', ${target}, pg_get_userbyid(${owner}))`,
  from: `${from} WHERE ${where} AND pg_get_userbyid(${owner}) <> 'tenantry_owner'`,
});

const OUR_ROLE = "r.rolname LIKE 'tenantry\\_%'";

const ROLES = inOrder([
  {
    object: 'r.rolname::text',
    statement: `format('CREATE ROLE %I %s %s %s %s %s %s', r.rolname,
      CASE WHEN r.rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
      CASE WHEN r.rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
      CASE WHEN r.rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
      CASE WHEN r.rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
      CASE WHEN r.rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
      CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END)`,
    from: `FROM pg_roles r WHERE ${OUR_ROLE}`,
  },
  {
    object: 'r.rolname::text',
    // A list of names is written without quotation marks around the list.
    statement: `format(
      CASE name WHEN 'search_path' THEN 'ALTER ROLE %I%s SET %s = %s' ELSE 'ALTER ROLE %I%s SET %s = %L' END,
      r.rolname, ' IN DATABASE ' || quote_ident(d.datname), name, substr(entry, length(name) + 2))`,
    from: `FROM pg_roles r JOIN pg_db_role_setting s ON s.setrole = r.oid LEFT JOIN pg_database d ON d.oid = s.setdatabase
      CROSS JOIN unnest(s.setconfig) AS entry CROSS JOIN split_part(entry, '=', 1) AS name
      WHERE ${OUR_ROLE} AND (s.setdatabase = 0 OR d.datname = current_database())`,
  },
  {
    object: 'r.rolname::text',
    statement: `format('GRANT %I TO %I', pg_get_userbyid(m.roleid), r.rolname)`,
    from: `FROM pg_roles r JOIN pg_auth_members m ON m.member = r.oid WHERE ${OUR_ROLE}`,
  },
]);

const DATABASE = {
  from: 'FROM pg_database d',
  where: 'd.datname = current_database()',
  object: "'database ' || d.datname",
  target: "'DATABASE ' || quote_ident(d.datname)",
  acl: "coalesce(d.datacl, acldefault('d', d.datdba))",
  owner: 'd.datdba',
};

const SCHEMA = {
  from: 'FROM pg_namespace n',
  where: `n.nspname IN ${SCHEMA_NAMES}`,
  object: "'schema ' || n.nspname",
  target: "'SCHEMA ' || quote_ident(n.nspname)",
  acl: "coalesce(n.nspacl, acldefault('n', n.nspowner))",
  owner: 'n.nspowner',
};

const FUNCTION = {
  from: 'FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace',
  // Excludes functions of extensions, and aggregates, which pg_get_functiondef does not support. No migration creates
  // aggregates.
  where: `n.nspname IN ${SCHEMA_NAMES} AND p.prokind <> 'a' AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')`,
  object: 'p.oid::regprocedure::text',
  target: "CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || p.oid::regprocedure",
  acl: "coalesce(p.proacl, acldefault('f', p.proowner))",
  owner: 'p.proowner',
};

const TABLE = {
  from: 'FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace',
  where: `n.nspname IN ${SCHEMA_NAMES} AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')`,
  object: 'c.oid::regclass::text',
  target: "CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass",
  acl: `coalesce(c.relacl, acldefault((CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", c.relowner))`,
  owner: 'c.relowner',
};

const alterTable = (condition: string, action: string): Part => ({
  object: TABLE.object,
  statement: `format('ALTER TABLE %s ${action}', c.oid::regclass)`,
  from: `${TABLE.from} WHERE ${TABLE.where} AND ${condition}`,
});

const VIEW: Part = {
  object: TABLE.object,
  statement: `format('CREATE %s %s%s AS%s', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, c.oid::regclass,
    ' WITH (' || array_to_string(c.reloptions, ', ') || ')', E'\\n' || rtrim(pg_get_viewdef(c.oid), ';'))`,
  from: `${TABLE.from} WHERE ${TABLE.where} AND c.relkind IN ('v', 'm')`,
};

const POLICY: Part = {
  object: TABLE.object,
  statement: `format('CREATE POLICY %I ON %s%s FOR %s TO %s%s%s', o.polname, c.oid::regclass,
    CASE WHEN NOT o.polpermissive THEN ' AS RESTRICTIVE' END,
    CASE o.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT string_agg(${roleName('role')}, ', ' ORDER BY ${byName(roleName('role'))}) FROM unnest(o.polroles) AS role),
    E'\\n  USING (' || pg_get_expr(o.polqual, o.polrelid) || ')',
    E'\\n  WITH CHECK (' || pg_get_expr(o.polwithcheck, o.polrelid) || ')')`,
  order: 'o.polname::text',
  from: `FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${TABLE.where}`,
};

const FROM_TRIGGERS = `FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${TABLE.where} AND NOT t.tgisinternal`;

const TRIGGER: Part = {
  object: TABLE.object,
  statement: 'pg_get_triggerdef(t.oid)',
  order: 't.tgname::text',
  from: FROM_TRIGGERS,
};

/** The sessions in which a trigger fires. Omitted for the default, ordinary sessions. */
const TRIGGER_STATE: Part = {
  object: TABLE.object,
  statement: `format('ALTER TABLE %s %s TRIGGER %I', c.oid::regclass,
    CASE t.tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'DISABLE' END, t.tgname)`,
  from: `${FROM_TRIGGERS} AND t.tgenabled <> 'O'`,
};

const COLUMN_GRANTS = grants({
  ...TABLE,
  from: `${TABLE.from} JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped`,
  acl: 'a.attacl',
  column: 'a.attname',
});

/** The sections of prisma/kernel.sql. */
export const SECTIONS: readonly { readonly title: string; readonly query: string }[] = [
  { title: 'Roles', query: ROLES },
  {
    title: 'The database and its schemas',
    query: inOrder([grants(DATABASE), owned(SCHEMA), grants(SCHEMA)]),
  },
  {
    title: 'Functions',
    query: inOrder([
      {
        object: FUNCTION.object,
        statement: 'pg_get_functiondef(p.oid)',
        from: `${FUNCTION.from} WHERE ${FUNCTION.where}`,
      },
      owned(FUNCTION),
      grants(FUNCTION),
    ]),
  },
  {
    title: 'Tables',
    query: inOrder([
      VIEW,
      owned(TABLE),
      alterTable('c.relrowsecurity', 'ENABLE ROW LEVEL SECURITY'),
      alterTable('c.relforcerowsecurity', 'FORCE ROW LEVEL SECURITY'),
      POLICY,
      TRIGGER,
      TRIGGER_STATE,
      grants(TABLE),
      COLUMN_GRANTS,
    ]),
  },
];

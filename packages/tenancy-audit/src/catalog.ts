/**
 * The part of PostgreSQL's catalog that matters for tenant isolation, as plain data: read once (`read-catalog.ts`) and
 * used by every rule. Expressions are PostgreSQL's own text, with names outside pg_catalog qualified.
 */

export interface Catalog {
  readonly server: Server;
  readonly roles: readonly Role[];
  readonly schemas: readonly Schema[];
  /** Tables, views and foreign tables outside PostgreSQL's own schemas, by schema and name. */
  readonly relations: readonly Relation[];
  /** Functions and procedures outside PostgreSQL's own schemas. */
  readonly functions: readonly DatabaseFunction[];
  /** Databases that accept connections and are not templates. */
  readonly databases: readonly DatabaseEntry[];
  /** `ALTER ROLE … SET`, `ALTER DATABASE … SET`. */
  readonly roleSettings: readonly RoleSetting[];
  readonly defaultPrivileges: readonly DefaultPrivilege[];
  readonly publications: readonly PublishedTable[];
}

export interface Server {
  /** `server_version_num`: 150018 is 15.18. */
  readonly version: number;
  readonly database: string;
  /** The audit's login, and whether it bypasses row-level security. */
  readonly user: string;
  readonly bypassesRowSecurity: boolean;
  /** The default of the server's configuration, in milliseconds; 0 for no limit, undefined when it is not visible. */
  readonly statementTimeout: number | undefined;
  /** The default of the server's configuration; undefined when the audit's session has another one. */
  readonly timeZone: string | undefined;
  readonly dateStyle: string | undefined;
}

export interface Role {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypassRls: boolean;
  readonly login: boolean;
  readonly createRole: boolean;
  readonly memberOf: readonly Membership[];
}

export interface Membership {
  readonly role: string;
  /** The member inherits the role's privileges. */
  readonly inherits: boolean;
  /** The member may SET ROLE to it. */
  readonly mayBecome: boolean;
  /** The member may grant it, also to itself. */
  readonly mayGrant: boolean;
}

/** A privilege; `grantee` is PUBLIC for everybody. */
export interface Grant {
  readonly grantee: string;
  readonly privilege: string;
  /** Set when the privilege is only on one column. */
  readonly column?: string | undefined;
}

export const PUBLIC = 'PUBLIC';

export interface Schema {
  readonly name: string;
  readonly owner: string;
  readonly grants: readonly Grant[];
}

export type RelationKind = 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table';

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `schema.name`, quoted if necessary, for messages and statements. */
  readonly qualified: string;
  readonly kind: RelationKind;
  readonly owner: string;
  readonly rowSecurity: boolean;
  readonly rowSecurityForced: boolean;
  /** `security_invoker=true` and such. */
  readonly options: readonly string[];
  readonly comment: string | undefined;
  /** The extension it belongs to. */
  readonly extension: string | undefined;
  /** PostgreSQL's estimate of its rows; -1 before the first ANALYZE. */
  readonly estimatedRows: number;
  readonly grants: readonly Grant[];
  readonly columns: readonly Column[];
  readonly policies: readonly Policy[];
  readonly indexes: readonly Index[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly triggers: readonly Trigger[];
  /** The oids of its parents, as a partition or by inheritance. */
  readonly parents: readonly number[];
  readonly isPartition: boolean;
  /** The conditions of its checks that hold for all rows, as PostgreSQL writes them. */
  readonly checks: readonly string[];
  /** The query of a view. */
  readonly definition: string | undefined;
  /** The oids of the relations that a view's query reads directly. */
  readonly reads: readonly number[];
}

export interface Column {
  readonly name: string;
  /** In the form of `format_type`: uuid, character varying(20). */
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | undefined;
}

export type PolicyCommand = 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

export interface Policy {
  readonly name: string;
  /** `schema.table.policy`, for messages. */
  readonly qualified: string;
  readonly permissive: boolean;
  readonly command: PolicyCommand;
  readonly comment: string | undefined;
  /** The roles it applies to, or PUBLIC. */
  readonly roles: readonly string[];
  readonly using: string | undefined;
  readonly check: string | undefined;
  /** The oids of the functions and of the other relations that its expressions use. */
  readonly functions: readonly number[];
  readonly reads: readonly number[];
}

export interface Index {
  readonly name: string;
  readonly unique: boolean;
  readonly primary: boolean;
  readonly exclusion: boolean;
  readonly valid: boolean;
  /** The key columns in order; undefined for expressions. */
  readonly columns: readonly (string | undefined)[];
  /** The WHERE of a partial index. */
  readonly predicate: string | undefined;
  /** The name of the constraint that it serves. */
  readonly constraint: string | undefined;
  readonly definition: string;
}

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  /** The oid of the referenced table. */
  readonly references: number;
  readonly referencedColumns: readonly string[];
  /** `ON DELETE`: NO ACTION, RESTRICT, CASCADE, SET NULL, SET DEFAULT. */
  readonly onDelete: string;
  readonly validated: boolean;
  /** Whether written rows are checked: it is not NOT ENFORCED, and none of its triggers is disabled. */
  readonly enforced: boolean;
  /** `pg_get_constraintdef`. */
  readonly definition: string;
}

export interface Trigger {
  readonly name: string;
  /** The function's oid. */
  readonly function: number;
  /** It fires in ordinary sessions. */
  readonly enabled: boolean;
  /** `origin`: not with session_replication_role = replica; `replica`: only then. */
  readonly mode: 'origin' | 'always' | 'replica' | 'disabled';
  readonly forEachRow: boolean;
  readonly before: boolean;
  readonly events: readonly ('INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE')[];
}

export interface DatabaseFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `schema.name(argument types)`. */
  readonly signature: string;
  readonly owner: string;
  readonly language: string;
  readonly securityDefiner: boolean;
  readonly volatility: 'immutable' | 'stable' | 'volatile';
  readonly leakproof: boolean;
  /** `trigger`, `uuid`, `TABLE(…)`, `SETOF public.invoices`. */
  readonly returns: string;
  readonly returnsSet: boolean;
  readonly argumentNames: readonly string[];
  readonly argumentTypes: readonly string[];
  /** `SET search_path = …` and such, `name=value`. */
  readonly configuration: readonly string[];
  readonly comment: string | undefined;
  readonly extension: string | undefined;
  readonly grants: readonly Grant[];
  /** The body, if it is SQL or PL/pgSQL. */
  readonly body: string | undefined;
  /** `CREATE OR REPLACE FUNCTION …`, if the body is SQL or PL/pgSQL. */
  readonly definition: string | undefined;
}

export interface DatabaseEntry {
  readonly name: string;
  readonly owner: string;
  readonly grants: readonly Grant[];
}

export interface RoleSetting {
  /** Undefined for every role. */
  readonly role: string | undefined;
  /** Undefined for every database. */
  readonly database: string | undefined;
  readonly name: string;
  readonly value: string;
}

export interface DefaultPrivilege {
  /** The owner of the future objects. */
  readonly owner: string;
  /** Undefined for every schema. */
  readonly schema: string | undefined;
  readonly objects: 'tables' | 'sequences' | 'functions' | 'types' | 'schemas';
  readonly grants: readonly Grant[];
}

export interface PublishedTable {
  readonly publication: string;
  /** The relation's oid. */
  readonly relation: number;
  readonly rowFilter: string | undefined;
}

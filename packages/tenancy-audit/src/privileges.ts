/**
 * The privileges of a role, by PostgreSQL's rules: through its own grants, those of PUBLIC, those of roles it inherits
 * from, ownership, and roles to which it can switch.
 */
import { PUBLIC, type Catalog, type Grant, type Policy, type Relation, type Role } from './catalog.js';
import { quoteName } from './sql-text.js';

/** Predefined roles whose members can act outside the database, and so bypass all its rules. */
const EQUAL_TO_SUPERUSER = new Set([
  'pg_execute_server_program',
  'pg_read_server_files',
  'pg_write_server_files',
]);

const rolesByCatalog = new WeakMap<Catalog, ReadonlyMap<string, Role>>();

/** @returns undefined for an unknown role */
export function findRole(catalog: Catalog, name: string): Role | undefined {
  let roles = rolesByCatalog.get(catalog);
  if (!roles) {
    roles = new Map(catalog.roles.map((role) => [role.name, role]));
    rolesByCatalog.set(catalog, roles);
  }
  return roles.get(name);
}

/** The role, the roles whose privileges it inherits, and PUBLIC. */
export function inheritedRoles(catalog: Catalog, name: string): ReadonlySet<string> {
  return remembered(catalog, `inherited ${name}`, () => {
    const found = reach(catalog, name, (_, membership) => membership.inherits);
    return new Set([...found, PUBLIC]);
  });
}

/** The roles that it can act as: itself, those it may SET ROLE to, and those it may first make itself a member of. */
export function reachableRoles(catalog: Catalog, name: string): ReadonlySet<string> {
  return remembered(catalog, `reachable ${name}`, () => {
    const found = reach(
      catalog,
      name,
      // A superuser already has all privileges.
      (role, membership) => !role.superuser && (membership.mayBecome || membership.mayGrant),
    );
    // Until PostgreSQL 15, CREATEROLE may grant every role except superusers, also to itself.
    const grantsAll = [...found].some((role) => findRole(catalog, role)?.createRole === true);
    if (grantsAll && catalog.server.version < 160_000) {
      for (const role of catalog.roles) if (!role.superuser && !isPredefined(role.name)) found.add(role.name);
    }
    return found;
  });
}

/** The role and all roles of which it is a member, directly or through others. */
export function memberRoles(catalog: Catalog, name: string): ReadonlySet<string> {
  return remembered(catalog, `member ${name}`, () => reach(catalog, name, () => true));
}

/** The reason, as text, why a role bypasses row-level security everywhere; undefined when it does not. */
export function escapeOf(catalog: Catalog, name: string): string | undefined {
  const role = findRole(catalog, name);
  if (role?.superuser === true) return `${name} is a superuser`;
  if (role?.bypassRls === true) return `${name} has BYPASSRLS`;
  if (EQUAL_TO_SUPERUSER.has(name)) return `${name} may reach the server's files or programs`;
  return undefined;
}

/**
 * The reason, as text, why a role bypasses the row-level security of this table; undefined when it does not. On a table
 * without row-level security every role does.
 */
export function escapeFrom(catalog: Catalog, name: string, table: Relation): string | undefined {
  if (!table.rowSecurity) return `row-level security is off on ${table.qualified}`;
  const everywhere = escapeOf(catalog, name);
  if (everywhere !== undefined) return everywhere;
  if (!table.rowSecurityForced && inheritedRoles(catalog, name).has(table.owner)) {
    return `${name} ${name === table.owner ? 'owns' : 'is a member of the owner of'} ${table.qualified}, which has no FORCE ROW LEVEL SECURITY`;
  }
  return undefined;
}

/** All grants of a role on a relation or its columns, direct or through other roles. */
export function grantsOf(catalog: Catalog, name: string, relation: Relation): readonly Grant[] {
  const roles = inheritedRoles(catalog, name);
  const granted = relation.grants.filter((grant) => roles.has(grant.grantee));
  if (findRole(catalog, name)?.superuser === true) {
    return [...granted, ...ALL_PRIVILEGES.map((privilege) => ({ grantee: name, privilege }))];
  }
  const predefined: Grant[] = [];
  if (roles.has('pg_read_all_data')) predefined.push({ grantee: 'pg_read_all_data', privilege: 'SELECT' });
  if (roles.has('pg_write_all_data')) {
    for (const privilege of ['INSERT', 'UPDATE', 'DELETE']) {
      predefined.push({ grantee: 'pg_write_all_data', privilege });
    }
  }
  return [...granted, ...predefined];
}

/** Those, quoted, from whom to revoke the privileges, so that none of the roles has them: also groups, and PUBLIC. */
export function granteesOf(
  catalog: Catalog,
  roles: readonly string[],
  relation: Relation,
  privileges: readonly string[],
): readonly string[] {
  const grants = roles.flatMap((role) => grantsOf(catalog, role, relation));
  const names = grants
    .filter(({ privilege }) => privileges.includes(privilege))
    .map(({ grantee }) => (grantee === PUBLIC ? PUBLIC : quoteName(grantee)));
  return [...new Set(names)];
}

const ALL_PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'];

/** Whether a role has this privilege on the relation or one of its columns. */
export function mayUse(catalog: Catalog, name: string, relation: Relation, ...privileges: string[]): boolean {
  if (!maySee(catalog, name, relation.schema)) return false;
  return grantsOf(catalog, name, relation).some((grant) => privileges.includes(grant.privilege));
}

/** Whether a role may execute a function. */
export function mayExecute(
  catalog: Catalog,
  name: string,
  target: { readonly schema: string; readonly grants: readonly Grant[] },
): boolean {
  if (findRole(catalog, name)?.superuser === true) return true;
  const roles = inheritedRoles(catalog, name);
  return maySee(catalog, name, target.schema) && target.grants.some((grant) => roles.has(grant.grantee));
}

/** Whether a role has USAGE on a schema; without it, privileges on its objects have no effect. */
export function maySee(catalog: Catalog, name: string, schema: string): boolean {
  if (findRole(catalog, name)?.superuser === true) return true;
  const roles = inheritedRoles(catalog, name);
  if (roles.has('pg_read_all_data') || roles.has('pg_write_all_data')) return true;
  const found = catalog.schemas.find((each) => each.name === schema);
  return found?.grants.some((grant) => grant.privilege === 'USAGE' && roles.has(grant.grantee)) === true;
}

/** Whether a policy applies to a role. */
export function appliesTo(catalog: Catalog, policy: Policy, name: string): boolean {
  const roles = inheritedRoles(catalog, name);
  return policy.roles.some((role) => roles.has(role));
}

function isPredefined(name: string): boolean {
  return name.startsWith('pg_');
}

const memory = new WeakMap<Catalog, Map<string, ReadonlySet<string>>>();

function remembered(catalog: Catalog, key: string, compute: () => ReadonlySet<string>): ReadonlySet<string> {
  const answers = memory.get(catalog) ?? new Map<string, ReadonlySet<string>>();
  memory.set(catalog, answers);
  const answer = answers.get(key) ?? compute();
  answers.set(key, answer);
  return answer;
}

function reach(
  catalog: Catalog,
  start: string,
  follows: (role: Role, membership: Role['memberOf'][number]) => boolean,
): Set<string> {
  const found = new Set([start]);
  for (const name of found) {
    const role = findRole(catalog, name);
    for (const membership of role?.memberOf ?? []) {
      if (role && follows(role, membership)) found.add(membership.role);
    }
  }
  return found;
}

/** The logins that can switch to the role. A superuser who switches to it is not the application. */
export function loginsOf(catalog: Catalog, role: string): readonly string[] {
  return catalog.roles
    .filter(
      ({ login, superuser, memberOf }) =>
        login && !superuser && memberOf.some((each) => each.role === role && each.mayBecome),
    )
    .map(({ name }) => name);
}

/** Detects the roles of the application: those that use tenant tables without being exempt from their policies. */
import type { Catalog, Relation, Role } from './catalog.js';
import type { Found } from './detection.js';
import { grantsOf, mayUse } from './privileges.js';

const CHANGES = ['INSERT', 'UPDATE', 'DELETE'];

/** The roles as which the application works, and why. */
export function findAppRoles(catalog: Catalog, tables: readonly Relation[]): Found<readonly string[]> {
  const uses = (role: Role, privileges: readonly string[]): boolean =>
    tables.some((table) => mayUse(catalog, role.name, table, ...privileges));
  const candidates = catalog.roles.filter(
    (role) =>
      !role.superuser &&
      !role.name.startsWith('pg_') &&
      (role.login || isSwitchedTo(catalog, role)) &&
      uses(role, ['SELECT']) &&
      uses(role, CHANGES),
  );
  const held = candidates.filter(
    (role) => !role.bypassRls && !tables.some((table) => ownsThroughInheritance(catalog, role, table)),
  );
  if (held.length > 0) {
    return {
      value: held.map(({ name }) => name),
      why: 'may read and write tenant tables, is neither their owner nor exempt from row-level security',
    };
  }
  const [exempt, others] = [
    candidates.filter((role) => role.bypassRls),
    candidates.filter((role) => !role.bypassRls),
  ];
  const rest = others.length > 0 ? others : exempt;
  if (rest.length > 0) {
    return {
      value: rest.map(({ name }) => name),
      why: 'no other role may read and write tenant tables, superusers aside',
    };
  }
  return { value: [], why: 'no role but superusers may read and write tenant tables: give --app-role' };
}

function ownsThroughInheritance(catalog: Catalog, role: Role, table: Relation): boolean {
  return (
    role.name === table.owner ||
    grantsOf(catalog, role.name, table).some(({ grantee }) => grantee === table.owner)
  );
}

/** A role without a login, to which another login switches for each request, as in PostgREST. */
function isSwitchedTo(catalog: Catalog, role: Role): boolean {
  return catalog.roles.some(
    (login) =>
      login.login &&
      !login.superuser &&
      login.memberOf.some(
        ({ role: name, inherits, mayBecome }) => name === role.name && mayBecome && !inherits,
      ),
  );
}

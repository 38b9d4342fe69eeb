/** T18, T19: privileges that row-level security does not limit, and audit logs that can be changed. */
import type { Catalog, DatabaseFunction, Relation, Trigger } from '../catalog.js';
import { findFunction } from '../context.js';
import type { Finding } from '../finding.js';
import { policiesFor } from '../policies.js';
import { escapeFrom, escapeOf, findRole, grantsOf, inheritedRoles, maySee, mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import { isAudited, isTable, tenantColumnOf, tenantTables } from '../tenancy.js';

const BEYOND_ROWS = ['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'];

export const widePrivileges: CatalogRule = {
  id: 'T18',
  title: 'Application holds TRUNCATE, REFERENCES, TRIGGER or MAINTAIN on a tenant table',
  severity: 'major',
  why: 'None of them is held by row-level security: TRUNCATE empties the table for all tenants, a foreign key or a trigger sees every row.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap(({ table }) => {
      const held = settings.appRoles.flatMap((role) => widely(catalog, role, table));
      if (held.length === 0) return [];
      const privileges = [...new Set(held.map(({ privilege }) => privilege))];
      const grantees = [...new Set(held.map(({ grantee }) => grantee))];
      const roles = [...new Set(held.map(({ role }) => role))];
      return [
        {
          rule: widePrivileges,
          object: table.qualified,
          evidence:
            `${list(roles)} holds ${privileges.join(', ')}` +
            (grantees.some((grantee) => !roles.includes(grantee)) ? `, granted to ${list(grantees)}` : ''),
          fix: `REVOKE ${privileges.join(', ')} ON ${table.qualified} FROM ${grantees.map(grantee).join(', ')};`,
        },
      ];
    });
  },
};

interface Held {
  readonly role: string;
  readonly grantee: string;
  readonly privilege: string;
}

/** T02 and T03 report owners and superusers. */
function widely(catalog: Catalog, role: string, table: Relation): readonly Held[] {
  if (escapeOf(catalog, role) !== undefined || inheritedRoles(catalog, role).has(table.owner)) return [];
  if (!maySee(catalog, role, table.schema)) return [];
  return grantsOf(catalog, role, table)
    .filter(({ privilege }) => BEYOND_ROWS.includes(privilege))
    .map(({ grantee, privilege }) => ({ role, grantee, privilege }));
}

function grantee(name: string): string {
  return name === 'PUBLIC' ? 'PUBLIC' : quoteName(name);
}

const AUDIT_TABLE = /(^|_)audit(_|$|s$|log|trail|event|entr)|(^|[a-z])Audit(Log|Trail|Event|Entr)/;
const CHANGES = ['UPDATE', 'DELETE'] as const;

/** Whether it is an audit log, by its name. */
export const isAuditLog = ({ name }: Relation): boolean => AUDIT_TABLE.test(name);

export const mutableAuditLog: CatalogRule = {
  id: 'T19',
  title: 'Audit log that can be changed',
  severity: 'major',
  why: 'An entry that its subject can change or remove proves nothing.',
  check(catalog, settings): readonly Finding[] {
    return catalog.relations.flatMap((table) => {
      if (!isTable(table) || !isAudited(table, settings) || table.isPartition || !isAuditLog(table))
        return [];
      const defects = [...changeable(catalog, settings, table), ...truncatable(catalog, settings, table)];
      if (defects.length === 0) return [];
      return [
        {
          rule: mutableAuditLog,
          object: table.qualified,
          evidence: defects.map(({ seen }) => seen).join('; '),
          fix: defects.map(({ fix }) => fix).join('\n'),
        },
      ];
    });
  },
};

interface Defect {
  readonly seen: string;
  readonly fix: string;
}

function changeable(catalog: Catalog, settings: AuditSettings, table: Relation): readonly Defect[] {
  return settings.appRoles.flatMap((role): readonly Defect[] => {
    // T02 and T03 report such a role.
    if (findRole(catalog, role)?.superuser === true || inheritedRoles(catalog, role).has(table.owner))
      return [];
    const privileges = CHANGES.filter(
      (privilege) =>
        mayUse(catalog, role, table, privilege) &&
        !refusedBy(catalog, table, privilege) &&
        reachesRows(catalog, role, table, privilege),
    );
    if (privileges.length === 0) return [];
    const grantees = grantsOf(catalog, role, table)
      .filter(({ privilege }) => privileges.some((each) => each === privilege))
      .map((grant) => grantee(grant.grantee));
    return [
      {
        seen: `${role} may ${list(privileges)} it`,
        fix: `REVOKE ${privileges.join(', ')} ON ${table.qualified} FROM ${[...new Set(grantees)].join(', ')};`,
      },
    ];
  });
}

/** Whether row-level security allows the role to change any row. */
function reachesRows(
  catalog: Catalog,
  role: string,
  table: Relation,
  command: (typeof CHANGES)[number],
): boolean {
  if (escapeFrom(catalog, role, table) !== undefined) return true;
  return policiesFor(catalog, table, role, command).permissive.length > 0;
}

function truncatable(catalog: Catalog, settings: AuditSettings, table: Relation): readonly Defect[] {
  // T41 reports a disabled trigger.
  if (refusingTrigger(catalog, table, 'TRUNCATE', { evenOff: true })) return [];
  const guard = CHANGES.map((event) => refusingTrigger(catalog, table, event)).find(
    (each) => each !== undefined,
  );
  if (guard) {
    const { trigger, target } = guard;
    const name = quoteName(`${trigger.name}_truncate`);
    return [
      {
        seen: `the trigger ${trigger.name} refuses changes of rows, and nothing refuses TRUNCATE`,
        fix:
          `CREATE TRIGGER ${name} BEFORE TRUNCATE ON ${table.qualified}\n` +
          `  FOR EACH STATEMENT EXECUTE FUNCTION ${quoteName(target.schema)}.${quoteName(target.name)}();\n` +
          `ALTER TABLE ${table.qualified} ENABLE ALWAYS TRIGGER ${name};`,
      },
    ];
  }
  // T18 reports TRUNCATE on a tenant table.
  if (tenantColumnOf(table, settings) !== undefined) return [];
  return settings.appRoles
    .flatMap((role) => widely(catalog, role, table))
    .filter(({ privilege }) => privilege === 'TRUNCATE')
    .map((held) => ({
      seen: `${held.role} may TRUNCATE it`,
      fix: `REVOKE TRUNCATE ON ${table.qualified} FROM ${grantee(held.grantee)};`,
    }));
}

function refusedBy(catalog: Catalog, table: Relation, event: Trigger['events'][number]): boolean {
  return refusingTrigger(catalog, table, event) !== undefined;
}

/** A trigger before the event whose function always raises an error. */
function refusingTrigger(
  catalog: Catalog,
  table: Relation,
  event: Trigger['events'][number],
  { evenOff = false } = {},
): { readonly trigger: Trigger; readonly target: DatabaseFunction } | undefined {
  for (const trigger of table.triggers) {
    const target = findFunction(catalog, trigger.function);
    if (
      (trigger.enabled || evenOff) &&
      trigger.before &&
      trigger.events.includes(event) &&
      target &&
      refuses(target)
    ) {
      return { trigger, target };
    }
  }
  return undefined;
}

/** Whether a trigger's function always raises an error. */
export function refuses({ body }: DatabaseFunction): boolean {
  return /\braise\s+exception\b/i.test(body ?? '') && !/\bif\b/i.test(body ?? '');
}

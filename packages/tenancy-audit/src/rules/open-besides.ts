/**
 * Part of T04: open policies on tables that have no tenant column themselves: the lines of a guarded invoice, and the
 * tables of a hosting platform on which a project writes policies, such as storage.objects.
 */
import type { Catalog, Policy, Relation } from '../catalog.js';
import type { Finding, Rule } from '../finding.js';
import { callerOf, gradeOf, judgedRoles, policiesFor, seesAcross } from '../policies.js';
import { isWeaker, type Grade } from '../grades.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import {
  declaration,
  findRelation,
  isAudited,
  isShared,
  isTable,
  tenantColumnOf,
  tenantTables,
} from '../tenancy.js';

const COMMANDS = ['SELECT', 'UPDATE', 'DELETE'] as const;

/** The findings of T04 on tables without a tenant column. */
export function openBesides(catalog: Catalog, settings: AuditSettings, rule: Rule): readonly Finding[] {
  const tenants = new Set(tenantTables(catalog, settings).map(({ table }) => table));
  return catalog.relations.flatMap((table): readonly Finding[] => {
    if (!isTable(table) || !table.rowSecurity || tenants.has(table) || table.extension !== undefined)
      return [];
    if (isShared(table, settings) || settings.memberTables.includes(table.qualified)) return [];
    if (!isAudited(table, settings)) return platformFindings(catalog, settings, table, rule);
    const parent = guardedParent(catalog, settings, table, tenants);
    if (!parent) return [];
    return openings(catalog, settings, table).flatMap(({ policy, commands, roles, grade }) =>
      isWeaker(grade, 'row')
        ? [
            {
              rule,
              object: policy.qualified,
              evidence:
                `USING (${policy.using ?? ''}) does not look at whose the row is; it decides on ${list(commands)} of ` +
                `${list(roles)}, while the rows of ${parent.qualified}, which it references, are guarded`,
              advice:
                `Admit a row only with its parent: USING (EXISTS (SELECT FROM ${parent.qualified} p WHERE p.… = …)). Where ` +
                `it is meant for all: COMMENT ON TABLE ${table.qualified} IS '@tenancy shared: …'`,
            },
          ]
        : [],
    );
  });
}

interface Opening {
  readonly policy: Policy;
  readonly commands: readonly string[];
  readonly roles: readonly string[];
  readonly grade: Grade;
}

/** The permissive policies with the weakest grade that each has for one of the application's roles. */
function openings(catalog: Catalog, settings: AuditSettings, table: Relation): readonly Opening[] {
  return table.policies.flatMap((policy) => {
    const { using } = policy;
    if (!policy.permissive || using === undefined || declaration(policy.comment, 'shared') !== undefined)
      return [];
    const found = judgedRoles(catalog, settings, table).flatMap((role) => {
      const commands = COMMANDS.filter((command) => {
        const { permissive, restrictive } = policiesFor(catalog, table, role, command);
        return (
          restrictive.length === 0 && permissive.includes(policy) && mayUse(catalog, role, table, command)
        );
      });
      const grade = gradeOf(catalog, settings, table, using, callerOf(catalog, role));
      return commands.length === 0 ? [] : [{ role, commands, grade }];
    });
    const [first] = [...found].sort((one, other) => (isWeaker(one.grade, other.grade) ? -1 : 1));
    if (!first) return [];
    const alike = found.filter(({ grade }) => grade === first.grade);
    return [
      {
        policy,
        commands: [...new Set(alike.flatMap(({ commands }) => commands))],
        roles: alike.map(({ role }) => role),
        grade: first.grade,
      },
    ];
  });
}

/** A tenant table that it references and whose rows the application does not see across tenants. */
function guardedParent(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  tenants: ReadonlySet<Relation>,
): Relation | undefined {
  // A reference that may be missing does not make a row part of another.
  const isRequired = (name: string): boolean =>
    table.columns.some((column) => column.name === name && column.notNull);
  return table.foreignKeys
    .filter(({ columns }) => columns.every(isRequired))
    .flatMap(({ references }) => findRelation(catalog, references) ?? [])
    .find(
      (parent) =>
        tenants.has(parent) &&
        parent.rowSecurity &&
        settings.appRoles.every((role) => seesAcross(catalog, settings, parent, role) === undefined),
    );
}

/** Names of buckets and topics that are public on purpose. */
const PUBLISHED = /public|avatar|logo|image|photo|picture|asset|media|banner|cover|icon|thumb/i;

/** A platform's own policies are not the project's; those of a project name one of the application's roles or PUBLIC. */
function platformFindings(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  rule: Rule,
): readonly Finding[] {
  if (!/^(storage|realtime)$/.test(table.schema) || tenantColumnOf(table, settings) !== undefined) return [];
  return openings(catalog, settings, table).flatMap(({ policy, commands, roles, grade }) => {
    const changes = commands.filter((command) => command !== 'SELECT');
    const isPublished = changes.length === 0 && PUBLISHED.test(`${policy.using ?? ''} ${policy.name}`);
    const isOpen = isWeaker(grade, 'row') || (grade === 'row' && !isPublished);
    if (!isOpen || (isPublished && policy.using !== 'true')) return [];
    const admits = grade === 'row' ? 'the files of everybody' : 'every row';
    return [
      {
        rule,
        object: policy.qualified,
        evidence: `USING (${policy.using ?? ''}) gives ${list(roles)} ${admits}; it decides on ${list(commands)}`,
        advice:
          'Compare the owner, or the first folder of the name, with the caller. Where these files are meant for all: ' +
          `COMMENT ON POLICY ${quoteName(policy.name)} ON ${table.qualified} IS '@tenancy shared: …'`,
      },
    ];
  });
}

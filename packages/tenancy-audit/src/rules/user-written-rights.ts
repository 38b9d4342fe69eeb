/** T42, T43: policies that decide by what the caller can write: claims of the user, and columns of the own row. */
import type { Catalog, Column, DatabaseFunction, Policy, Relation } from '../catalog.js';
import { findFunction, functionsOfPolicy } from '../context.js';
import type { Finding } from '../finding.js';
import { callerOf, columnsOf, expressionOf, gradeOf, policiesFor } from '../policies.js';
import { separates } from '../grades.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import { isAudited, isTable } from '../tenancy.js';

/** Supabase lets every user change these of their own account; app_metadata only the server. */
const WRITABLE_CLAIM = /\b(raw_)?user_meta_?data\b/i;
const CLAIM_OF_RIGHTS =
  /raw_user_meta_data\s*->>?\s*'(\w*(org|tenant|team|company|workspace|account)\w*_?id|\w*(role|is_?admin|permission)\w*)'/i;

export const userWrittenClaim: CatalogRule = {
  id: 'T42',
  title: 'Rights taken from claims that the user can write',
  severity: 'critical',
  why: 'Every user may write their own user metadata: whoever writes another tenant or a higher role into it has that.',
  check(catalog, settings): readonly Finding[] {
    const ofPolicies = catalog.relations.flatMap((table) =>
      !isTable(table) || !(isAudited(table, settings) || table.schema === 'storage')
        ? []
        : table.policies.flatMap((policy) => claimIn(catalog, policy)),
    );
    const ofTriggers = catalog.functions.flatMap((target): readonly Finding[] => {
      const [claim] = CLAIM_OF_RIGHTS.exec(target.body ?? '') ?? [];
      if (claim === undefined || target.returns !== 'trigger' || !isUsed(catalog, target)) return [];
      return [
        {
          rule: userWrittenClaim,
          object: target.signature,
          evidence: `the trigger function stores ${claim}, which the user has chosen at sign-up`,
          advice:
            'Take the tenant and the role from app metadata, or from an invitation that the server has made.',
        },
      ];
    });
    return [...ofPolicies, ...ofTriggers];
  },
};

function isUsed(catalog: Catalog, { oid }: DatabaseFunction): boolean {
  return catalog.relations.some(({ triggers }) => triggers.some((trigger) => trigger.function === oid));
}

function claimIn(catalog: Catalog, policy: Policy): readonly Finding[] {
  const expression = [policy.using, policy.check].find((each) => WRITABLE_CLAIM.test(each ?? ''));
  const through = functionsOfPolicy(catalog, policy).find(({ body }) => WRITABLE_CLAIM.test(body ?? ''));
  if (expression === undefined && !through) return [];
  return [
    {
      rule: userWrittenClaim,
      object: policy.qualified,
      evidence:
        expression ??
        `${through?.signature ?? ''} reads ${WRITABLE_CLAIM.exec(through?.body ?? '')?.[0] ?? ''}`,
      advice: 'Decide by app metadata, which only the server can write, or by a table of members.',
    },
  ];
}

const OF_RIGHTS =
  /^((is|can|has)_?)?(super_?)?(admin|staff|owner|operator|moderator|root|superuser)$|^(is|can|has)_\w*(admin|staff)\w*$|^(\w+_)?roles?$|^permissions?$|^access_level$/i;

export const rightsInOwnRow: CatalogRule = {
  id: 'T43',
  title: 'Users may raise their own rights',
  severity: 'critical',
  why: 'A policy decides by a column of the caller’s own row, and the caller may write that column.',
  check(catalog, settings): readonly Finding[] {
    return catalog.relations.flatMap((table) => {
      if (!isTable(table) || !isAudited(table, settings) || !table.rowSecurity) return [];
      return table.columns
        .filter(({ name }) => OF_RIGHTS.test(name))
        .flatMap((column) => raisable(catalog, settings, table, column));
    });
  },
};

function raisable(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  column: Column,
): readonly Finding[] {
  if (isGuarded(catalog, table, column)) return [];
  const own = settings.appRoles.flatMap((role) => {
    const policy = ownRowPolicy(catalog, settings, table, column, role);
    return policy ? [{ role, policy }] : [];
  });
  const [first] = own;
  const deciding = first ? decidingBy(catalog, table, column) : [];
  if (!first || deciding.length === 0) return [];
  return [
    {
      rule: rightsInOwnRow,
      object: `${table.qualified}.${quoteName(column.name)}`,
      evidence:
        `${list([...new Set(own.map(({ role }) => role))])} may write it in the own row through ${first.policy.name} ` +
        `(${first.policy.check ?? first.policy.using ?? ''}); ${list(deciding)} decide by it`,
      advice:
        `Grant UPDATE only on the columns that users may change, so that ${column.name} is left out, or keep rights in a ` +
        'table that only the server writes.',
    },
  ];
}

/** A policy by which the role may update rows that it knows by the user, without a condition on the column. */
function ownRowPolicy(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  column: Column,
  role: string,
): Policy | undefined {
  const grants = table.grants.filter((grant) => grant.column === undefined || grant.column === column.name);
  if (!mayUse(catalog, role, { ...table, grants }, 'UPDATE')) return undefined;
  const { permissive, restrictive } = policiesFor(catalog, table, role, 'UPDATE');
  const names = (policy: Policy): boolean => expressionOf(policy, 'check')?.includes(column.name) === true;
  if (restrictive.some(names)) return undefined;
  return permissive.find((policy) => {
    const { using } = policy;
    if (using === undefined || names(policy)) return false;
    const columns = columnsOf(catalog, settings, table, using);
    return (
      separates(gradeOf(catalog, settings, table, using, callerOf(catalog, role))) &&
      columns.size > 0 &&
      [...columns].every((name) => /^id$|user|profile|uid|owner/i.test(name)) &&
      // A condition on another row of the same table asks for rights that the caller has already.
      !policy.reads.includes(table.oid) &&
      !/\bFROM\b/.test(using.replace(/\( SELECT auth\.uid\(\) AS uid\)/g, ''))
    );
  });
}

/** A trigger that looks at the new value before it is stored. */
function isGuarded(catalog: Catalog, { triggers }: Relation, { name }: Column): boolean {
  return triggers.some(
    (trigger) =>
      trigger.enabled &&
      trigger.before &&
      trigger.events.includes('UPDATE') &&
      new RegExp(`new\\s*\\.\\s*"?${name}\\b`, 'i').test(findFunction(catalog, trigger.function)?.body ?? ''),
  );
}

/** The policies that read the column of this table, directly or in a function. */
function decidingBy(catalog: Catalog, table: Relation, column: Column): readonly string[] {
  const mentions = (text: string | undefined): boolean =>
    new RegExp(`\\b${table.name}\\b`).test(text ?? '') && new RegExp(`\\b${column.name}\\b`).test(text ?? '');
  return catalog.relations.flatMap((other) =>
    other.policies
      .filter(
        (policy) =>
          (other !== table && mentions(`${policy.using ?? ''} ${policy.check ?? ''}`)) ||
          functionsOfPolicy(catalog, policy).some(({ body }) => mentions(body)),
      )
      .map(({ qualified }) => qualified),
  );
}

/** T40, T41: triggers that do not always fire. */
import type { Catalog, ForeignKey, Relation, Trigger } from '../catalog.js';
import { findFunction } from '../context.js';
import type { Finding } from '../finding.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import { isAudited, isTable, tenantTables } from '../tenancy.js';
import { isAuditLog, refuses } from './table-privileges.js';

const CHANGES = ['UPDATE', 'DELETE', 'TRUNCATE'] as const;

export const restingGuard: CatalogRule = {
  id: 'T40',
  title: 'Append-only table whose trigger rests in replication sessions',
  severity: 'minor',
  why: 'An ordinary trigger does not fire with session_replication_role = replica: entries can be changed there. A restore with --disable-triggers makes every trigger ordinary.',
  check(catalog, settings): readonly Finding[] {
    return appendOnlyTables(catalog, settings).flatMap((table) => {
      const resting = table.triggers.filter(
        (trigger) => trigger.mode === 'origin' && guards(catalog, trigger),
      );
      if (resting.length === 0) return [];
      return [
        {
          rule: restingGuard,
          object: table.qualified,
          evidence: `${list(resting.map(({ name }) => name))} ${resting.length === 1 ? 'is' : 'are'} not ENABLE ALWAYS`,
          fix: resting.map((trigger) => enable(table, trigger, true)).join('\n'),
        },
      ];
    });
  },
};

export const switchedOff: CatalogRule = {
  id: 'T41',
  title: 'Trigger or foreign key of a tenant table that is switched off',
  severity: 'major',
  why: 'What it recorded, refused or checked passes unseen: a restore with --disable-triggers that was cut off leaves all of them so.',
  check(catalog, settings): readonly Finding[] {
    const tables = new Set([
      ...tenantTables(catalog, settings).map(({ table }) => table),
      ...appendOnlyTables(catalog, settings),
    ]);
    return [...tables].flatMap((table) => [
      ...table.triggers
        .filter(({ enabled }) => !enabled)
        .map((trigger) => offTrigger(catalog, table, trigger)),
      ...table.foreignKeys.filter(({ enforced }) => !enforced).map((key) => offKey(table, key)),
    ]);
  },
};

function offTrigger(catalog: Catalog, table: Relation, trigger: Trigger): Finding {
  return {
    rule: switchedOff,
    object: `${table.qualified}.${quoteName(trigger.name)}`,
    evidence:
      trigger.mode === 'disabled'
        ? 'the trigger is disabled'
        : 'the trigger fires only where changes are replicated',
    fix: enable(table, trigger, guards(catalog, trigger)),
    advice: 'Find out what was changed meanwhile; drop the trigger if it is no longer wanted.',
  };
}

function offKey(table: Relation, { name, definition }: ForeignKey): Finding {
  const constraint = quoteName(name);
  const checked = definition.replace(/( NOT VALID| NOT ENFORCED)+$/, '');
  return {
    rule: switchedOff,
    object: `${table.qualified}.${constraint}`,
    evidence: `${definition} is not checked`,
    ...(table.kind === 'table' && {
      fix:
        `ALTER TABLE ${table.qualified} DROP CONSTRAINT ${constraint}, ADD CONSTRAINT ${constraint} ${checked} NOT VALID;\n` +
        `ALTER TABLE ${table.qualified} VALIDATE CONSTRAINT ${constraint};`,
    }),
    advice:
      'Rows may refer to what is not there, or to another tenant’s: it cannot be validated before they are mended.',
  };
}

/** Audit logs, by name, and tables whose triggers refuse changes and deletions. */
function appendOnlyTables(catalog: Catalog, settings: AuditSettings): readonly Relation[] {
  return catalog.relations.filter((table) => {
    if (!isTable(table) || !isAudited(table, settings) || table.isPartition) return false;
    if (isAuditLog(table)) return true;
    const events = new Set(
      table.triggers.flatMap((trigger) => (guards(catalog, trigger) ? trigger.events : [])),
    );
    return events.has('UPDATE') && events.has('DELETE');
  });
}

/** Whether it refuses changes when it fires. */
function guards(catalog: Catalog, trigger: Trigger): boolean {
  const target = findFunction(catalog, trigger.function);
  return (
    trigger.before &&
    CHANGES.some((event) => trigger.events.includes(event)) &&
    target !== undefined &&
    refuses(target)
  );
}

const enable = (table: Relation, { name }: Trigger, always: boolean): string =>
  `ALTER TABLE ${table.qualified} ENABLE ${always ? 'ALWAYS ' : ''}TRIGGER ${quoteName(name)};`;

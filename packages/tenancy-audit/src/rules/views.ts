/** T07, T08: tenant rows that are accessible without the policies of their tables. */
import type { Catalog, Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import { accessesOfView, asksCaller } from '../narrowing.js';
import { callerOf, seesAcross } from '../policies.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
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

/** The relation itself and all views over it, direct or indirect. */
function exposures(catalog: Catalog, relation: Relation): readonly Relation[] {
  const found = new Set([relation]);
  for (const each of found) {
    for (const view of catalog.relations) if (view.reads.includes(each.oid)) found.add(view);
  }
  return [...found];
}

function readersOf(catalog: Catalog, settings: AuditSettings, relation: Relation): readonly string[] {
  const exposed = exposures(catalog, relation);
  return settings.appRoles.filter((role) => exposed.some((each) => mayUse(catalog, role, each, 'SELECT')));
}

export const ownersView: CatalogRule = {
  id: 'T07',
  title: 'View that shows tenant rows with its owner’s eyes',
  severity: 'critical',
  why: 'Without security_invoker a view reads its tables as its owner: whoever may read the view sees what the owner sees.',
  check(catalog, settings): readonly Finding[] {
    return catalog.relations.flatMap((view) => {
      if (view.kind !== 'view' || !isAudited(view, settings) || isInvoker(view)) return [];
      if (isShared(view, settings) || declaration(view.comment, 'audited') !== undefined) return [];
      const readers = readersOf(catalog, settings, view);
      if (settings.appRoles.length > 0 && readers.length === 0) return [];
      const accesses = accessesOfView(catalog, settings, view) ?? [];
      const leaks = accesses.flatMap(({ table, narrowing }) => {
        if (narrowing === 'context' || !isTable(table) || !view.reads.includes(table.oid)) return [];
        // T01 and T04 report tables without row-level security or with open policies.
        if (
          !table.rowSecurity ||
          settings.appRoles.some((role) => seesAcross(catalog, settings, table, role))
        )
          return [];
        // The owner's policies decide, but current_user in them is the role that reads the view.
        const across = [...readers, view.owner]
          .map((role) => seesAcross(catalog, settings, table, view.owner, callerOf(catalog, role)))
          .find((found) => found !== undefined);
        return across ? [`${table.qualified} (${across.reason})`] : [];
      });
      const hidden = leaks.length === 0 ? sensitiveSources(catalog, settings, view, readers) : [];
      if (hidden.length > 0) return [inFrontOf(view, hidden, readers)];
      if (leaks.length === 0) return [];
      const unreadable = sourcesOf(catalog, view).filter((source) =>
        readers.some((role) => !mayUse(catalog, role, source, 'SELECT')),
      );
      const invoker = catalog.server.version >= 150_000;
      return [
        {
          rule: ownersView,
          object: view.qualified,
          evidence:
            `no security_invoker; its owner ${view.owner} sees all rows of ${list([...new Set(leaks)])}` +
            (readers.length > 0 ? `; ${list(readers)} may read it` : ''),
          fix:
            invoker && unreadable.length === 0
              ? `ALTER VIEW ${view.qualified} SET (security_invoker = true);`
              : undefined,
          advice: !invoker
            ? 'PostgreSQL before 15 has no security_invoker: let a role own the view that row-level security holds.'
            : unreadable.length === 0
              ? undefined
              : `Compare the tenant in the view, or grant SELECT on ${list(unreadable.map(({ qualified }) => qualified))} ` +
                `to ${list(readers)} and set security_invoker: without the grant the view would fail.`,
        },
      ];
    });
  },
};

const SENSITIVE = /(password|secret|token|email|phone|ssn|iban|raw_\w+_meta_data)/i;

/**
 * Tables of schemas that are not the application's, which its readers may not read themselves, and whose rows the view
 * shows whoever asks: auth.users.
 */
function sensitiveSources(
  catalog: Catalog,
  settings: AuditSettings,
  view: Relation,
  readers: readonly string[],
): readonly Relation[] {
  if (readers.length === 0 || asksCaller(catalog, settings, view)) return [];
  const names = new Set(view.columns.map(({ name }) => name));
  return view.reads.flatMap((oid) => {
    const source = findRelation(catalog, oid);
    if (!source || !isTable(source) || source.schema === view.schema || source.extension !== undefined)
      return [];
    if (isAudited(source, settings) && tenantColumnOf(source, settings) !== undefined) return [];
    const shown = source.columns.filter(({ name }) => SENSITIVE.test(name) && names.has(name));
    const isReadable = readers.some((role) => mayUse(catalog, role, source, 'SELECT'));
    return shown.length > 0 && !isReadable ? [source] : [];
  });
}

function inFrontOf(view: Relation, sources: readonly Relation[], readers: readonly string[]): Finding {
  return {
    rule: ownersView,
    object: view.qualified,
    evidence:
      `no security_invoker; it shows every row of ${list(sources.map(({ qualified }) => qualified))}, which ` +
      `${list(readers)} may not read, as its owner ${view.owner}`,
    advice: 'Filter its rows by the caller, or revoke SELECT on it.',
  };
}

function isInvoker(view: Relation): boolean {
  return view.options.some((option) => /^security_invoker=(true|on|1|yes)$/i.test(option));
}

export const unprotectedCopy: CatalogRule = {
  id: 'T08',
  title: 'Materialized view or foreign table with tenant rows, readable by the application',
  severity: 'critical',
  why: 'Neither can have row-level security: whoever may read it sees the rows of all tenants.',
  check(catalog, settings): readonly Finding[] {
    const tenants = new Set(tenantTables(catalog, settings).map(({ table }) => table.oid));
    return catalog.relations.flatMap((relation) => {
      if (!isAudited(relation, settings) || isShared(relation, settings)) return [];
      if (declaration(relation.comment, 'audited') !== undefined) return [];
      const evidence = copyOf(catalog, settings, relation, tenants);
      const readers = readersOf(catalog, settings, relation);
      if (evidence === undefined || (settings.appRoles.length > 0 && readers.length === 0)) return [];
      return [
        {
          rule: unprotectedCopy,
          object: relation.qualified,
          evidence: `${evidence}${readers.length > 0 ? `; ${list(readers)} may read it` : ''}`,
          // What reads it now would fail, so the statement is for a person.
          advice:
            'Give the application a view over it that compares the tenant with that of the transaction' +
            (readers.length > 0
              ? `, then REVOKE ALL ON ${relation.qualified} FROM ${['PUBLIC', ...readers.map(quoteName)].join(', ')}.`
              : '.'),
        },
      ];
    });
  },
};

function copyOf(
  catalog: Catalog,
  settings: AuditSettings,
  relation: Relation,
  tenants: ReadonlySet<number>,
): string | undefined {
  if (relation.kind === 'foreign table') {
    const column = tenantColumnOf(relation, settings);
    return column && `a foreign table with the column ${column.name}`;
  }
  if (relation.kind !== 'materialized view') return undefined;
  const sources = sourcesOf(catalog, relation).filter(({ oid }) => tenants.has(oid));
  return sources.length === 0
    ? undefined
    : `a copy of rows of ${list(sources.map(({ qualified }) => qualified))}`;
}

/** All relations that a view reads, also through other views. */
function sourcesOf(catalog: Catalog, view: Relation): readonly Relation[] {
  const found = new Set<Relation>();
  const pending = [...view.reads];
  for (const oid of pending) {
    const source = findRelation(catalog, oid);
    if (!source || found.has(source)) continue;
    found.add(source);
    pending.push(...source.reads);
  }
  return [...found];
}

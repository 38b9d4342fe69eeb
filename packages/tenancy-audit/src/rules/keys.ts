/**
 * T14, T15: keys without the tenant. PostgreSQL checks foreign and unique keys without row-level security, so such a
 * key can link rows across tenants, or reveal whether another tenant has a value.
 */
import type { Catalog, Column, ForeignKey, Index, Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import { findFunction } from '../context.js';
import { admitsNull, mayWrite } from '../policies.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { quoteName } from '../sql-text.js';
import { findRelation, tenantTables, type TenantTable } from '../tenancy.js';

/** A foreign key between two tenant tables that does not pair their tenants. */
export interface LooseKey {
  readonly child: TenantTable;
  readonly parent: TenantTable;
  readonly key: ForeignKey;
}

/** Keys to the table of the tenants contain the tenant and are not included. */
export function looseKeys(catalog: Catalog, settings: AuditSettings): readonly LooseKey[] {
  const tenants = new Map(tenantTables(catalog, settings).map((each) => [each.table.oid, each]));
  return [...tenants.values()].flatMap((child) =>
    child.table.foreignKeys.flatMap((key): readonly LooseKey[] => {
      const parent = tenants.get(key.references);
      if (!parent || parent.isRegistry || pairsTenants(key, child.column, parent.column)) return [];
      return [{ child, parent, key }];
    }),
  );
}

/** Whether the key holds a row's tenant equal to that of the row it refers to. */
export function pairsTenants(key: ForeignKey, own: Column, other: Column): boolean {
  return key.columns.some((name, at) => name === own.name && key.referencedColumns[at] === other.name);
}

export const looseForeignKey: CatalogRule = {
  id: 'T14',
  title: 'Foreign key between tenant tables without the tenant column',
  severity: 'major',
  why: 'The check sees all tenants: a row can be linked to another tenant’s, and a cascade then reaches into the other tenant.',
  check(catalog, settings): readonly Finding[] {
    return looseKeys(catalog, settings).flatMap(({ child, parent, key }) => {
      if (!canWrite(catalog, settings, child.table, key.columns)) return [];
      if (isKeptByTrigger(catalog, settings, { child, parent, key })) return [];
      // A key with the tenant could not refer to rows that belong to all tenants.
      if (admitsNull(parent.table, parent.column.name)) return [];
      const isMendable = child.column.type === parent.column.type;
      const cascades = /CASCADE|SET/.test(key.onDelete) ? `; ON DELETE ${key.onDelete} reaches across` : '';
      const referenced = [parent.column.name, ...key.referencedColumns];
      return [
        {
          rule: looseForeignKey,
          object: `${child.table.qualified}.${key.name}`,
          evidence: `${key.definition} carries no ${child.column.name}${cascades}`,
          advice: isMendable
            ? undefined
            : `${child.column.name} is ${child.column.type} here and ${parent.column.type} there: give both one type first (T16).`,
          fix: !isMendable
            ? undefined
            : [
                ...(hasKey(parent.table, referenced)
                  ? []
                  : [
                      `ALTER TABLE ${parent.table.qualified} ADD UNIQUE (${referenced.map(quoteName).join(', ')});`,
                    ]),
                `ALTER TABLE ${child.table.qualified} DROP CONSTRAINT ${quoteName(key.name)}, ADD CONSTRAINT ${quoteName(key.name)}`,
                `  ${withTenant(catalog, { child, parent, key })} NOT VALID;`,
                `ALTER TABLE ${child.table.qualified} VALIDATE CONSTRAINT ${quoteName(key.name)};`,
              ].join('\n'),
        },
      ];
    });
  },
};

/** The key's definition with the tenant added; actions, MATCH and deferrability are unchanged. */
function withTenant(catalog: Catalog, { child, parent, key }: LooseKey): string {
  const names = (...columns: readonly string[]): string => columns.map(quoteName).join(', ');
  const references = `REFERENCES ${parent.table.qualified}`;
  const at = key.definition.indexOf(')', key.definition.indexOf(references));
  const tail = key.definition
    .slice(at + 1)
    .replace(/ NOT VALID$/, '')
    // Only the reference may become NULL, not the tenant.
    .replace(/ON DELETE SET (NULL|DEFAULT)(?! \()/, (action) =>
      catalog.server.version >= 150_000 ? `${action} (${names(...key.columns)})` : action,
    );
  return (
    `FOREIGN KEY (${names(child.column.name, ...key.columns)}) ` +
    `${references} (${names(parent.column.name, ...key.referencedColumns)})${tail}`
  );
}

/**
 * Whether a trigger takes the row's tenant from the row that it refers to, or compares the two, at every change that the
 * application can make.
 */
function isKeptByTrigger(
  catalog: Catalog,
  settings: AuditSettings,
  { child, parent, key }: LooseKey,
): boolean {
  const names = [child.column.name, ...key.columns];
  const changes = (['INSERT', 'UPDATE'] as const).filter((command) => {
    const grants = child.table.grants.filter(({ column }) => column === undefined || names.includes(column));
    return settings.appRoles.some((role) => mayUse(catalog, role, { ...child.table, grants }, command));
  });
  return changes.every((event) =>
    child.table.triggers.some((trigger) => {
      if (!trigger.enabled || !trigger.forEachRow || !trigger.events.includes(event)) return false;
      const body = findFunction(catalog, trigger.function)?.body ?? '';
      const reads = new RegExp(
        `\\b(from|join)\\s+(only\\s+)?("?\\w+"?\\s*\\.\\s*)?"?${escaped(parent.table.name)}"?(?!\\w)`,
        'i',
      );
      const own = `new\\s*\\.\\s*"?${escaped(child.column.name)}"?`;
      const sets = new RegExp(`${own}\\s*:?=|into\\s+(strict\\s+)?${own}`, 'i');
      const compares = new RegExp(`${own}[\\s\\S]*raise\\s+exception|raise\\s+exception[\\s\\S]*${own}`, 'i');
      return reads.test(body) && ((trigger.before && sets.test(body)) || compares.test(body));
    }),
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function hasKey(table: Relation, columns: readonly string[]): boolean {
  return table.indexes.some(
    (index) =>
      index.unique &&
      index.predicate === undefined &&
      index.columns.length === columns.length &&
      columns.every((name) => index.columns.includes(name)),
  );
}

/** Whether an application role can write the key's columns. */
function canWrite(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  columns: readonly string[],
): boolean {
  if (settings.appRoles.length === 0) return true;
  const grants = table.grants.filter(({ column }) => column === undefined || columns.includes(column));
  return settings.appRoles.some((role) =>
    mayWrite(catalog, role, { ...table, grants }, ['INSERT', 'UPDATE']),
  );
}

export const looseUniqueKey: CatalogRule = {
  id: 'T15',
  title: 'Unique key without the tenant column',
  severity: 'major',
  why: 'A duplicate is refused whoever has the first: the error tells a tenant that another one has this value.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap(({ table, column, isRegistry }) => {
      // A tenant's slug or domain must be unique across tenants.
      if (isRegistry || table.isPartition) return [];
      return table.indexes
        .filter((index) => (index.unique || index.exclusion) && !index.columns.includes(column.name))
        .filter((index) =>
          canWrite(
            catalog,
            settings,
            table,
            index.columns.flatMap((name) => name ?? []),
          ),
        )
        .filter((index) => !isOpaque(table, index))
        .map((index) => {
          const isReferenced = catalog.relations.some(({ foreignKeys }) =>
            foreignKeys.some(
              (key) => key.references === table.oid && sameColumns(index, key.referencedColumns),
            ),
          );
          return {
            rule: looseUniqueKey,
            object: `${table.qualified}.${index.name}`,
            evidence: `${index.definition} holds across tenants`,
            fix: isReferenced ? undefined : fixOf(table, column, index),
            advice: isReferenced
              ? `Foreign keys reference it: let those carry ${column.name} first (T14), then add it to this key.`
              : isPlain(index)
                ? undefined
                : `Add ${column.name} to the key.`,
          };
        });
    });
  },
};

function sameColumns({ columns }: Index, names: readonly string[]): boolean {
  return columns.length === names.length && names.every((name) => columns.includes(name));
}

/** A caller who cannot guess one column of another tenant's key cannot probe for the key. */
function isOpaque(table: Relation, index: Index): boolean {
  return index.columns.some((name) => {
    const column = table.columns.find((each) => each.name === name);
    return column !== undefined && isUnguessable(table, index, column);
  });
}

/** Random ids, references to rows, secrets, names in public directories. */
function isUnguessable(table: Relation, index: Index, column: Column): boolean {
  const { name } = column;
  if (column.type === 'uuid' || /gen_random|uuid|random/.test(column.default ?? '')) return true;
  if (SECRETS.test(name) || (/^(code|key|state|value|prefix)$/i.test(name) && HANDED_OUT.test(table.name)))
    return true;
  if (/(domain|hostname|host)$/i.test(name) || (name === 'name' && /domain/i.test(table.name))) return true;
  // Microseconds of a moment in the past.
  if (column.type.startsWith('timestamp') || /^(uid|uuid|guid|ulid|cuid)$/i.test(name)) return true;
  if (column.type === 'boolean') return index.columns.length === 1;
  const isNumber = /^(small|big)?int(eger)?$|^numeric/.test(column.type);
  // Numbers from a sequence are easy to guess, but reveal only that a row exists.
  if (isNumber)
    return (
      (index.columns.length === 1 && (index.primary || (column.default ?? '').includes('nextval('))) ||
      (index.primary && isCounted(table, index))
    );
  if (table.foreignKeys.some(({ columns }) => columns.includes(name))) return true;
  return IDENTIFIER.test(name) && !GIVEN_BY_PEOPLE.test(name);
}

/** A primary key of numbers only. */
function isCounted(table: Relation, { columns }: Index): boolean {
  return columns.every((name) =>
    table.columns.some((each) => each.name === name && /^(small|big)?int(eger)?$/.test(each.type)),
  );
}

const SECRETS =
  /(hash|hashed|token|secret|digest|nonce|signature|fingerprint|(api|public|private|secret|access|signing|hashed|batch|idempotency)_?key|key_?prefix|(auth|authorization|verification|access|invite|invitation|reset|device|user|share|join)_?code|(oauth|auth|csrf)_?state)$/i;
/** Tables of what is handed out for access or verification, in which a code, key or state is random. */
const HANDED_OUT =
  /code|token|invit|link|verif|otp|recover|api_?key|credential|oauth|auth|login|sso|session|licen[cs]e/i;
/** `id`, `friendly_id`, `externalId`: generated by a program or another service. */
const IDENTIFIER = /^(id|oid|pk)$|_id$|[a-z]I[dD]$/;
/** Identifiers that people know or count up. */
const GIVEN_BY_PEOPLE =
  /(tax|vat|national|social|passport|personal|employee|staff|student|member|badge|registration|login)_?id$/i;

/** A B-tree over columns only, which can be rewritten without losing properties. */
function isPlain({ columns, definition, exclusion }: Index): boolean {
  if (columns.includes(undefined) || exclusion) return false;
  const keys = columns.flatMap((name) => name ?? []).map(quoteName);
  return (
    / USING btree \(([^()]*)\)( WHERE .*)?$/.exec(definition)?.[1]?.replaceAll('"', '') ===
    keys.join(', ').replaceAll('"', '')
  );
}

function fixOf(table: Relation, column: Column, index: Index): string | undefined {
  if (!isPlain(index)) return undefined;
  const columns = [column.name, ...index.columns.flatMap((name) => name ?? [])].map(quoteName).join(', ');
  const where = index.predicate === undefined ? '' : ` WHERE ${index.predicate}`;
  if (index.constraint === undefined) {
    const schema = quoteName(table.schema);
    return [
      `DROP INDEX ${schema}.${quoteName(index.name)};`,
      `CREATE UNIQUE INDEX ${quoteName(index.name)} ON ${table.qualified} (${columns})${where};`,
    ].join('\n');
  }
  const kind = index.primary ? 'PRIMARY KEY' : 'UNIQUE';
  return `ALTER TABLE ${table.qualified} DROP CONSTRAINT ${quoteName(index.constraint)}, ADD CONSTRAINT ${quoteName(index.constraint)} ${kind} (${columns});`;
}

/** The tables that a table's foreign keys reference. */
export function referencedTables(catalog: Catalog, table: Relation): readonly Relation[] {
  return table.foreignKeys.flatMap(({ references }) => findRelation(catalog, references) ?? []);
}

/** T16, T17: a missing tenant column, or one that does not determine the tenant of every row. */
import type { Catalog, Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import { admitsNull, mayWrite, seesAcross } from '../policies.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName } from '../sql-text.js';
import {
  isAudited,
  isRegistry,
  isShared,
  isTable,
  tenantColumnOf,
  tenantTables,
  type TenantTable,
} from '../tenancy.js';
import { pairsTenants, referencedTables } from './keys.js';

export const looseTenantColumn: CatalogRule = {
  id: 'T16',
  title: 'Tenant column that is nullable, of another type, or without a foreign key',
  severity: 'major',
  why: 'A row without a tenant, or of one that does not exist, belongs to nobody: no tenant sees it, and no erasure finds it.',
  check(catalog, settings): readonly Finding[] {
    const tenants = tenantTables(catalog, settings);
    const type = usualType(tenants);
    return tenants.flatMap((tenant): readonly Finding[] => {
      const { table, column } = tenant;
      // A partition has its parent's columns.
      if (tenant.isRegistry || table.parents.length > 0) return [];
      const name = quoteName(column.name);
      const defects: { seen: string; fix?: string }[] = [];
      const differs = type !== undefined && !isSameType(column.type, type);
      const isMendable = !differs || (isCastable(column.type, type) && isAlone(catalog, table, column.name));
      if (!column.notNull && !admitsNull(table, column.name)) {
        defects.push({
          seen: `${column.name} may be NULL`,
          fix: `ALTER TABLE ${table.qualified} ALTER COLUMN ${name} SET NOT NULL;`,
        });
      }
      if (differs) {
        defects.push({
          seen: `${column.name} is ${column.type}, elsewhere it is ${type}`,
          ...(isMendable
            ? {
                fix: `ALTER TABLE ${table.qualified} ALTER COLUMN ${name} TYPE ${type} USING ${name}::${type};`,
              }
            : {}),
        });
      }
      const registry = tenants.find(({ isRegistry: is }) => is);
      if (registry && !isAnchored(tenant, tenants)) {
        defects.push({
          seen: `no foreign key from ${column.name} to ${registry.table.qualified}`,
          ...(isMendable
            ? {
                fix: `ALTER TABLE ${table.qualified} ADD FOREIGN KEY (${name}) REFERENCES ${registry.table.qualified} (${quoteName(registry.column.name)});`,
              }
            : {}),
        });
      }
      if (defects.length === 0) return [];
      return [
        {
          rule: looseTenantColumn,
          object: table.qualified,
          evidence: defects.map(({ seen }) => seen).join('; '),
          fix: isMendable ? defects.flatMap(({ fix }) => fix ?? []).join('\n') : undefined,
          advice: isMendable
            ? undefined
            : `Add a new column of type ${type}, fill it, and switch: PostgreSQL changes no type below a policy, a key or a view.`,
        },
      ];
    });
  },
};

/** Whether the type can be cast: integers to larger integers or text; text and uuid to any type. */
function isCastable(from: string, to: string | undefined): boolean {
  if (/^(smallint|integer)$/.test(from)) return /^(integer|bigint|text|character varying)/.test(to ?? '');
  return /^(text|character varying|uuid)/.test(from);
}

/** Texts of any length compare equal. */
function isSameType(one: string, other: string): boolean {
  const isText = /^(text|character varying(\(\d+\))?|citext)$/;
  return one === other || (isText.test(one) && isText.test(other));
}

/** Whether no policy, foreign key or view depends on the column, so that its type can change. */
function isAlone(catalog: Catalog, table: Relation, column: string): boolean {
  const inOwnKey = table.foreignKeys.some(({ columns }) => columns.includes(column));
  const isReferenced = catalog.relations.some(({ foreignKeys }) =>
    foreignKeys.some(
      ({ references, referencedColumns }) => references === table.oid && referencedColumns.includes(column),
    ),
  );
  const isRead = catalog.relations.some(
    ({ reads, policies }) =>
      reads.includes(table.oid) || policies.some((policy) => policy.reads.includes(table.oid)),
  );
  return table.policies.length === 0 && !inOwnKey && !isReferenced && !isRead;
}

/** The type of the tenants' key, or the type in most tables. */
function usualType(tenants: readonly TenantTable[]): string | undefined {
  const registry = tenants.find(({ isRegistry: is }) => is);
  if (registry) return registry.column.type;
  const counts = new Map<string, number>();
  for (const { column } of tenants) counts.set(column.type, (counts.get(column.type) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** It references the tenants, or a row of a tenant table including that row's tenant; or a check admits one tenant only. */
function isAnchored({ table, column }: TenantTable, tenants: readonly TenantTable[]): boolean {
  const name = quoteName(column.name);
  const isOfOne = table.checks.some((check) => {
    const [left, value, ...more] = check.replace(/^\(|\)$/g, '').split(' = ');
    return left === name && more.length === 0 && /^('[^']+'(::[\w ]+)?|\d+)$/.test(value ?? '');
  });
  if (isOfOne) return true;
  return table.foreignKeys.some((key) => {
    const parent = tenants.find((each) => each.table.oid === key.references);
    return parent !== undefined && pairsTenants(key, column, parent.column);
  });
}

/** Tables of migration tools, which belong to no tenant. */
const MIGRATIONS =
  /^(_prisma_migrations|schema_?migrations?|schema_version|ar_internal_metadata|flyway_schema_history|databasechangelog(lock)?|knex_migrations(_lock)?|pgmigrations|__drizzle_migrations|_?drizzle_migrations|goose_db_version|alembic_version|django_migrations|mikro_orm_migrations|kysely_migration(_lock)?|sequelizemeta|migrations|typeorm_metadata|atlas_schema_revisions|_sqlx_migrations|refinery_schema_history|migration_lock)$/i;

export const noTenantColumn: CatalogRule = {
  id: 'T17',
  title: 'Table beside tenant tables that has no tenant column and is not declared shared',
  severity: 'major',
  why: 'What a tenant writes into it, every tenant reads; and nothing says whether that is meant.',
  check(catalog, settings): readonly Finding[] {
    const tenants = new Set(tenantTables(catalog, settings).map(({ table }) => table));
    const schemas = new Set([...tenants].map(({ schema }) => schema));
    return catalog.relations.flatMap((table) => {
      if (
        !isTable(table) ||
        !isAudited(table, settings) ||
        !schemas.has(table.schema) ||
        table.parents.length > 0
      )
        return [];
      if (isRegistry(table, settings) || isShared(table, settings) || MIGRATIONS.test(table.name)) return [];
      if (tenantColumnOf(table, settings) !== undefined || isSeparated(catalog, settings, table)) return [];
      const linked = referencedTables(catalog, table).filter((each) => tenants.has(each));
      const writers = settings.appRoles.filter((role) => mayWrite(catalog, role, table));
      const readers = settings.appRoles.filter((role) => mayUse(catalog, role, table, 'SELECT'));
      // A table that the application only reads and that does not refer to tenant rows is reference data.
      const counts = linked.length > 0 ? [...writers, ...readers] : writers;
      if (settings.appRoles.length > 0 ? counts.length === 0 : linked.length === 0) return [];
      const join = /^_\w+To\w+$/.test(table.name)
        ? ', as Prisma makes them for implicit many-to-many relations'
        : '';
      return [
        {
          rule: noTenantColumn,
          object: table.qualified,
          evidence:
            `no column ${list(settings.tenantColumns)}${join}` +
            (linked.length > 0
              ? `; it references ${list([...new Set(linked.map(({ qualified }) => qualified))])}`
              : '') +
            (writers.length > 0 ? `; ${list(writers)} may write it` : ''),
          fix: undefined,
          advice:
            linked.length > 0
              ? 'Add the tenant column, and carry it in the foreign keys.'
              : `Add the tenant column, or declare it: COMMENT ON TABLE ${table.qualified} IS '@tenancy shared: …'`,
        },
      ];
    });
  },
};

/** Row-level security separates its rows in another way: through its parent's tenant, or by user. */
function isSeparated(catalog: Catalog, settings: AuditSettings, table: Relation): boolean {
  if (!table.rowSecurity) return false;
  if (settings.appRoles.length === 0) return table.policies.length > 0;
  return settings.appRoles.every((role) => seesAcross(catalog, settings, table, role) === undefined);
}

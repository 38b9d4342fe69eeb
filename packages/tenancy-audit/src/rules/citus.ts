/**
 * C01 to C07: what a database must not have, or must have, before its tables are distributed by Citus. Only with `--citus`:
 * on one PostgreSQL none of it is a defect. docs/citus.md says on which versions each was tried.
 */
import type { Catalog, ForeignKey, Policy, Relation } from '../catalog.js';
import type { Finding } from '../finding.js';
import type { AuditSettings, CatalogRule } from '../rule.js';
import { list, quoteName, quoteText } from '../sql-text.js';
import { isAudited, isTable, tenantTables, type TenantTable } from '../tenancy.js';
import { pairsTenants } from './keys.js';

/** The tables that are distributed by their tenant column. The table of the tenants is copied to each node. */
const distributed = (catalog: Catalog, settings: AuditSettings): readonly TenantTable[] =>
  tenantTables(catalog, settings).filter(({ isRegistry, table }) => !isRegistry && !table.isPartition);

const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"/g;
const hasSubSelect = (expression: string | undefined): boolean =>
  /\bSELECT\b/i.test(expression?.replace(QUOTED, '') ?? '');
const expressionsOf = ({ using, check }: Policy): readonly (string | undefined)[] => [using, check];

export const citusPolicy: CatalogRule = {
  id: 'C01',
  title: 'Citus: policy with a sub-select',
  severity: 'critical',
  why: 'Citus refuses it on a distributed table: “Subqueries are not supported in policies on distributed tables”.',
  check(catalog, settings): readonly Finding[] {
    return tenantTables(catalog, settings).flatMap(({ table, column }) =>
      table.policies
        .filter((policy) => expressionsOf(policy).some(hasSubSelect))
        .map((policy) => ({
          rule: citusPolicy,
          object: policy.qualified,
          evidence: expressionsOf(policy).find(hasSubSelect) ?? '',
          advice: `Compare without a sub-select: ${comparison(column.name, settings)}.`,
        })),
    );
  },
};

/** As text: on PostgreSQL 15 and 16 Citus cannot run some outer joins with a comparison that does not depend on a row. */
const comparison = (column: string, { tenantSettings: [setting = 'app.current_tenant'] }: AuditSettings) =>
  `${quoteName(column)}::text = current_setting(${quoteText(setting)}, true)`;

export const citusUniqueKey: CatalogRule = {
  id: 'C02',
  title: 'Citus: unique key without the tenant column',
  severity: 'critical',
  why: 'A shard knows only its own rows, so Citus refuses to distribute a table with such a key.',
  check(catalog, settings): readonly Finding[] {
    return distributed(catalog, settings).flatMap(({ table, column }) =>
      table.indexes
        .filter(({ unique, exclusion }) => unique || exclusion)
        .filter(({ columns }) => !columns.includes(column.name))
        .map(({ name, definition }) => ({
          rule: citusUniqueKey,
          object: `${table.qualified}.${quoteName(name)}`,
          evidence: definition,
          advice: `Begin the key with ${quoteName(column.name)}, or keep the values in a reference table.`,
        })),
    );
  },
};

export const citusForeignKey: CatalogRule = {
  id: 'C03',
  title: 'Citus: foreign key that a distributed table cannot have',
  severity: 'critical',
  why: 'Citus enforces a key only within a shard or to a reference table, and never one that sets a part of a row’s key.',
  check(catalog, settings): readonly Finding[] {
    const own = new Map(distributed(catalog, settings).map((each) => [each.table.oid, each]));
    return catalog.relations.flatMap((table) => {
      if (!isTable(table) || !isAudited(table, settings)) return [];
      return table.foreignKeys.flatMap((key) => {
        const problem = problemOf(key, own.get(table.oid), own.get(key.references));
        if (problem === undefined) return [];
        const object = `${table.qualified}.${quoteName(key.name)}`;
        return [{ rule: citusForeignKey, object, evidence: `${key.definition}: ${problem}` }];
      });
    });
  },
};

function problemOf(
  key: ForeignKey,
  child: TenantTable | undefined,
  parent: TenantTable | undefined,
): string | undefined {
  if (!child) return parent && 'a table without a tenant cannot refer to a distributed one';
  if (parent && !pairsTenants(key, child.column, parent.column)) return 'it does not pair the tenants';
  // With a list of columns, SET NULL (author_id), the tenant stays.
  const setsAll = /ON DELETE SET (NULL|DEFAULT)(?! \()/.test(key.definition);
  return setsAll && key.columns.includes(child.column.name)
    ? `ON DELETE ${key.onDelete} would change the tenant column`
    : undefined;
}

export const citusTrigger: CatalogRule = {
  id: 'C04',
  title: 'Citus: trigger on a table that would be distributed',
  severity: 'major',
  why: 'Citus refuses triggers there. With citus.enable_unsafe_triggers they run on the shards, where TG_TABLE_NAME is the name of a shard.',
  check(catalog, settings): readonly Finding[] {
    return distributed(catalog, settings).flatMap(({ table }) =>
      table.triggers.length === 0
        ? []
        : [
            {
              rule: citusTrigger,
              object: table.qualified,
              evidence: `it has ${list(table.triggers.map(({ name }) => name))}`,
              advice:
                'Create them with citus.enable_unsafe_triggers on, and compare what they write, such as the names of tables in an audit log.',
            },
          ],
    );
  },
};

export const citusBinding: CatalogRule = {
  id: 'C05',
  title: 'Citus: function that sets the tenant with set_config',
  severity: 'critical',
  why: 'Citus sends SET LOCAL to its workers and set_config not: they show no rows, or those of the tenant that was set before.',
  check(catalog, settings): readonly Finding[] {
    return catalog.functions.flatMap(({ signature, body = '', extension }) => {
      if (extension !== undefined) return [];
      const set = settings.tenantSettings.filter((name) =>
        new RegExp(`set_config\\s*\\(\\s*'${escaped(name)}'`, 'i').test(body),
      );
      return set.map((name) => ({
        rule: citusBinding,
        object: signature,
        evidence: `it calls set_config(${quoteText(name)}, …)`,
        advice: `Use EXECUTE format('SET LOCAL ${name} = %L', …), once, first, and outside of a block with EXCEPTION.`,
      }));
    });
  },
};

const escaped = (name: string): string => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

const PROPAGATION = 'citus.propagate_set_commands';

export const citusPropagation: CatalogRule = {
  id: 'C06',
  title: 'Citus: application role whose SET LOCAL does not reach the workers',
  severity: 'critical',
  why: 'Without it a worker has no tenant: every query shows no rows, and every insert is refused.',
  check(catalog, { appRoles }): readonly Finding[] {
    return appRoles
      .filter(
        (role) =>
          !catalog.roleSettings.some(
            (setting) => setting.role === role && setting.name === PROPAGATION && setting.value === 'local',
          ),
      )
      .map((role) => ({
        rule: citusPropagation,
        object: quoteName(role),
        evidence: `the role has no ${PROPAGATION} = local`,
        fix: `ALTER ROLE ${quoteName(role)} SET ${PROPAGATION} = 'local';`,
      }));
  },
};

export const citusMoves: CatalogRule = {
  id: 'C07',
  title: 'Citus: owner whom row-level security holds',
  severity: 'major',
  why: 'When this role moves or isolates a shard, rows are lost without an error: the copy has only the rows that the policies show it.',
  check(catalog, settings): readonly Finding[] {
    const held = distributed(catalog, settings).filter(
      ({ table }) => table.rowSecurityForced && !isExempt(catalog, table),
    );
    const owners = [...new Set(held.map(({ table }) => table.owner))];
    return owners.map((owner) => ({
      rule: citusMoves,
      object: quoteName(owner),
      evidence: `it owns ${list(held.filter(({ table }) => table.owner === owner).map(({ table }) => table.qualified))}, with FORCE ROW LEVEL SECURITY`,
      advice:
        'Move, isolate and alter distributed tables as a superuser only, and compare the counts of rows.',
    }));
  },
};

const isExempt = (catalog: Catalog, { owner }: Relation): boolean =>
  catalog.roles.some(({ name, superuser, bypassRls }) => name === owner && (superuser || bypassRls));

/** In the order of their ids. */
export const CITUS_RULES: readonly CatalogRule[] = [
  citusPolicy,
  citusUniqueKey,
  citusForeignKey,
  citusTrigger,
  citusBinding,
  citusPropagation,
  citusMoves,
];

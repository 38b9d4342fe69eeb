/** The relations that the application's role can read, and their tenant columns. */
import type { Catalog, Relation } from '../catalog.js';
import type { NotChecked } from '../finding.js';
import { mayUse } from '../privileges.js';
import type { AuditSettings } from '../rule.js';
import { isAudited, isShared, isTable, tenantColumnOf } from '../tenancy.js';
import { quoteName } from '../sql-text.js';
import { FOREIGN_ROWS } from './rules.js';

export interface Target {
  readonly relation: Relation;
  /** The quoted column with the row's tenant; undefined when there is none. */
  readonly tenantColumn: string | undefined;
}

export interface Targets {
  readonly targets: readonly Target[];
  readonly notChecked: readonly NotChecked[];
}

/** Every readable table, partition, view, materialized view and foreign table of the audited schemas. */
export function readableTargets(catalog: Catalog, settings: AuditSettings, role: string): Targets {
  const targets: Target[] = [];
  const notChecked: NotChecked[] = [];
  for (const relation of catalog.relations) {
    if (!isAudited(relation, settings) || !mayUse(catalog, role, relation, 'SELECT')) continue;
    if (isShared(relation, settings)) {
      notChecked.push(skipped(relation, 'it is declared to be meant for all tenants'));
    } else {
      targets.push({ relation, tenantColumn: columnName(relation, settings) });
    }
  }
  return { targets, notChecked };
}

/** A view over the table of the tenants has its key under another name; only tables have a primary key. */
function columnName(relation: Relation, settings: AuditSettings): string | undefined {
  const column = tenantColumnOf(relation, settings);
  return column && quoteName(column.name);
}

/** Tables with tenants' rows, to find tenants; partitions only through their table. */
export function tenantTablesToAsk(catalog: Catalog, settings: AuditSettings): readonly Target[] {
  return catalog.relations
    .filter((relation) => isTable(relation) && isAudited(relation, settings) && relation.parents.length === 0)
    .filter((relation) => !isShared(relation, settings))
    .map((relation) => ({ relation, tenantColumn: columnName(relation, settings) }))
    .filter(({ tenantColumn }) => tenantColumn !== undefined);
}

/** What the report says of a relation that is not probed. */
export function skipped(relation: Relation, reason: string): NotChecked {
  return { rule: FOREIGN_ROWS.id, object: relation.qualified, reason };
}

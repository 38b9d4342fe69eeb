/** Chooses the two tenants of the probes, and the ids by which the second one's rows are recognised. */
import type { Catalog, Relation } from '../catalog.js';
import type { AuditSettings } from '../rule.js';
import { tenantColumnOf } from '../tenancy.js';
import { quoteName } from '../sql-text.js';
import type { Ask } from './session.js';
import { askEach } from './batches.js';
import { tenantTablesToAsk, type Target } from './targets.js';

/** The number of rows read per table: tenants with rows are found early, and a table may be huge. */
const ROWS_LOOKED_AT = 10_000;
const TENANTS_PER_TABLE = 50;
const IDS_PER_TABLE = 50;

/**
 * The two tenants with rows in the most tables. Use a role that sees all of them.
 *
 * @returns fewer than two when there are no more
 */
export async function findTenants(
  catalog: Catalog,
  settings: AuditSettings,
  ask: Ask,
): Promise<readonly string[]> {
  const tables = new Map<string, number>();
  const answers = await askEach<Target, { tenant: string }>(
    ask,
    tenantTablesToAsk(catalog, settings),
    ({ relation, tenantColumn }) => `SELECT DISTINCT tenant::text AS tenant FROM (
         SELECT ${tenantColumn!} AS tenant FROM ${relation.qualified} WHERE ${tenantColumn!} IS NOT NULL LIMIT ${String(ROWS_LOOKED_AT)}
       ) AS seen LIMIT ${String(TENANTS_PER_TABLE)}`,
  );
  for (const answer of answers) {
    if ('refusal' in answer) continue;
    for (const { tenant } of answer.rows) tables.set(tenant, (tables.get(tenant) ?? 0) + 1);
  }
  return [...tables]
    .sort(([one, inOne], [other, inOther]) => inOther - inOne || (one < other ? -1 : 1))
    .slice(0, 2)
    .map(([tenant]) => tenant);
}

/** Ids that only rows of one tenant have, so that they identify these rows. */
export interface Marks {
  readonly tenant: string;
  /** Ids of rows, by table. */
  readonly ids: ReadonlyMap<string, readonly string[]>;
}

/** Keys that do not occur by chance: UUIDs and long text ids, not numbers. */
export const MARK = /^[\w-]{16,}$/;

/** @param ask as a role that sees the rows of both tenants, or bound to `tenant` */
export async function findMarks(
  catalog: Catalog,
  settings: AuditSettings,
  ask: Ask,
  tenant: string,
): Promise<Marks> {
  const ids = new Map<string, readonly string[]>();
  const keyed = tenantTablesToAsk(catalog, settings).flatMap(({ relation, tenantColumn }) => {
    const key = keyColumn(relation, settings);
    return key === undefined || tenantColumn === undefined ? [] : [{ relation, tenantColumn, key }];
  });
  const answers = await askEach<(typeof keyed)[number], { id: string }>(
    ask,
    keyed,
    ({
      relation,
      tenantColumn,
      key,
    }) => `SELECT own.${key}::text AS id FROM ${relation.qualified} AS own WHERE own.${tenantColumn}::text = $1
         -- An id that two tenants have in common marks neither.
         AND NOT EXISTS (
           SELECT FROM ${relation.qualified} AS other
           WHERE other.${key} = own.${key} AND other.${tenantColumn} <> own.${tenantColumn}
         )
       LIMIT ${String(IDS_PER_TABLE)}`,
    [tenant],
  );
  for (const [at, answer] of answers.entries()) {
    const { relation } = keyed[at]!;
    if ('refusal' in answer) continue;
    const found = answer.rows.map(({ id }) => id).filter((id) => MARK.test(id) && id !== tenant);
    if (found.length > 0) ids.set(relation.qualified, found);
  }
  return { tenant, ids };
}

/** The primary key's column besides the tenant, if there is exactly one and its type identifies rows. */
function keyColumn(relation: Relation, settings: AuditSettings): string | undefined {
  const tenant = tenantColumnOf(relation, settings)?.name;
  const key =
    relation.indexes.find(({ primary }) => primary)?.columns.filter((name) => name !== tenant) ?? [];
  const column = key.length === 1 ? relation.columns.find(({ name }) => name === key[0]) : undefined;
  return column && /^(?:uuid|text|character)/.test(column.type) ? quoteName(column.name) : undefined;
}

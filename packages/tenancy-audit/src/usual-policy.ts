/**
 * The expression with which a database separates its tenants, for fixes that need a policy: the one that most policies
 * use, or a comparison with the only setting that carries the tenant.
 */
import type { Catalog, Relation } from './catalog.js';
import { columnsOf, defaultTenants, gradeOf, opensWithoutContext } from './policies.js';
import type { AuditSettings } from './rule.js';
import { quoteName, quoteText } from './sql-text.js';
import { tenantTables, type TenantTable } from './tenancy.js';

const COLUMN = '\u0000';

/** @returns undefined when neither is known, so that a fix would have to guess */
export function usualExpression(
  catalog: Catalog,
  settings: AuditSettings,
  { column }: TenantTable,
): string | undefined {
  const [usual] = usualExpressions(catalog, settings).get(column.type) ?? [];
  if (usual !== undefined) return usual.replaceAll(COLUMN, quoteName(column.name));
  const [setting, ...more] = settings.tenantSettings;
  if (setting === undefined || more.length > 0 || /claims?$/i.test(setting)) return undefined;
  return `(${quoteName(column.name)} = (SELECT NULLIF(current_setting(${quoteText(setting)}, true), '')::${column.type}))`;
}

const remembered = new WeakMap<Catalog, ReadonlyMap<string, readonly string[]>>();

/** By the type of the tenant column, the most frequent first; the column is left out of the text. */
function usualExpressions(catalog: Catalog, settings: AuditSettings): ReadonlyMap<string, readonly string[]> {
  const known = remembered.get(catalog);
  if (known) return known;
  const counts = new Map<string, Map<string, number>>();
  for (const { table, column } of tenantTables(catalog, settings)) {
    for (const { using, permissive } of table.policies) {
      if (using === undefined || !permissive || !isSound(catalog, settings, table, column.name, using))
        continue;
      const text = using.replace(nameIn(column.name), (_, before: string) => `${before}${COLUMN}`);
      if (!text.includes(COLUMN)) continue;
      const ofType = counts.get(column.type) ?? new Map<string, number>();
      ofType.set(text, (ofType.get(text) ?? 0) + 1);
      counts.set(column.type, ofType);
    }
  }
  const found = new Map(
    [...counts].map(([type, ofType]) => [
      type,
      [...ofType].sort(([, one], [, other]) => other - one).map(([text]) => text),
    ]),
  );
  remembered.set(catalog, found);
  return found;
}

/** It depends on the tenant column alone, holds without a context, and names nothing of its own table. */
function isSound(
  catalog: Catalog,
  settings: AuditSettings,
  table: Relation,
  column: string,
  expression: string,
): boolean {
  const columns = columnsOf(catalog, settings, table, expression);
  return (
    columns.size === 1 &&
    columns.has(column) &&
    !/\bFROM\b/.test(expression) &&
    gradeOf(catalog, settings, table, expression, undefined) === 'linked' &&
    opensWithoutContext(catalog, settings, table, expression, undefined) === undefined &&
    defaultTenants(catalog, settings, table, expression, undefined).length === 0
  );
}

function nameIn(column: string): RegExp {
  const quoted = quoteName(column).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(^|[^\\w.$'"])${quoted}(?![\\w.$'"(])`, 'g');
}

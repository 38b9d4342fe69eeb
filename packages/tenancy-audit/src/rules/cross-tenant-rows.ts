/**
 * T11: rows that are linked across tenants. The only rule that reads rows: for each foreign key that does not pair the
 * tenants, it counts the pairs of rows with different tenants.
 *
 * Guarantees: if row-level security applies, it fails instead of counting too few rows (`row_security = off`); each
 * query has a time limit; it reports what could not be counted.
 */
import type pg from 'pg';
import type { Catalog } from '../catalog.js';
import type { Finding, NotChecked, Rule } from '../finding.js';
import type { AuditSettings } from '../rule.js';
import { quoteName } from '../sql-text.js';
import { looseKeys, type LooseKey } from './keys.js';

export const crossTenantRows: Rule = {
  id: 'T11',
  title: 'Rows linked across tenants',
  severity: 'critical',
  why: 'The leak has happened: a tenant’s row hangs on another tenant’s, and joins and cascades follow it.',
};

/** The time limits of one count and of all together, in milliseconds. */
const ONE_MS = 2_000;
const ALL_MS = 20_000;
/** The count stops here. */
const MOST = 1_000;

/**
 * Counts in the transaction that is open on the client, and changes settings of that transaction only.
 *
 * @returns what was found, and which keys could not be counted, and why
 */
export async function checkRows(
  client: pg.ClientBase,
  catalog: Catalog,
  settings: AuditSettings,
): Promise<{ readonly findings: readonly Finding[]; readonly notChecked: readonly NotChecked[] }> {
  const findings: Finding[] = [];
  const unchecked = new Map<string, string[]>();
  const end = Date.now() + ALL_MS;
  await client.query(`SET LOCAL row_security = off; SET LOCAL statement_timeout = ${String(ONE_MS)}`);
  for (const loose of looseKeys(catalog, settings)) {
    const outcome = Date.now() < end ? await count(client, loose) : 'there was no time left for it';
    const object = `${loose.child.table.qualified}.${loose.key.name}`;
    if (typeof outcome === 'string') unchecked.set(outcome, [...(unchecked.get(outcome) ?? []), object]);
    else if (outcome > 0) findings.push(found(loose, object, outcome));
  }
  return {
    findings,
    notChecked: [...unchecked].map(([reason, objects]) => ({
      rule: crossTenantRows.id,
      object: objects.join(', '),
      reason,
    })),
  };
}

function found({ child, parent }: LooseKey, object: string, count: number): Finding {
  const many =
    count >= MOST ? `at least ${String(MOST)} rows` : count === 1 ? '1 row' : `${String(count)} rows`;
  return {
    rule: crossTenantRows,
    object,
    evidence: `${many} of ${child.table.qualified} refer to a row of ${parent.table.qualified} that belongs to another tenant`,
    advice:
      'Find out how they came about; then delete or re-link them, and let the foreign key carry the tenant (T14).',
  };
}

/** @returns the number of rows, or the reason why they could not be counted */
async function count(client: pg.ClientBase, loose: LooseKey): Promise<number | string> {
  await client.query('SAVEPOINT counting');
  try {
    const { rows } = await client.query<{ count: string }>(countSql(loose));
    return Number(rows[0]!.count);
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT counting');
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === '42501') return 'this login may not read all rows: use one with BYPASSRLS, or a superuser';
    if (code === '57014') return `counting took longer than ${String(ONE_MS / 1000)} s`;
    return error instanceof Error ? error.message : String(error);
  } finally {
    await client.query('RELEASE SAVEPOINT counting');
  }
}

function countSql({ child, parent, key }: LooseKey): string {
  const pairs = key.columns.map(
    (name, at) => `c.${quoteName(name)} = p.${quoteName(key.referencedColumns[at]!)}`,
  );
  return `SELECT count(*) FROM (
    SELECT FROM ${child.table.qualified} c JOIN ${parent.table.qualified} p ON ${pairs.join(' AND ')}
    WHERE c.${quoteName(child.column.name)}::text <> p.${quoteName(parent.column.name)}::text LIMIT ${String(MOST)}
  ) AS linked`;
}

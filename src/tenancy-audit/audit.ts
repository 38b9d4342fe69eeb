/**
 * The audit of one database.
 *
 * Guarantees: everything happens in one read-only transaction that is rolled back, so that it changes nothing and sees
 * one state; what could not be looked at is said.
 */
import type pg from 'pg';
import { detectSettings, type Detection, type GivenSettings } from './detect-settings.js';
import { SEVERITIES, type Finding, type NotChecked } from './finding.js';
import { readCatalog } from './read-catalog.js';
import type { AuditSettings } from './rule.js';
import { CATALOG_RULES } from './rules.js';
import { checkRows } from './rules/cross-tenant-rows.js';
import { loadParser } from './sql-parse.js';

/** What the audit has to say. */
export interface AuditReport {
  /** The name of the database, and the version of its server: `15.18`. */
  readonly database: string;
  readonly server: string;
  readonly settings: AuditSettings;
  /** What was detected rather than given, and why. */
  readonly detections: readonly Detection[];
  /** The worst first. */
  readonly findings: readonly Finding[];
  readonly notChecked: readonly NotChecked[];
  /** How many relations were looked at. */
  readonly relations: number;
}

/** Reads the catalog as the connected role sees it, in a transaction of its own, and holds every rule against it. */
export async function auditDatabase(client: pg.ClientBase, given: GivenSettings): Promise<AuditReport> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
  try {
    return await auditTransaction(client, given);
  } finally {
    await client.query('ROLLBACK');
  }
}

/** The same within the caller's transaction, uncommitted changes included. */
export async function auditTransaction(client: pg.ClientBase, given: GivenSettings): Promise<AuditReport> {
  await loadParser();
  const catalog = await readCatalog(client);
  const { settings, detections } = detectSettings(catalog, given);
  const findings = CATALOG_RULES.flatMap((rule) => rule.check(catalog, settings));
  const notChecked = CATALOG_RULES.flatMap((rule) =>
    (rule.notChecked?.(catalog, settings) ?? []).map((each) => ({ rule: rule.id, ...each })),
  );
  const rows = await checkRows(client, catalog, settings);
  return {
    database: catalog.server.database,
    server: `${String(Math.floor(catalog.server.version / 10_000))}.${String(catalog.server.version % 10_000)}`,
    settings,
    detections,
    findings: inOrder([...findings, ...rows.findings]),
    notChecked: [...unknownRoles(settings), ...notChecked, ...rows.notChecked],
    relations: catalog.relations.filter(({ schema }) => settings.schemas.includes(schema)).length,
  };
}

/** Rules on privileges have nothing to look at where the application's role is not known. */
function unknownRoles(settings: AuditSettings): readonly NotChecked[] {
  if (settings.appRoles.length > 0) return [];
  const reason = 'no application role is known: give it with --app-role';
  return ['T02', 'T03', 'T18', 'T19'].map((rule) => ({ rule, object: 'the application role', reason }));
}

/** The worst first, then by rule and object. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort(
    (a, b) =>
      SEVERITIES.indexOf(a.rule.severity) - SEVERITIES.indexOf(b.rule.severity) ||
      compare(a.rule.id, b.rule.id) ||
      compare(a.object, b.object),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

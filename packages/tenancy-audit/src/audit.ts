/**
 * The audit: checks the catalog of a database with every rule, and optionally live probes and application code.
 *
 * Guarantees: the catalog is read in one read-only transaction that is rolled back, so nothing is changed and the state
 * is consistent; everything that could not be checked is reported.
 */
import type pg from 'pg';
import { judge, type Acceptance } from './baseline.js';
import type { Catalog } from './catalog.js';
import { withClient } from './connection.js';
import { detectSettings, type GivenSettings } from './detect-settings.js';
import { type Detection } from './detection.js';
import { SEVERITIES, type Finding, type NotChecked } from './finding.js';
import type { SignContext } from './probes/bind.js';
import { probeDatabase } from './probes/probe.js';
import { proofOf } from './proved.js';
import { readCatalog } from './read-catalog.js';
import type { AuditSettings } from './rule.js';
import { CATALOG_RULES } from './rules.js';
import { CITUS_RULES } from './rules/citus.js';
import { checkRows } from './rules/cross-tenant-rows.js';
import type { SourceReport } from './source/audit-source.js';
import { loadParser } from './sql-parse.js';

/** What to audit. */
export interface AuditRequest {
  /** The URL of the database, with any role that can connect. */
  readonly url: string;
  readonly given: GivenSettings;
  /** Also act as the application's role, and probe for another tenant's data. */
  readonly probes?: Probes | undefined;
  /** Also read the application code in this folder. */
  readonly source?: string | undefined;
  readonly baseline?: readonly Acceptance[] | undefined;
  /** Also look for what a database that Citus distributes must not have. */
  readonly citus?: boolean | undefined;
}

export interface Probes {
  /** The application's login; without it, the login of `url` switches to its role. */
  readonly applicationUrl?: string | undefined;
  /** The tenant to act as, and another whose rows must not be visible. */
  readonly tenants?: readonly [string, string] | undefined;
  /** Signs contexts for a Tenantry database with signed contexts. */
  readonly sign?: SignContext | undefined;
  /** Also call functions, and try what a connection keeps; default: only read relations. */
  readonly thorough?: boolean | undefined;
}

/** The result of the catalog's rules. */
export interface CatalogReport {
  /** The name of the database, and the version of its server: `15.18`. */
  readonly database: string;
  readonly server: string;
  readonly settings: AuditSettings;
  /** The detected settings, with the reasons. */
  readonly detections: readonly Detection[];
  /** The most severe first. */
  readonly findings: readonly Finding[];
  readonly notChecked: readonly NotChecked[];
  /** Sentences about what was shown to hold. */
  readonly proved: readonly string[];
  /** The number of audited relations. */
  readonly relations: number;
}

/** The result of the whole audit. */
export interface AuditReport extends CatalogReport {
  /** Accepted by the baseline, until a day, or by a comment in the code. */
  readonly accepted: readonly Accepted[];
  /** Entries of the baseline without a finding. */
  readonly stale: readonly Acceptance[];
}

export interface Accepted {
  readonly finding: Finding;
  readonly reason: string;
  readonly expires?: string | undefined;
}

/** @throws Error when the database cannot be reached, or the folder cannot be read */
export async function audit({
  url,
  given,
  probes,
  source,
  baseline = [],
  citus,
}: AuditRequest): Promise<AuditReport> {
  // A session with the default settings, because rules check them.
  const { catalog, report } = await withClient(url, (client) =>
    readOnly(client, () => auditCatalog(client, given, { citus })),
  );
  const { settings } = report;
  const probed = probes
    ? await probeDatabase({ catalog, settings, url, thorough: false, ...probes })
    : NOT_PROBED;
  const read = source === undefined ? NOT_READ : await readSource(source, settings);
  const judged = judge([...report.findings, ...probed.findings, ...read.findings], baseline, today());
  return {
    ...report,
    findings: inOrder(judged.findings),
    notChecked: [...report.notChecked, ...probed.notChecked, ...read.notChecked],
    proved: [...report.proved, ...probed.proved],
    accepted: [
      ...judged.accepted.map(({ finding, acceptance: { reason, expires } }) => ({
        finding,
        reason,
        expires,
      })),
      ...read.suppressed,
    ],
    stale: judged.stale,
  };
}

const NOT_PROBED = {
  findings: [],
  proved: [],
  notChecked: [
    { rule: 'P01', object: 'what the application’s role really gets', reason: 'the probes were left out' },
  ],
};
const NOT_READ = {
  findings: [],
  suppressed: [],
  notChecked: [{ rule: 'S01', object: 'the application’s code', reason: 'give --source DIR to read it' }],
};

/** Loading TypeScript's parser takes longer than most audits, so it is loaded only for code. */
async function readSource(folder: string, settings: AuditSettings): Promise<SourceReport> {
  const { auditSource } = await import('./source/audit-source.js');
  return auditSource(folder, namesOf(settings));
}

function namesOf({ tenantColumns, tenantSettings }: AuditSettings): {
  columns: readonly string[];
  settings: readonly string[];
} {
  return { columns: tenantColumns, settings: tenantSettings };
}

/** As 2026-11-21. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

async function readOnly<Result>(client: pg.ClientBase, work: () => Promise<Result>): Promise<Result> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
  try {
    return await work();
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Applies every rule to the catalog, within the caller's transaction, including uncommitted changes. */
export async function auditCatalog(
  client: pg.ClientBase,
  given: GivenSettings,
  { citus = false }: Pick<AuditRequest, 'citus'> = {},
): Promise<{ readonly catalog: Catalog; readonly report: CatalogReport }> {
  await loadParser();
  const catalog = await readCatalog(client);
  const { settings, detections } = detectSettings(catalog, given);
  const findings = CATALOG_RULES.flatMap((rule) => rule.check(catalog, settings));
  // They say nothing about the isolation on one server, so they are no part of the proof.
  const ofCitus = citus ? CITUS_RULES.flatMap((rule) => rule.check(catalog, settings)) : [];
  const notChecked = CATALOG_RULES.flatMap((rule) =>
    (rule.notChecked?.(catalog, settings) ?? []).map((each) => ({ rule: rule.id, ...each })),
  );
  const rows = await checkRows(client, catalog, settings);
  const proof = proofOf(catalog, settings, findings);
  const report: CatalogReport = {
    database: catalog.server.database,
    server: `${String(Math.floor(catalog.server.version / 10_000))}.${String(catalog.server.version % 10_000)}`,
    settings,
    detections,
    findings: inOrder([...findings, ...ofCitus, ...rows.findings]),
    notChecked: [...unknown(settings), ...proof.notChecked, ...notChecked, ...rows.notChecked],
    proved: proof.proved,
    relations: catalog.relations.filter(({ schema }) => settings.schemas.includes(schema)).length,
  };
  return { catalog, report };
}

/** Without a tenant column or a role the rules cannot be applied, which must not look like a good result. */
function unknown({ appRoles, tenantColumns }: AuditSettings): readonly NotChecked[] {
  const entries: NotChecked[] = [];
  if (tenantColumns.length === 0) {
    const reason = 'no tenant column is known: give it with --tenant-column';
    entries.push({ rule: 'T01', object: 'every table', reason });
  }
  if (appRoles.length === 0) {
    const reason = 'no application role is known: give it with --app-role';
    entries.push(
      ...['T02', 'T03', 'T18', 'T19'].map((rule) => ({ rule, object: 'the application’s role', reason })),
    );
  }
  return entries;
}

/** The most severe first, then by rule and object. */
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

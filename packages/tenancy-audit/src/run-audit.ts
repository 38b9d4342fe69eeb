/** The work of the command. Loaded only when it runs, because it imports two parsers. */
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import type { Command } from 'commander';
import { audit, type AuditReport, type Probes } from './audit.js';
import { BaselineError, parseBaseline, type Acceptance } from './baseline.js';
import { UnknownRoleError } from './detect-settings.js';
import { SEVERITIES } from './finding.js';
import { asMigration } from './fix-sql.js';
import { asJson } from './output/json.js';
import { asMarkdown } from './output/markdown.js';
import { asSarif } from './output/sarif.js';
import { asTable, printable } from './output/table.js';
import type { AuditOptions, Format, KnownDatabase } from './command.js';

const FORMATS: Readonly<Record<Format, (report: AuditReport) => string>> = {
  table: asTable,
  json: asJson,
  sarif: asSarif,
  markdown: asMarkdown,
};

/**
 * Audits the database of `url`, or the known one; prints the report, and sets the exit code: 1 for findings of the
 * severity `failOn` or higher, 2 when the rules could not be applied.
 */
export async function runAudit(
  url: string | undefined,
  options: AuditOptions,
  {
    command,
    known,
  }: { readonly command: Command; readonly known?: (() => Promise<KnownDatabase>) | undefined },
): Promise<void> {
  if (url === undefined && known === undefined) {
    command.error('error: which database? Give its URL: postgresql://user@host/database');
  }
  const report = await reportOf(url, options, known).catch((error: unknown) => {
    // An error of the arguments, not of the database.
    if (error instanceof BaselineError || error instanceof UnknownRoleError) command.error(error.message);
    throw error;
  });
  for (const { what, value, why } of report.detections) {
    process.stderr.write(printable(`Detected ${what}: ${value} (${why}).\n`));
  }
  process.stdout.write(options.fixSql === true ? asMigration(report) : FORMATS[options.format](report));
  if (report.settings.tenantColumns.length === 0) {
    command.error(
      'No tenant column is known, so that nothing was held against the rules: give it with --tenant-column.',
    );
  }
  const failing = SEVERITIES.slice(0, SEVERITIES.indexOf(options.failOn) + 1);
  if (report.findings.some(({ rule }) => failing.includes(rule.severity))) process.exitCode = 1;
}

async function reportOf(
  given: string | undefined,
  options: AuditOptions,
  known: (() => Promise<KnownDatabase>) | undefined,
): Promise<AuditReport> {
  const own = given === undefined ? await known?.() : undefined;
  return audit({
    url: given ?? own!.url,
    given: {
      appRoles: options.appRole ?? own?.appRoles,
      tenantColumns: options.tenantColumn,
      tenantSettings: options.tenantSetting,
      tenantsTable: options.tenantsTable,
      schemas: options.schema,
      sharedTables: options.sharedTable,
    },
    probes: probesOf(options, own),
    source: options.source,
    baseline: await baselineOf(options),
  });
}

function probesOf({ probe, probeTenants }: AuditOptions, own: KnownDatabase | undefined): Probes | undefined {
  if (probe === false) return undefined;
  const thorough = probe === true || probeTenants !== undefined;
  return { applicationUrl: own?.applicationUrl, tenants: probeTenants, sign: own?.sign, thorough };
}

async function baselineOf({ baseline }: AuditOptions): Promise<readonly Acceptance[]> {
  if (baseline === undefined) return [];
  const text = await readFile(baseline, 'utf8').catch(() => {
    throw new BaselineError(`The baseline ${baseline} cannot be read.`);
  });
  return parseBaseline(text);
}

/** The work of the command. Loaded only when it runs, because it imports two parsers. */
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import type { Command } from 'commander';
import { audit, today, type AuditReport, type Probes } from './audit.js';
import { BaselineError, baselineFor, parseBaseline, type Acceptance } from './baseline.js';
import { UnknownRoleError } from './detect-settings.js';
import { SEVERITIES } from './finding.js';
import { asMigration } from './fix-sql.js';
import { asJson } from './output/json.js';
import { asMarkdown } from './output/markdown.js';
import { readMigrations } from './output/migrations.js';
import { asTable, printable } from './output/table.js';
import type { AuditOptions, Format, KnownDatabase } from './command.js';

const FORMATS: Readonly<Record<Exclude<Format, 'table' | 'sarif'>, (report: AuditReport) => string>> = {
  json: asJson,
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
  if (options.write === true) {
    await writeBaseline(options.baseline, report, command);
    return;
  }
  process.stdout.write(await printed(report, options));
  if (report.settings.tenantColumns.length === 0) {
    command.error(
      'No tenant column is known, so that nothing was held against the rules: give it with --tenant-column.',
    );
  }
  const failing = SEVERITIES.slice(0, SEVERITIES.indexOf(options.failOn) + 1);
  if (report.findings.some(({ rule }) => failing.includes(rule.severity))) process.exitCode = 1;
}

async function printed(
  report: AuditReport,
  { fixSql, format, all, migrations }: AuditOptions,
): Promise<string> {
  if (fixSql === true) return asMigration(report);
  if (format === 'table') return asTable(report, { all: all === true });
  if (format !== 'sarif') return FORMATS[format](report);
  // It lists the rules over code too, and so loads TypeScript's parser.
  const { asSarif } = await import('./output/sarif.js');
  return asSarif(report, migrations === undefined ? undefined : await readMigrations(migrations));
}

async function writeBaseline(file: string | undefined, report: AuditReport, command: Command): Promise<void> {
  if (file === undefined) command.error('error: --write needs the file: --baseline FILE');
  await writeFile(file, baselineFor(report, today()));
  process.stderr.write(
    `${file} accepts ${String(report.findings.length + report.accepted.length)} findings: write the reasons into it.\n`,
  );
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
    citus: options.citus,
    baseline: await baselineOf(options),
  });
}

function probesOf({ probe, probeTenants }: AuditOptions, own: KnownDatabase | undefined): Probes | undefined {
  if (probe === false) return undefined;
  const thorough = probe === true || probeTenants !== undefined;
  return { applicationUrl: own?.applicationUrl, tenants: probeTenants, sign: own?.sign, thorough };
}

async function baselineOf({ baseline, write }: AuditOptions): Promise<readonly Acceptance[]> {
  if (baseline === undefined) return [];
  const text = await readFile(baseline, 'utf8').catch((error: unknown) => {
    const isNew = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (write === true && isNew) return '{"accepted": []}';
    throw new BaselineError(`The baseline ${baseline} cannot be read.`);
  });
  return parseBaseline(text);
}

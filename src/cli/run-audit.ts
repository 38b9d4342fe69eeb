/**
 * What `tenantry audit` does, apart from its options: loaded when it is asked for, since it brings parsers along that no
 * other command needs.
 */
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import type { Command } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { addressOf } from '../kernel/database/owner-connection.js';
import { createSign, type Sign } from '../kernel/database/context-signature.js';
import { audit, type AuditReport, type Probes } from '../tenancy-audit/audit.js';
import { BaselineError, parseBaseline, type Acceptance } from '../tenancy-audit/baseline.js';
import { UnknownRoleError } from '../tenancy-audit/detect-settings.js';
import { SEVERITIES } from '../tenancy-audit/finding.js';
import { asMigration } from '../tenancy-audit/fix-sql.js';
import { asJson } from '../tenancy-audit/output/json.js';
import { asMarkdown } from '../tenancy-audit/output/markdown.js';
import { asSarif } from '../tenancy-audit/output/sarif.js';
import { asTable, printable } from '../tenancy-audit/output/table.js';
import type { AuditOptions, Format } from './audit.js';
import { commandUrls } from './connect.js';

const FORMATS: Readonly<Record<Format, (report: AuditReport) => string>> = {
  table: asTable,
  json: asJson,
  sarif: asSarif,
  markdown: asMarkdown,
};

/** Prints the report, and sets the exit code: 1 for findings from `failOn` on, 2 where nothing could be held against the rules. */
export async function runAudit(options: AuditOptions, command: Command): Promise<void> {
  const report = await reportOf(options).catch((error: unknown) => {
    // What was given is wrong, not what was looked at.
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

async function reportOf(options: AuditOptions): Promise<AuditReport> {
  const own = options.databaseUrl === undefined ? await ownDatabase() : undefined;
  return audit({
    url: options.databaseUrl ?? own!.url,
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

/** Ours: the owner may look at rows that the application's role must not see, and what that role is called is known. */
async function ownDatabase(): Promise<OwnDatabase> {
  const { app, owner, contextKey } = await commandUrls(readConfig(process.env, 'command'));
  return {
    url: owner ?? app,
    applicationUrl: app,
    appRoles: [addressOf(app).user],
    sign: createSign(contextKey),
  };
}

interface OwnDatabase {
  readonly url: string;
  readonly applicationUrl: string;
  readonly appRoles: readonly string[];
  readonly sign: Sign;
}

function probesOf({ probe, probeTenants }: AuditOptions, own: OwnDatabase | undefined): Probes | undefined {
  if (probe !== true && probeTenants === undefined) return undefined;
  return { applicationUrl: own?.applicationUrl, tenants: probeTenants, sign: own?.sign };
}

async function baselineOf({ baseline }: AuditOptions): Promise<readonly Acceptance[]> {
  if (baseline === undefined) return [];
  const text = await readFile(baseline, 'utf8').catch(() => {
    throw new BaselineError(`The baseline ${baseline} cannot be read.`);
  });
  return parseBaseline(text);
}

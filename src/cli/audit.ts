import process from 'node:process';
import { Command, Option } from 'commander';
import { readConfig } from '../config.js';
import { addressOf, withClient } from '../database/owner-connection.js';
import { auditDatabase, type AuditReport } from '../tenancy-audit/audit.js';
import { SEVERITIES, type Severity } from '../tenancy-audit/finding.js';
import { asJson } from '../tenancy-audit/output/json.js';
import { asTable } from '../tenancy-audit/output/table.js';
import { commandUrls } from './connect.js';

const FORMATS: Readonly<Record<string, (report: AuditReport) => string>> = { table: asTable, json: asJson };

interface Options {
  readonly databaseUrl?: string;
  readonly appRole?: readonly string[];
  readonly tenantColumn?: readonly string[];
  readonly tenantSetting?: readonly string[];
  readonly tenantsTable?: string;
  readonly schema?: readonly string[];
  readonly sharedTable?: readonly string[];
  readonly format: string;
  readonly failOn: Severity;
}

/** `tenantry audit` looks for tenancy defects in a live database: ours, or anybody's. */
export const auditCommand = (): Command =>
  new Command('audit')
    .description('Look for defects of tenant isolation in a live PostgreSQL; a read-only login is enough')
    .option('--database-url <url>', 'the database to look at, as any role')
    .option('--app-role <role...>', 'what the application connects or acts as; detected when left out')
    .option('--tenant-column <name...>', 'the column that says whose a row is; detected when left out')
    .option('--tenant-setting <name...>', 'the setting that carries the tenant; detected when left out')
    .option('--tenants-table <name>', 'the table of the tenants; detected when left out')
    .option('--schema <name...>', 'look at these schemas only')
    .option('--shared-table <name...>', 'tables that are meant for all tenants')
    .addOption(
      new Option('--format <format>', 'how to print it').choices(Object.keys(FORMATS)).default('table'),
    )
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 from this severity on')
        .choices(SEVERITIES)
        .default('minor'),
    )
    .action(async (options: Options) => {
      const { url, appRoles } =
        options.databaseUrl === undefined ? await ownDatabase() : { url: options.databaseUrl };
      const report = await withClient(url, (client) =>
        auditDatabase(client, {
          appRoles: options.appRole ?? appRoles,
          tenantColumns: options.tenantColumn,
          tenantSettings: options.tenantSetting,
          tenantsTable: options.tenantsTable,
          schemas: options.schema,
          sharedTables: options.sharedTable,
        }),
      );
      for (const { what, value, why } of report.detections) {
        process.stderr.write(`Detected ${what}: ${value} (${why}).\n`);
      }
      process.stdout.write(FORMATS[options.format]!(report));
      const failing = SEVERITIES.slice(0, SEVERITIES.indexOf(options.failOn) + 1);
      if (report.findings.some(({ rule }) => failing.includes(rule.severity))) process.exitCode = 1;
    });

/** Ours: the owner may look at rows that the application's role must not see, and what that role is called is known. */
async function ownDatabase(): Promise<{ url: string; appRoles?: readonly string[] }> {
  const { app, owner } = await commandUrls(readConfig());
  return { url: owner ?? app, appRoles: [addressOf(app).user] };
}

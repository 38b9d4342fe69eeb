/** The command and its options. Loads quickly, because the work is in run-audit.ts. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Severity } from './finding.js';
import type { SignContext } from './probes/bind.js';

const FORMATS = ['table', 'json', 'sarif', 'markdown'] as const;
export type Format = (typeof FORMATS)[number];
const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor'];

/** The parsed options. */
export interface AuditOptions {
  readonly databaseUrl?: string;
  readonly appRole?: readonly string[];
  readonly tenantColumn?: readonly string[];
  readonly tenantSetting?: readonly string[];
  readonly tenantsTable?: string;
  readonly schema?: readonly string[];
  readonly sharedTable?: readonly string[];
  readonly source?: string;
  readonly citus?: boolean;
  readonly probe?: boolean;
  readonly probeTenants?: readonly [string, string];
  readonly baseline?: string;
  readonly write?: boolean;
  readonly migrations?: string;
  readonly all?: boolean;
  readonly format: Format;
  readonly fixSql?: boolean;
  readonly failOn: Severity;
}

/** The database that the command audits without a URL, given by its caller. */
export interface KnownDatabase {
  /** The URL of a role that may read all rows, if there is one. */
  readonly url: string;
  /** The application's URL. */
  readonly applicationUrl: string;
  readonly appRoles: readonly string[];
  /** Signs contexts for a Tenantry database with signed contexts. */
  readonly sign: SignContext;
}

/**
 * The command that finds defects of tenant isolation in a live database.
 *
 * @param name the name in its help
 * @param known the database without a URL; if undefined, a URL is required
 */
export const auditCommand = (name: string, known?: () => Promise<KnownDatabase>): Command =>
  new Command(name)
    .argument('[url]', 'the database to look at, as any role: postgresql://user@host/database')
    .option('--database-url <url>', `the same${known === undefined ? '' : '; ours when both are left out'}`)
    .option('--app-role <role...>', 'what the application connects or acts as; detected when left out')
    .option('--tenant-column <name...>', 'the column that says whose a row is; detected when left out')
    .option('--tenant-setting <name...>', 'the setting that carries the tenant; detected when left out')
    .option('--tenants-table <name>', 'the table of the tenants; detected when left out')
    .option('--schema <name...>', 'look at these schemas only')
    .option('--shared-table <name...>', 'tables that are meant for all tenants')
    .option('--source <folder>', 'read the application code below it as well')
    .option('--citus', 'also look for what a database that Citus distributes must not have')
    .option(
      '--probe',
      'try more as the application’s role: also call functions, and look at what a connection keeps',
    )
    .option('--no-probe', 'do not read as the application’s role at all')
    .option('--probe-tenants <a,b>', 'the two tenants to try it with; found when left out', twoTenants)
    .option('--baseline <file>', 'accepted findings, each with a reason and a day on which that ends')
    .option('--write', 'accept all findings of today in the file of --baseline, for 90 days')
    .option('--migrations <folder>', 'the SQL files that made the database, for the places in SARIF')
    .option('--all', 'print every finding of the table; otherwise more than eight alike are folded')
    .addOption(new Option('--format <format>', 'how to print it').choices(FORMATS).default('table'))
    .option('--fix-sql', 'print a migration that mends what SQL can mend, instead of a report')
    .addOption(
      new Option('--fail-on <severity>', 'exit with 1 from this severity on')
        .choices(SEVERITIES)
        .default('minor'),
    )
    .action(async (url: string | undefined, options: AuditOptions, command: Command) => {
      if (url !== undefined && options.databaseUrl !== undefined) {
        command.error('error: the URL of the database is given twice');
      }
      const { runAudit } = await import('./run-audit.js');
      await runAudit(url ?? options.databaseUrl, options, { command, known });
    });

function twoTenants(text: string): readonly [string, string] {
  const [tenant, other, ...more] = text.split(',').map((each) => each.trim());
  if (tenant === undefined || other === undefined || more.length > 0) {
    throw new InvalidArgumentError('Two tenants, with a comma between them.');
  }
  return [tenant, other];
}

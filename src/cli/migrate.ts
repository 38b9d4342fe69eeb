import { relative } from 'node:path';
import process from 'node:process';
import { Command } from 'commander';
import { tenantryCommand } from '../kernel/config/command-line.js';
import { cellVariable, type CellConfig } from '../kernel/config/cells.js';
import { readConfig } from '../kernel/config/config.js';
import { PRISMA_FOLDER } from '../kernel/database/migration/folder.js';
import { MigrationError } from '../kernel/database/migration-error.js';
import { createMigration } from '../kernel/database/migration/migrations.js';
import { migrationStatus } from '../kernel/database/migration/status.js';
import { addressOf, withClient } from '../kernel/database/owner-connection.js';
import { migrate } from '../kernel/database/preparation/prepare.js';
import { ensureRoles } from '../kernel/database/preparation/roles.js';
import { removeOrphans } from '../kernel/database/schemas/make-schema.js';
import { migrateSchemas } from '../kernel/database/schemas/migrate-schemas.js';
import { auditFindings } from './audit-findings.js';
import { commandUrls, demand } from './connect.js';
import { migrateCells } from './migrate-cells.js';
import { printRows } from './output.js';

interface MigrateOptions {
  readonly rolesOnly?: true;
  readonly status?: true;
  readonly json?: true;
}

/** `tenantry migrate` applies the missing migrations of this version; with `--status` it only says what is missing. */
export const migrateCommand = (): Command =>
  new Command('migrate')
    .option('--roles-only', 'create the missing roles and the database, for a backup to be restored into')
    .option(
      '--status',
      'change nothing, and say what the database has; exit with 1 when it is not up to date',
    )
    .option('--json', 'print the status as a line of JSON, as when it goes to a program')
    .action(async ({ rolesOnly, status, json }: MigrateOptions) => {
      const config = readConfig(process.env, 'command');
      const { app, owner, operator, contextKey } = await commandUrls(config);
      if (status) {
        await printStatus(app, json, config.cells.length > 0 ? 'default' : undefined);
        for (const { name, url } of config.cells) await printStatus(url, json, name);
        return;
      }
      const urls = { app, owner: demand(owner, 'DATABASE_OWNER_URL'), operator };
      if (rolesOnly) {
        await ensureRoles(urls);
        for (const cell of config.cells) await ensureRoles(urlsOf(cell));
        return;
      }
      // Before the first change, so that none is left out for a missing variable.
      const cells = config.cells.map((cell) => ({ name: cell.name, urls: urlsOf(cell) }));
      const applied = await migrate(urls, contextKey);
      for (const name of applied) process.stdout.write(`${name}\n`);
      const told = applied.length > 0 ? `Applied ${applied.length}.` : 'Nothing to apply.';
      process.stderr.write(cells.length > 0 ? `Cell default: ${told}\n` : `${told}\n`);
      const brought = await bringSchemas(urls.owner);
      if (brought !== '') process.stderr.write(`${brought}\n`);
      await migrateCells(
        cells,
        async (cell) => {
          const { length } = await migrate(cell.urls, contextKey);
          return `Applied ${String(length)}. ${await bringSchemas(cell.urls.owner)}`.trim();
        },
        (line) => void process.stderr.write(`${line}\n`),
      );
    });

/** @returns what was done; '' for nothing. @throws MigrationError when a schema of a tenant could not be brought up to date */
async function bringSchemas(owner: string): Promise<string> {
  const orphans = await removeOrphans(owner);
  const brought = await migrateSchemas(owner);
  return [
    ...orphans.map(({ schema, removed }) =>
      removed
        ? `Removed the schema ${schema}, which had no tenant and no rows.`
        : `The schema ${schema} has no tenant, and had rows: look at it before you drop it.`,
    ),
    ...(brought > 0 ? [`Schemas of tenants: ${String(brought)} brought up to date.`] : []),
  ].join(' ');
}

/** @throws ConfigError without the URL of the cell's owner */
const urlsOf = ({ name, url: app, ownerUrl, operatorUrl: operator }: CellConfig) => ({
  app,
  owner: demand(ownerUrl, cellVariable(name, 'OWNER')),
  operator,
});

/** @param cell its name, where there are several */
async function printStatus(url: string, json: true | undefined, cell: string | undefined): Promise<void> {
  try {
    await printStatusOf(url, json, cell);
  } catch (error) {
    if (cell === undefined || !(error instanceof MigrationError)) throw error;
    // The others are told, too.
    printRows([{ cell, database: addressOf(url).database, isUpToDate: false, problem: error.message }], {
      json,
    });
    process.exitCode = 1;
  }
}

async function printStatusOf(url: string, json: true | undefined, cell: string | undefined): Promise<void> {
  const { applied, missing, newer, problem, schemas, schemasBehind } = await withClient(url, (client) =>
    migrationStatus((sql) => client.query(sql)),
  );
  const isUpToDate =
    missing.length === 0 && newer.length === 0 && problem === undefined && schemasBehind === 0;
  printRows(
    [
      {
        ...(cell !== undefined && { cell }),
        database: addressOf(url).database,
        applied,
        missing,
        newer,
        ...(schemas > 0 && { schemas, schemasBehind }),
        isUpToDate,
        problem,
      },
    ],
    { json },
  );
  if (!isUpToDate) process.exitCode = 1;
}

/** `tenantry migration new NAME` writes the migration for changed Prisma models. */
export const migrationCommand = (): Command => {
  const command = new Command('migration');
  command
    .command('new')
    .description(
      'Write the migration from the present migrations to the Prisma models; protects new tenant tables',
    )
    .argument('<name>', 'a-z, 0-9 and _, such as add_invoices')
    .action(async (name: string) => {
      const { owner } = await commandUrls(readConfig(process.env, 'command'));
      const created = await createMigration(name, demand(owner, 'DATABASE_OWNER_URL'), PRISMA_FOLDER, {
        inspect: auditFindings,
      });
      if (created) {
        process.stdout.write(`${relative(process.cwd(), created.directory)}/migration.sql\n`);
        process.stderr.write(`Read it, then apply it: ${tenantryCommand('migrate')}\n`);
      } else {
        process.stderr.write('The models and the migrations agree: nothing to do.\n');
      }
    });
  return command;
};

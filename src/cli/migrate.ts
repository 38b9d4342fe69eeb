import { relative } from 'node:path';
import process from 'node:process';
import { Command } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { PRISMA_FOLDER } from '../kernel/database/migration/folder.js';
import { createMigration } from '../kernel/database/migration/migrations.js';
import { migrate } from '../kernel/database/preparation/prepare.js';
import { ensureRoles } from '../kernel/database/preparation/roles.js';
import { auditFindings } from './audit-findings.js';
import { commandUrls, demand } from './connect.js';

/** `tenantry migrate` applies the missing migrations of this version. */
export const migrateCommand = (): Command =>
  new Command('migrate')
    .option('--roles-only', 'create the missing roles and the database, for a backup to be restored into')
    .action(async ({ rolesOnly }: { rolesOnly?: true }) => {
      const { app, owner, operator, contextKey } = await commandUrls(readConfig(process.env, 'command'));
      const urls = { app, owner: demand(owner, 'DATABASE_OWNER_URL'), operator };
      if (rolesOnly) return ensureRoles(urls);
      const applied = await migrate(urls, contextKey);
      for (const name of applied) process.stdout.write(`${name}\n`);
      process.stderr.write(applied.length > 0 ? `Applied ${applied.length}.\n` : 'Nothing to apply.\n');
    });

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
        process.stderr.write('Read it, then apply it: npm run tenantry -- migrate\n');
      } else {
        process.stderr.write('The models and the migrations agree: nothing to do.\n');
      }
    });
  return command;
};

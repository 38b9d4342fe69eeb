import process from 'node:process';
import { Command } from 'commander';
import { tenantryCommand } from '../kernel/config/command-line.js';
import { readConfig } from '../kernel/config/config.js';
import { commandUrls, demand } from './connect.js';
import { writeModule } from './module/write-module.js';

interface NewOptions {
  readonly migration: boolean;
  readonly quota?: boolean;
  readonly without?: readonly string[];
}

/** `tenantry module new MODEL` writes the module of a Prisma model, as code that its owner edits. */
export const moduleCommand = (): Command => {
  const command = new Command('module');
  command
    .command('new')
    .description('Write the migration and the module of a model in prisma/*.prisma, and register it')
    .argument('<model>', 'as the Prisma models call it: Invoice')
    .option('--no-migration', 'write the module only')
    .option('--quota', 'let plans limit how many rows a tenant has')
    .option('--without <models...>', 'related models that the API shall not show')
    .action(async (model: string, { migration, quota, without = [] }: NewOptions) => {
      const ownerUrl = migration
        ? demand((await commandUrls(readConfig(process.env, 'command'))).owner, 'DATABASE_OWNER_URL')
        : undefined;
      const { written, changed, leftOut } = await writeModule(process.cwd(), model, ownerUrl, {
        hasQuota: quota === true,
        without,
      });
      for (const file of written) process.stdout.write(`${file}\n`);
      for (const file of changed) process.stderr.write(`changed: ${file}\n`);
      for (const what of leftOut) process.stderr.write(`left out: ${what}\n`);
      process.stderr.write(
        `Read them, and make them yours. Then: ${tenantryCommand('migrate')} && npm run generate && npm run check\n`,
      );
    });
  return command;
};

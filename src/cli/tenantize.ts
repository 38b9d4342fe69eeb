import { relative } from 'node:path';
import process from 'node:process';
import type { Plan, Project, TenantizeOptions } from '@tenantry/tenantize';
import { Command, Option } from 'commander';
import { tenantryCommand } from '../kernel/config/command-line.js';
import { readConfig } from '../kernel/config/config.js';
import { developmentPackage } from '../kernel/config/development-package.js';
import { commandUrls, demand } from './connect.js';
import { tenantizeProject } from './tenantize-project.js';

interface Options extends TenantizeOptions {
  readonly finish?: boolean;
  readonly undo?: boolean;
}

/** `tenantry tenantize TABLE …` writes the migrations that make existing tables tenant-scoped while they are in use. */
export const tenantizeCommand = (): Command => {
  const command = new Command('tenantize')
    .argument('<table...>', 'the table, and those that point at it')
    .option('--tenant <slug>', 'all rows belong to this tenant')
    .option('--tenant-expression <sql>', 'the id of a row’s tenant, over the columns of the first table')
    .option('--fire-triggers', 'let the table’s own triggers fire for every row')
    .option('--finish', 'write the second part, for when no old code runs any more')
    .addOption(new Option('--undo', 'undo the first part').conflicts('finish'))
    .action(async (tables: string[], options: Options) => {
      const rules = [options.tenant, options.tenantExpression].filter((rule) => rule !== undefined);
      const begins = options.finish !== true && options.undo !== true;
      if (begins !== (rules.length === 1)) {
        command.error(
          'error: say whose the rows are with --tenant or --tenant-expression; --finish and --undo take none',
        );
      }
      const { owner } = await commandUrls(readConfig(process.env, 'command'));
      await run(tenantizeProject(demand(owner, 'DATABASE_OWNER_URL')), tables, options);
    });
  return command;
};

async function run(project: Project, tables: readonly string[], options: Options): Promise<void> {
  const { finishTenantize, shellWords, tenantize, undoTenantize } = await developmentPackage(
    import('@tenantry/tenantize'),
    'tenantize writes migrations into a checkout and is not installed with the server: run it in a checkout of ' +
      'this version, after `npm ci` without --omit=dev (and `npm run build`, where dist is run).',
  );
  if (options.undo === true) {
    const undone = await undoTenantize(project, tables);
    for (const name of undone) process.stdout.write(`${name}\n`);
    process.stderr.write(`Undid ${undone.length}. Delete their folders, or they are applied again.\n`);
  } else if (options.finish === true) {
    print(await finishTenantize(project, tables));
    process.stderr.write(
      `The point of no return is the first of these. Apply them when no old code runs any more: ${tenantryCommand('migrate')}\n`,
    );
  } else {
    print(await tenantize(project, tables, options));
    process.stderr.write(
      `Read them, then apply them: ${tenantryCommand('migrate')}. Then let the new code run beside the old one, and when\n` +
        `no old code runs any more: ${tenantryCommand(`tenantize ${shellWords(tables)} --finish`)}\n` +
        `Until that is applied there is a way back: ${tenantryCommand(`tenantize ${shellWords(tables)} --undo`)}\n`,
    );
  }
}

/** The names of the migrations go to stdout, the explanations to stderr. */
function print({ steps, models }: Plan): void {
  for (const { directory, name, does, locks, lasts } of steps) {
    process.stdout.write(`${relative(process.cwd(), directory)}/migration.sql\n`);
    process.stderr.write(`${name}\n  ${does}\n  locks: ${locks}: ${lasts}\n`);
  }
  process.stderr.write(`\nIn the Prisma models:\n\n${models}\n\n`);
}

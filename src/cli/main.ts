#!/usr/bin/env node
/**
 * The `tenantry` command. Data goes to stdout, talk to stderr. Exit status: 0 done, 1 what was asked does not hold or
 * failed, 2 wrong use.
 */
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { explain } from '../explain.js';
import { auditCommand } from './audit.js';
import { contextKeyCommand } from './context-key.js';
import { documentsCommand } from './documents.js';
import { migrateCommand, migrationCommand } from './migrate.js';
import { schemaCommand } from './schema.js';
import { seedCommand } from './seed.js';
import { tenantCommand } from './tenant.js';
import { tenantizeCommand } from './tenantize.js';
import { tokenCommand } from './token.js';

const program = new Command('tenantry')
  .description(
    'Works on a Tenantry server’s database: the one of DATABASE_URL, or of the `npm start` that runs here.',
  )
  .configureHelp({ showGlobalOptions: true });
for (const command of [
  tokenCommand(),
  seedCommand(),
  migrateCommand(),
  migrationCommand(),
  contextKeyCommand(),
  schemaCommand(),
  documentsCommand(),
  tenantCommand(),
  tenantizeCommand(),
  auditCommand(),
]) {
  program.addCommand(command);
}
exitByError(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
}
// To the last byte: process.exit does not wait for a pipe that is full. (A reader that has gone is no concern of ours.)
process.stdout.on('error', () => process.exit());
await new Promise((written) => process.stdout.write('', written));
// Everything is closed. Prisma's migration engine leaves a timer of ten seconds that would keep the process.
process.exit();

/** Commander would exit by itself, with 1 for wrong use. Subcommands inherit nothing, so each is told. */
function exitByError(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) exitByError(sub);
}

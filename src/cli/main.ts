#!/usr/bin/env node
/**
 * The `tenantry` command. Data goes to stdout, talk to stderr. Exit status: 0 done, 1 what was asked does not hold or
 * failed, 2 wrong use.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { loadEnvironmentFile } from '../kernel/config/environment-file.js';
import { COMMANDS } from './commands.js';

loadEnvironmentFile();
const program = new Command('tenantry')
  .description(
    'Works on the database of a Tenantry server: the one of DATABASE_URL, or the one that `npm start` runs here.',
  )
  .version(versionOf(new URL('../../package.json', import.meta.url)))
  .configureHelp({ showGlobalOptions: true });

try {
  await addCommands(program, process.argv.slice(2));
  exitByError(program);
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    // It knows the errors of every part of the server: loaded when there is one to explain.
    const { explain } = await import('../explain.js');
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
}
// To the last byte: process.exit does not wait for a pipe that is full. A reader that has gone is not an error.
process.stdout.on('error', () => process.exit());
await new Promise((written) => process.stdout.write('', written));
// Everything is closed. Prisma's migration engine leaves a timer of ten seconds that would keep the process.
process.exit();

/** Loads the command that was named. The others are listed by name only: each may load the whole server. */
async function addCommands(parent: Command, words: readonly string[]): Promise<void> {
  for (const [name, { description, load }] of Object.entries(COMMANDS)) {
    const command = words.includes(name) ? await load() : new Command(name);
    parent.addCommand(command.description(description));
  }
}

/** Commander would exit by itself, with 1 for wrong use. Subcommands inherit nothing, so each is told. */
function exitByError(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) exitByError(sub);
}

function versionOf(file: URL): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

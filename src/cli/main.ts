#!/usr/bin/env node
/**
 * The `tenantry` command. Data goes to stdout, messages to stderr. Exit status: 0 success, 1 a failed check or an
 * error, 2 wrong use, 3 an answer that lacks what is in cells that are away.
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
    // Loaded only to explain an error, because it imports the errors of every part of the server.
    const { explain } = await import('../explain.js');
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
}
// Waits until everything is written, because process.exit does not wait for a full pipe. A closed reader is no error.
process.stdout.on('error', () => process.exit());
await new Promise((written) => process.stdout.write('', written));
// Everything is closed, but a ten-second timer of Prisma's migration engine would keep the process alive.
process.exit();

/** Loads the named command. The others are only listed by name, because each may load the whole server. */
async function addCommands(parent: Command, words: readonly string[]): Promise<void> {
  for (const [name, { description, load }] of Object.entries(COMMANDS)) {
    const command = words.includes(name) ? await load() : new Command(name);
    parent.addCommand(command.description(description));
  }
}

/** By default Commander exits with 1 for wrong use. Subcommands do not inherit the override, so each gets it. */
function exitByError(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) exitByError(sub);
}

function versionOf(file: URL): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

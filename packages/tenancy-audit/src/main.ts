#!/usr/bin/env node
/**
 * The `tenantry-audit` command. The report goes to stdout, everything else to stderr. Exit status: 0 no findings of the
 * severity --fail-on or higher, 1 findings or a failure, 2 wrong use.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { CommanderError } from 'commander';
import { auditCommand } from './command.js';
import { AuditConnectionError } from './connection.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const program = auditCommand('tenantry-audit')
  .description(
    'Looks for defects of tenant isolation in a live PostgreSQL. It changes nothing, and any login will do.',
  )
  .version(version)
  .exitOverride();

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

/** The message of an expected failure, the stack of a defect. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof AuditConnectionError ? error.message : (error.stack ?? error.message);
}

#!/usr/bin/env node
/**
 * `tenantry-attack`, in this repository `npm run attack`: attacks a running server as the users of one tenant, with the
 * values of another. Exit status: 0 no breaches, 1 breaches, 2 it could not run.
 */
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import type { Observer } from './campaign.js';
import { callerOf, demandAnswer, demoTokens, demoUrl, keyOf } from './callers.js';
import { followLog } from './log-file.js';
import { isClean, printReport } from './report.js';
import { attack } from './run.js';
import { readSchemaFile } from './schema.js';
import { countStatements } from './statement-count.js';

interface Options {
  readonly url?: string;
  readonly tokenA?: readonly string[];
  readonly keyA?: readonly string[];
  readonly tokenB?: readonly string[];
  readonly schema?: string;
  readonly write?: true;
  readonly shared?: readonly string[];
  readonly notAttacked?: readonly string[];
  readonly baseDomain?: string;
  readonly databaseUrl?: string;
  readonly logFile?: string;
  readonly json?: true;
}

const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

const program = new Command('tenantry-attack')
  .description('Attacks a running Tenantry: as users of tenant A, with what belongs to tenant B.')
  .option('--url <url>', 'the GraphQL endpoint; by default that of the running `npm start`')
  .option(
    '--token-a <token>',
    'of a user of the attacking tenant; the first may do everything, others less',
    several,
  )
  .option(
    '--key-a <key>',
    'an API key of the attacking tenant with few permissions, tried on its own data alone',
    several,
  )
  .option('--token-b <token>', 'of a user of its victim', several)
  .option('--write', 'change both tenants: they must be expendable, and B’s users may get mails')
  .option('--schema <file>', 'the schema as SDL, where introspection is closed')
  .option('--shared <value>', 'a value that both tenants have, rightly', several)
  .option(
    '--not-attacked <name>',
    'known not to be attacked, as the report names it: Mutation.acceptInvitation',
    several,
  )
  .option('--base-domain <domain>', 'tenants have hosts below it (default: the host of the URL)')
  .option('--database-url <url>', 'counts SQL statements, by pg_stat_statements')
  .option('--log-file <file>', 'the server writes its log there: it is searched as well')
  .option('--json', 'print the report as JSON')
  .allowExcessArguments(false)
  .exitOverride();

async function main(): Promise<boolean> {
  const options = program.parse().opts<Options>();
  const talk = (what: string) => void process.stderr.write(`${what}\n`);
  if ((options.tokenA === undefined) !== (options.tokenB === undefined)) {
    throw new Error('Give both --token-a and --token-b, or none for the demo tenants of `npm start`.');
  }
  const url = options.url === undefined ? await demoUrl() : new URL(options.url);
  await demandAnswer(url);
  if (!options.tokenA) talk('asking the demo for tokens of acme (A) and globex (B)');
  const demo = options.tokenA ? undefined : await demoTokens();
  const statements =
    options.databaseUrl === undefined ? undefined : await countStatements(options.databaseUrl);
  try {
    const log = options.logFile === undefined ? undefined : await followLog(options.logFile);
    const observer: Observer = { ...(statements && { statements: statements.during }), ...(log && { log }) };
    const report = await attack({
      url,
      attackers: (options.tokenA ?? demo!.a).map((token, n) => callerOf(token, 'A', n)),
      victims: (options.tokenB ?? demo!.b).map((token, n) => callerOf(token, 'B', n)),
      ...(options.keyA && { lesser: options.keyA.map((key, n) => keyOf(key, n)) }),
      write: options.write ?? false,
      observer,
      progress: talk,
      ...(options.shared && { shared: options.shared }),
      ...(options.notAttacked && { notAttacked: options.notAttacked }),
      ...(options.schema !== undefined && { schema: await readSchemaFile(options.schema) }),
      ...(options.baseDomain !== undefined && { baseDomain: options.baseDomain }),
    });
    process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : `\n${printReport(report)}`);
    return isClean(report);
  } finally {
    await statements?.close();
  }
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  const isHelp = error instanceof CommanderError && error.exitCode === 0;
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  }
  process.exitCode = isHelp ? 0 : 2;
}

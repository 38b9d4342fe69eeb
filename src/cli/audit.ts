import process from 'node:process';
import { Command, Option } from 'commander';
import type { KnownDatabase } from 'tenantry-audit/command';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig } from '../kernel/config/config.js';
import { addressOf } from '../kernel/database/owner-connection.js';
import { developmentPackage } from '../kernel/config/development-package.js';
import { createSign, signContext } from '../kernel/database/context-signature.js';
import { demandCell, tellAway } from './as-operator.js';
import { commandUrls } from './connect.js';

/**
 * `tenantry audit` is `tenantry-audit` (packages/tenancy-audit), which audits Tenantry's database when no other is
 * given. When that package is not installed, the command throws ConfigError when it runs, not when this file is loaded.
 */
export async function auditCommand(): Promise<Command> {
  try {
    const audit = await developmentPackage(import('tenantry-audit/command'), NOT_INSTALLED);
    return audit
      .auditCommand('audit', () => ownDatabase(undefined))
      .option('--cell <name>', 'audit the database of this cell, instead of the default one')
      .addOption(
        new Option(
          '--all-cells',
          'audit the databases of all cells, one report after the other; exit status 3 when one is away',
        ).conflicts(['cell', 'databaseUrl']),
      )
      .action(
        async (url: string | undefined, { cell, allCells, ...options }: CellOptions, command: Command) => {
          if (allCells && url !== undefined)
            command.error('error: --all-cells names the databases by itself');
          for (const name of allCells ? allCellNames() : [cell]) {
            if (allCells) process.stderr.write(`Cell ${name ?? 'default'}:\n`);
            const one = audit.auditCommand('audit', () => ownDatabase(name)).copyInheritedSettings(command);
            for (const [option, value] of Object.entries(options)) one.setOptionValue(option, value);
            try {
              await one.parseAsync(url === undefined ? [] : [url], { from: 'user' });
            } catch (error) {
              if (!allCells || !(error instanceof Error && error.name === 'AuditConnectionError'))
                throw error;
              tellAway({ name: name ?? 'default', error });
            }
          }
        },
      );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return new Command('audit')
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw error;
      });
  }
}

const NOT_INSTALLED =
  'The audit is not installed with the server: run it in a checkout (docs/tenantry-audit.md), or run `npm ci` ' +
  'without --omit=dev (and `npm run build`, where dist is run).';

interface CellOptions extends Record<string, unknown> {
  readonly cell?: string;
  readonly allCells?: true;
}

const allCellNames = (): readonly (string | undefined)[] => [
  undefined,
  ...readConfig(process.env, 'command').cells.map(({ name }) => name),
];

/** The owner's connection, which may read all rows, and the name of the application's role. */
async function ownDatabase(cell: string | undefined): Promise<KnownDatabase> {
  const config = readConfig(process.env, 'command');
  const { contextKey, ...home } = await commandUrls(config);
  if (cell !== undefined) demandCell(cell);
  const found = config.cells.find(({ name }) => name === cell);
  const { app, owner } = found ? { app: found.url, owner: found.ownerUrl } : home;
  const sign = createSign(contextKey);
  return {
    url: owner ?? app,
    applicationUrl: app,
    appRoles: [addressOf(app).user],
    sign: (context) => signContext(sign, context),
  };
}

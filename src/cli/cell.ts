import process from 'node:process';
import { Command } from 'commander';
import { readConfig } from '../kernel/config/config.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { withClient } from '../kernel/database/owner-connection.js';
import { checkRuntimeRole } from '../kernel/database/preparation/prepare.js';
import { findCell, listCells, setCell } from '../services/operator/cells.js';
import { explain } from '../explain.js';
import { asOperator, demandCell } from './as-operator.js';
import { commandUrls } from './connect.js';
import { printRows } from './output.js';

interface Told {
  readonly json?: boolean;
}

/** `tenantry cell …` works on the cells: docs/cells.md. */
export const cellCommand = (): Command => {
  const command = new Command('cell');
  command
    .command('add')
    .description('Add a cell, whose database has to be migrated')
    .argument('<name>', 'that of CELL_<NAME>_URL, in lower case')
    .option('--json', 'print JSON also on a terminal')
    .action(async (name: string, options: Told) => {
      await check(name);
      await change(name, false, options);
    });
  command
    .command('list')
    .description('Print the cells beside the default one, with the number of their tenants')
    .option('--json', 'print JSON also on a terminal')
    .action(async (options: Told) => printRows(await asOperator(listCells), options, NO_CELLS));
  command
    .command('drain')
    .description('Place no further tenant in a cell; with --end, place tenants there again')
    .argument('<name>')
    .option('--end', 'take new tenants again')
    .option('--json', 'print JSON also on a terminal')
    .action(async (name: string, { end = false, ...options }: Told & { readonly end?: boolean }) => {
      await asOperator((connection) => findCell(connection, name));
      await change(name, !end, options);
    });
  command
    .command('check')
    .description('Say whether servers can serve the cells; exit with 1 when one cannot')
    .argument('[name]', 'default: all of them')
    .option('--json', 'print JSON also on a terminal')
    .action(async (name: string | undefined, options: Told) => {
      const names = name === undefined ? (await asOperator(listCells)).map((cell) => cell.name) : [name];
      const found = [];
      for (const each of names) {
        const problem = await check(each).then(
          () => null,
          (error: unknown) => explain(error),
        );
        found.push({ name: each, isServed: problem === null, problem });
        if (problem !== null) process.exitCode = 1;
      }
      printRows(found, options, NO_CELLS);
    });
  return command;
};

const NO_CELLS = 'There are no cells beside the default one.';

async function change(name: string, draining: boolean, options: Told): Promise<void> {
  const cell = await asOperator(async (connection) => {
    await setCell(connection, name, draining);
    return findCell(connection, name);
  });
  printRows([cell], options);
}

/** @throws ConfigError or MigrationError with one sentence: what is wrong with the cell */
async function check(name: string): Promise<void> {
  demandCell(name);
  const config = readConfig(process.env, 'command');
  const { app, contextKey } = await commandUrls(config);
  const places = new Map([[await identityOf(app), 'DATABASE_URL']]);
  // One database under two names would have each of its tenants in two cells.
  for (const { name: other, url } of config.cells) {
    if (other !== name)
      await identityOf(url).then(
        (known) => places.set(known, `the cell ${other}`),
        () => undefined,
      );
  }
  const { url } = config.cells.find((cell) => cell.name === name)!;
  await checkRuntimeRole(url, contextKey);
  const same = places.get(await identityOf(url));
  if (same !== undefined) throw new ConfigError(`The cell ${name} is the same database as ${same}.`);
}

const identityOf = (url: string): Promise<string> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ identity: string }>(
      `SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) || ' ' || oid AS identity
       FROM pg_catalog.pg_database WHERE datname = current_database()`,
    );
    return rows[0]!.identity;
  });

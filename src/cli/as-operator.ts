import { userInfo } from 'node:os';
import process from 'node:process';
import { cellVariable } from '../kernel/config/cells.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig } from '../kernel/config/config.js';
import { MigrationError } from '../kernel/database/migration-error.js';
import { publicError } from '../kernel/vocabulary/errors.js';
import { listCells } from '../services/operator/cells.js';
import {
  cellOfSlug,
  notKnownHere,
  OperatorCells,
  type AwayCell,
} from '../services/operator/operator-cells.js';
import {
  noConnection,
  withOperatorConnection,
  type OperatorConnection,
} from '../services/operator/operator-connection.js';
import { explain } from '../explain.js';
import { commandUrls, demand } from './connect.js';

/**
 * Runs `work` as tenantry_operator, in the default cell; its changes are in the audit logs under the name of the user of this
 * machine.
 *
 * @throws ConfigError without DATABASE_OPERATOR_URL; MigrationError when the database cannot be reached
 */
export async function asOperator<Result>(
  work: (connection: OperatorConnection) => Promise<Result>,
): Promise<Result> {
  const { operator, contextKey } = await commandUrls(readConfig(process.env, 'command'));
  const url = demand(operator, 'DATABASE_OPERATOR_URL');
  return withOperatorConnection({ url, operator: operatorName(), contextKey }, work);
}

/** The same in a cell. @param name undefined: the default one */
export async function asOperatorAt<Result>(
  name: string | undefined,
  work: (connection: OperatorConnection) => Promise<Result>,
): Promise<Result> {
  if (name === undefined) return asOperator(work);
  const config = readConfig(process.env, 'command');
  const variable = cellVariable(name, 'OPERATOR');
  const url = demand(config.cells.find((cell) => cell.name === name)?.operatorUrl, variable);
  return withOperatorConnection(
    { url, operator: operatorName(), contextKey: config.contextSigningKey },
    work,
  );
}

/** The same in the cell of a tenant. */
export async function asOperatorOf<Result>(
  slug: string,
  work: (connection: OperatorConnection) => Promise<Result>,
): Promise<Result> {
  if (readConfig(process.env, 'command').cells.length === 0) return asOperator(work);
  return asOperatorAt(await asOperator((home) => cellOfSlug(home, slug)), work);
}

/**
 * The same in all cells. One that cannot be reached, or has no operators' URL here, keeps `work` from nothing that it does
 * elsewhere: what is done there fails.
 */
export async function asOperatorOfCells<Result>(
  work: (cells: OperatorCells) => Promise<Result>,
): Promise<Result> {
  const { cells } = readConfig(process.env, 'command');
  const all = [await opened(undefined), ...(await Promise.all(cells.map(({ name }) => opened(name))))];
  const [home, ...others] = all.map(({ connection }) => connection);
  try {
    const named = new Map(cells.map(({ name }, place) => [name, others[place]!]));
    return await work(new OperatorCells(home!, named, tellAway));
  } finally {
    await Promise.all(all.map(({ close }) => close()));
  }
}

interface Opened {
  readonly connection: OperatorConnection;
  readonly close: () => Promise<void>;
}

/**
 * A connection to a cell, which fails at its first use when the cell cannot be reached.
 *
 * @throws ConfigError when the default cell has no operators' URL
 */
function opened(name: string | undefined): Promise<Opened> {
  return new Promise((resolve, reject) => {
    let end = (): void => undefined;
    const ended = new Promise<void>((done) => (end = done));
    const run = asOperatorAt(name, (connection) => {
      resolve({
        connection,
        close: () => {
          end();
          return run.catch(() => undefined);
        },
      });
      return ended;
    });
    run.catch((error: unknown) => {
      if (name === undefined && error instanceof ConfigError) reject(error);
      const why = error instanceof Error ? error : new Error(String(error));
      resolve({ connection: noConnection(operatorName(), why), close: () => Promise.resolve() });
    });
  });
}

/**
 * Runs `work` in each cell, one after the other. A cell that is away, or of which this configuration has no URL, is named on
 * stderr, and the command exits with {@link INCOMPLETE}.
 *
 * @throws ConfigError when a cell of this configuration has no operators' URL; the error of the only cell; what `work` throws,
 * unless it is that the cell went away
 */
export async function inEachCell(
  work: (connection: OperatorConnection, name: string | undefined) => Promise<void>,
): Promise<void> {
  const { cells } = readConfig(process.env, 'command');
  for (const { name, operatorUrl } of cells) demand(operatorUrl, cellVariable(name, 'OPERATOR'));
  const known = new Set(cells.map(({ name }) => name));
  for (const name of [undefined, ...known]) {
    try {
      await asOperatorAt(name, async (connection) => {
        await work(connection, name);
        if (name !== undefined) return;
        for (const other of await listCells(connection)) {
          if (!known.has(other.name)) tellAway({ name: other.name, error: notKnownHere(other.name) });
        }
      });
    } catch (error) {
      if (known.size === 0 || !isAway(error)) throw error;
      tellAway({ name: name ?? 'default', error });
    }
  }
}

/** Whether the database cannot be reached, or the connection to it was lost. */
const isAway = (error: unknown): boolean =>
  error instanceof MigrationError || publicError(error)?.code === 'UNAVAILABLE';

/** The exit status of a command that has printed all but what is in cells that are away. */
export const INCOMPLETE = 3;

/** Says that a cell is missing in what the command prints. */
export function tellAway({ name, error }: AwayCell): void {
  process.exitCode ??= INCOMPLETE;
  process.stderr.write(`Without the cell ${name}: ${explain(error)}\n`);
}

/** Refuses a cell that this configuration does not know. */
export function demandCell(name: string): void {
  const { cells } = readConfig(process.env, 'command');
  if (cells.some((cell) => cell.name === name)) return;
  throw new ConfigError(`${cellVariable(name)} is missing: it says where the cell ${name} is.`);
}

/** The actor in the audit log: the user of this machine. In a container the uid may have no name. */
function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${String(process.getuid?.())}`;
  }
}

import { userInfo } from 'node:os';
import process from 'node:process';
import { cellVariable } from '../kernel/config/cells.js';
import { ConfigError } from '../kernel/config/config-error.js';
import { readConfig } from '../kernel/config/config.js';
import { cellOfSlug, OperatorCells } from '../services/operator/operator-cells.js';
import { withOperatorConnection, type OperatorConnection } from '../services/operator/operator-connection.js';
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

/** The same in all cells that have an operators' URL here. */
export async function asOperatorOfCells<Result>(
  work: (cells: OperatorCells) => Promise<Result>,
): Promise<Result> {
  const { cells } = readConfig(process.env, 'command');
  return asOperator((home) => {
    const others = new Map<string, OperatorConnection>();
    const openNext = ([next, ...rest]: readonly string[]): Promise<Result> => {
      if (next === undefined) return work(new OperatorCells(home, others));
      return asOperatorAt(next, (connection) => {
        others.set(next, connection);
        return openNext(rest);
      });
    };
    return openNext(cells.filter(({ operatorUrl }) => operatorUrl !== undefined).map(({ name }) => name));
  });
}

/**
 * Runs `work` in each cell, one after the other; each must have an operators' URL here.
 *
 * @throws ConfigError when one has none, so that nobody takes a part for the whole
 */
export async function inEachCell(
  work: (connection: OperatorConnection, name: string | undefined) => Promise<void>,
): Promise<void> {
  const { cells } = readConfig(process.env, 'command');
  for (const name of [undefined, ...cells.map((cell) => cell.name)]) {
    await asOperatorAt(name, (connection) => work(connection, name));
  }
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

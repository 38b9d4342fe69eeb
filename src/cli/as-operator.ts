import { userInfo } from 'node:os';
import process from 'node:process';
import { readConfig } from '../kernel/config/config.js';
import { withOperatorConnection, type OperatorConnection } from '../services/operator/operator-connection.js';
import { commandUrls, demand } from './connect.js';

/**
 * Runs `work` as tenantry_operator; its changes are in the audit logs under the name of the user of this machine.
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

/** The actor in the audit log: the user of this machine. In a container the uid may have no name. */
function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${String(process.getuid?.())}`;
  }
}

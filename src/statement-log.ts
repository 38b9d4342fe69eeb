/** The log of statements that LOG_SQL asks for. */
import type { Config } from './kernel/config/config.js';
import type { StatementLog } from './kernel/tenancy/database.js';

/** Writes a line of the log. */
export type Inform = (what: string, fields: object) => void;

/**
 * What LOG_SQL asks for. Values, and plans, which show them, are for development only.
 *
 * @param inform is given what the line is, `statement` or a plan, and its fields
 */
export function statementLog(
  { logSql, production }: Pick<Config, 'logSql' | 'production'>,
  inform: Inform | undefined,
): StatementLog | undefined {
  if (logSql === undefined || !inform) return undefined;
  const write: StatementLog['write'] = (line) => inform('statement', line);
  if (production) return { write, withValues: false };
  const writePlan: StatementLog['writePlan'] = ({ plan, ...line }) => inform(`plan\n${plan}\n`, line);
  return { write, withValues: true, ...(logSql === 'plans' && { writePlan }) };
}

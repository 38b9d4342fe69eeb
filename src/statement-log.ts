/** The log of statements that LOG_SQL or SLOW_STATEMENT_MS asks for. */
import type { Config } from './kernel/config/config.js';
import type { StatementLog } from './kernel/tenancy/database.js';

/** Writes a line of the log. */
export type Inform = (what: string, fields: object) => void;

/**
 * What LOG_SQL asks for, or else SLOW_STATEMENT_MS, whose lines and plans have no values. Values, and plans, which show them, are for development only.
 *
 * @param inform is given what the line is, `statement` or a plan, and its fields
 */
export function statementLog(
  { logSql, production, slowStatements }: Pick<Config, 'logSql' | 'production' | 'slowStatements'>,
  inform: Inform | undefined,
): StatementLog | undefined {
  if (!inform) return undefined;
  if (logSql === undefined) {
    if (!slowStatements) return undefined;
    return {
      write: (line) => inform('slow statement', line),
      withValues: false,
      slowerThanMs: slowStatements.ms,
      ...(slowStatements.plans && { writePlan: (line) => inform('plan of a slow statement', line) }),
    };
  }
  const write: StatementLog['write'] = (line) => inform('statement', line);
  if (production) return { write, withValues: false };
  const writePlan: StatementLog['writePlan'] = ({ plan, ...line }) => inform(`plan\n${plan}\n`, line);
  return { write, withValues: true, ...(logSql === 'plans' && { writePlan }) };
}

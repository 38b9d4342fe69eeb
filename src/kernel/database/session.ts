/**
 * The settings of a session that decide what values mean and what a transaction may do. A server, a database or a role may
 * have others than the ones that our code is written for: a time without an offset is then another moment, and a list of
 * dates cannot be read.
 *
 * They are set three times over. A connection asks for those that every pooler knows when it starts. The roles have all of
 * them as defaults, which go before those of the database. And `tenantry.bind` looks at the time zone and the style of dates
 * again, in each transaction, for a statement may have changed them for the session.
 */
import pg from 'pg';

/** Sent by each connection as it starts. PgBouncer keeps them per client; others have to be in its ignore list. */
const OF_A_CONNECTION: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  standard_conforming_strings: 'on',
};

/** Defaults of the roles that the server and the operators connect as. */
export const ROLE_DEFAULTS: Readonly<Record<string, string>> = {
  ...OF_A_CONNECTION,
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  // As many digits as it takes to read the same number back.
  extra_float_digits: '1',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  // Temporary objects last: where they are not named they come first, and capture unqualified names.
  search_path: 'public, pg_temp',
};

/** pg's client has the method, its types have not. */
interface WithStartup {
  getStartupConf(): Record<string, string>;
}

/** A connection of pg whose session has the settings above, whatever the defaults are. */
export class SessionClient extends pg.Client {
  /** Called by pg as the connection starts. Parameters go before the `options` that a URL may carry. */
  getStartupConf(): Record<string, string> {
    const inherited = pg.Client.prototype as unknown as WithStartup;
    return { ...inherited.getStartupConf.call(this), ...OF_A_CONNECTION };
  }
}

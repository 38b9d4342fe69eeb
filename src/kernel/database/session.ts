/**
 * The session settings that determine the meaning of values and the rights of transactions. A server, a database or a
 * role may have other defaults than our code needs: a time without an offset would then be another time, and a list of
 * dates could not be parsed.
 *
 * They are set in three places. A new connection requests those that every pooler supports. The roles have all of them
 * as defaults, which override those of the database. `tenantry.bind` sets the time zone and the date style again in
 * each transaction, because a statement may have changed them for the session.
 */
import pg from 'pg';

/** Sent by each new connection. PgBouncer keeps them per client; others must be in its ignore list. */
const OF_A_CONNECTION: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  standard_conforming_strings: 'on',
};

/** Defaults of the roles of the server and the operators. */
export const ROLE_DEFAULTS: Readonly<Record<string, string>> = {
  ...OF_A_CONNECTION,
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  // Enough digits to read the same number back.
  extra_float_digits: '1',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  // Temporary objects come last; unless listed, they come first and hide unqualified names.
  search_path: 'public, pg_temp',
};

/** pg's client has this method, but its types do not. */
interface WithStartup {
  getStartupConf(): Record<string, string>;
}

/** A connection of pg with the session settings above, regardless of the defaults. */
export class SessionClient extends pg.Client {
  /** Called by pg when the connection starts. These parameters override the `options` of a URL. */
  getStartupConf(): Record<string, string> {
    const inherited = pg.Client.prototype as unknown as WithStartup;
    return { ...inherited.getStartupConf.call(this), ...OF_A_CONNECTION };
  }
}

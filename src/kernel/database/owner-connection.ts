/**
 * Connections for maintenance: creating roles, migrating. Nothing here is used to serve requests.
 *
 * Guarantees: every failure to connect is one sentence without a password, and losing an idle connection does not end
 * the process.
 */
import pg from 'pg';

import { tenantryCommand } from '../config/command-line.js';
import { MigrationError, codeOf, messageOf } from './migration-error.js';
import { SessionClient } from './session.js';

/** Owns every object; runs migrations. */
export const OWNER_ROLE = 'tenantry_owner';
/** The server's role. */
export const APP_ROLE = 'tenantry_app';
/** The role of operators' code; the only one with BYPASSRLS. */
export const OPERATOR_ROLE = 'tenantry_operator';

/** The parts of a connection URL, as the driver parses them. */
export interface Address {
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  /** `host:port`, for messages. */
  readonly server: string;
}

/** The default application_name of these connections. */
export const MIGRATION_SESSION = 'tenantry migrate';

const CONNECT_TIMEOUT_MS = 10_000;

/** What to do about roles, databases and tables that are not there. */
export const MIGRATE_FIRST = `run \`${tenantryCommand('migrate')}\` with DATABASE_OWNER_URL`;

const NO_ROLE =
  `it has another password, or does not exist yet: ${MIGRATE_FIRST}, which makes the roles and the tables; ` +
  'before a restore, `migrate --roles-only` makes the roles alone (docs/backup.md)';

/**
 * Parses a connection URL. `variable` is its name in messages.
 *
 * @throws MigrationError when it is not a postgres:// URL; without a cause, because Node's error contains the URL
 */
export function addressOf(url: string, variable = 'The URL of the database'): Address {
  try {
    parseUrl(url);
    const { user, password, database, host, port } = new pg.Client({ connectionString: url });
    return {
      user: user ?? '',
      password: typeof password === 'string' && password !== '' ? password : undefined,
      database: database ?? user ?? '',
      server: `${host}:${String(port)}`,
    };
  } catch {
    throw new MigrationError(`${variable} is not of the form postgres://user:password@host:5432/database.`);
  }
}

/** The same server and login, but another database. */
export function withDatabase(url: string, database: string): string {
  const parsed = parseUrl(url);
  parsed.pathname = `/${encodeURIComponent(database)}`;
  return parsed.toString();
}

/**
 * The same login, acting as tenantry_owner from the first statement on, so that this role owns everything created; in
 * the schema public, and without a statement timeout, which a long index build would exceed.
 */
export function actingAsOwner(url: string): string {
  const settings = ['-c statement_timeout=0', '-c search_path=public'];
  if (addressOf(url).user !== OWNER_ROLE) settings.push(`-c role=${OWNER_ROLE}`);
  const parsed = parseUrl(url);
  // In the URL, because its options replace those given separately.
  const own = parsed.searchParams.get('options');
  parsed.searchParams.set('options', [own, ...settings].filter(Boolean).join(' '));
  return parsed.toString();
}

/**
 * Runs `work` on one dedicated connection and closes it. Its session has the settings of session.ts, unless `Client` is pg's.
 *
 * @throws MigrationError when no connection can be made; errors of `work` are passed on
 */
export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
  Client: typeof pg.Client = SessionClient,
): Promise<T> {
  addressOf(url);
  const client = new Client(connectionConfig(url));
  // The next statement reports a connection lost between two statements; without a listener the error would end Node.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await closed(client);
    throw connectFailure(url, error);
  }
  try {
    return await work(client);
  } finally {
    await closed(client);
  }
}

/**
 * For pools without an error listener: losing the connection does not end the process, and the next statement reports
 * it.
 */
class UnheardClient extends SessionClient {
  constructor(config?: pg.ClientConfig | string) {
    super(config);
    this.on('error', () => undefined);
  }
}

/** A pool of exactly one connection, for Prisma's engine, which keeps session state (its own advisory lock). */
export function singleConnectionPool(url: string): pg.Pool {
  const pool = new pg.Pool({ ...connectionConfig(url), max: 1, Client: UnheardClient });
  pool.on('error', () => undefined);
  return pool;
}

/**
 * Creates the database of the URL, owned by tenantry_owner, unless it exists. Several instances may do this at once.
 * `beforehand` first runs on the maintenance connection, because the owner must exist.
 *
 * @returns whether the database was missing
 * @throws MigrationError when the server cannot be reached or the login may not create it
 */
export async function ensureDatabase(
  url: string,
  beforehand: (client: pg.Client) => Promise<void> = () => Promise.resolve(),
): Promise<boolean> {
  try {
    await withClient(url, () => Promise.resolve());
    return false;
  } catch (error) {
    if (!isDatabaseMissing(error)) throw error;
  }
  await withMaintenanceClient(url, async (client) => {
    await beforehand(client);
    await createDatabase(client, addressOf(url));
  });
  return true;
}

/** Runs `work` in a database that exists on every server. */
async function withMaintenanceClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  try {
    return await withClient(withDatabase(url, 'postgres'), work);
  } catch (error) {
    if (!isDatabaseMissing(error)) throw error;
    return withClient(withDatabase(url, 'template1'), work);
  }
}

async function createDatabase(client: pg.Client, { database, user, server }: Address): Promise<void> {
  const sql = `CREATE DATABASE ${pg.escapeIdentifier(database)} OWNER ${OWNER_ROLE}`;
  try {
    await client.query(sql);
  } catch (error) {
    // Another instance was faster: 42P04 when it has finished, 23505 while it runs.
    if (codeOf(error) === '42P04' || codeOf(error) === '23505') return;
    if (codeOf(error) === '42704') throw new MigrationError(ownerMissing(server), { cause: error });
    throw new MigrationError(
      `The database "${database}" does not exist at ${server}, and "${user}" cannot create it ` +
        `(${messageOf(error)}); as a superuser, run: ${sql};`,
      { cause: error },
    );
  }
}

function isDatabaseMissing(error: unknown): boolean {
  return error instanceof MigrationError && codeOf(error.cause) === '3D000';
}

function connectionConfig(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    fallback_application_name: MIGRATION_SESSION,
  };
}

function parseUrl(url: string): URL {
  // Node refuses `postgres://user@/database?host=/run/postgresql` (a Unix socket) because it has no host; the driver
  // uses the parameter and ignores the host.
  const parsed = new URL(url.replace('@/', '@localhost/'));
  if (!/^postgres(ql)?:$/.test(parsed.protocol)) throw new TypeError('not a postgres:// URL');
  return parsed;
}

async function closed(client: pg.Client): Promise<void> {
  // The connection is closed in any case, and its failure is already known.
  await client.end().catch(() => undefined);
}

function connectFailure(url: string, error: unknown): MigrationError {
  return new MigrationError(connectSentence(addressOf(url), error), { cause: error });
}

function connectSentence({ user, database, server }: Address, error: unknown): string {
  const code = codeOf(error);
  if (code === '3D000') {
    return `The database "${database}" does not exist at ${server}${user === APP_ROLE ? `: ${MIGRATE_FIRST}` : ''}.`;
  }
  if (code === '28P01' || code === '28000') {
    const missing = user === APP_ROLE ? `: ${NO_ROLE}` : '';
    return `PostgreSQL at ${server} refused the login "${user}" (${messageOf(error)})${missing}.`;
  }
  if (code === '22023' && messageOf(error).includes(OWNER_ROLE)) {
    return ownerMissing(server);
  }
  if (code === '42501' && messageOf(error).includes(OWNER_ROLE)) {
    return `The login "${user}" may not act as ${OWNER_ROLE} at ${server}; as a superuser, run: ${membershipSql(user)};`;
  }
  if (messageOf(error).startsWith('SASL') && messageOf(error).includes('password')) {
    return `PostgreSQL at ${server} asks for a password for "${user}", and the URL has none.`;
  }
  if (/^E[A-Z]+$/.test(code)) return `PostgreSQL at ${server} cannot be reached (${code}).`;
  return `PostgreSQL at ${server} cannot be reached (${messageOf(error)}).`;
}

function ownerMissing(server: string): string {
  return `The role ${OWNER_ROLE} does not exist at ${server}: ${MIGRATE_FIRST}.`;
}

/** The SQL that allows a login to act as the owner. */
export function membershipSql(login: string): string {
  return `GRANT ${OWNER_ROLE} TO ${pg.escapeIdentifier(login)}`;
}

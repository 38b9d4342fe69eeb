/**
 * Connections to the audited database.
 *
 * Guarantees: every failure to connect is one sentence without a password, and losing an idle connection does not end
 * the process.
 */
import pg from 'pg';

/** The database cannot be reached, or the URL is invalid. The message is for the user. */
export class AuditConnectionError extends Error {
  override readonly name = 'AuditConnectionError';
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Settings for values in a known form, regardless of the database's settings. */
const SETTINGS = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET standard_conforming_strings = on";

/**
 * Runs `work` on one dedicated connection and closes it. The session has the database's default settings.
 *
 * @throws AuditConnectionError when no connection can be made; errors of `work` are passed on
 */
export async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = clientFor(url);
  // The next statement reports a connection lost between two statements; without a listener the error would end Node.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await closed(client);
    throw new AuditConnectionError(connectSentence(client, error), { cause: error });
  }
  try {
    return await work(client);
  } finally {
    await closed(client);
  }
}

/**
 * The same, in a session with a known time zone, date style and string syntax.
 *
 * @throws AuditConnectionError when no connection can be made; errors of `work` are passed on
 */
export const withSettledClient = <Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> =>
  withClient(url, async (client) => {
    await client.query(SETTINGS);
    return work(client);
  });

function clientFor(url: string): pg.Client {
  try {
    // Node refuses `postgres://user@/database?host=/run/postgresql` (a Unix socket), because it has no host.
    if (!/^postgres(ql)?:$/.test(new URL(url.replace('@/', '@localhost/')).protocol)) throw new TypeError();
    return new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      fallback_application_name: 'tenantry-audit',
    });
  } catch {
    // Without a cause, because Node's error contains the URL.
    throw new AuditConnectionError(
      'The URL of the database is not of the form postgres://user:password@host:5432/database.',
    );
  }
}

async function closed(client: pg.Client): Promise<void> {
  // The connection is closed in any case, and its failure is already known.
  await client.end().catch(() => undefined);
}

function connectSentence({ host, port, user, database }: pg.Client, error: unknown): string {
  const server = `${host}:${String(port)}`;
  const message = (error instanceof Error ? error.message : String(error)).trim().replace(/\.$/, '');
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === '3D000') return `The database "${database ?? ''}" does not exist at ${server}.`;
  if (code === '28P01' || code === '28000') {
    return `PostgreSQL at ${server} refused the login "${user ?? ''}" (${message}).`;
  }
  if (message.startsWith('SASL') && message.includes('password')) {
    return `PostgreSQL at ${server} asks for a password for "${user ?? ''}", and the URL has none.`;
  }
  return `PostgreSQL at ${server} cannot be reached (${/^E[A-Z]+$/.test(code) ? code : message}).`;
}

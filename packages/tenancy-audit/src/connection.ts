/**
 * Connections to the database that is audited.
 *
 * Guarantees: every failure to connect is one sentence without a password, and a connection that dies while it is idle
 * does not take the process with it.
 */
import pg from 'pg';

/** The database cannot be reached, or the URL is none. The message is for whoever gave the URL. */
export class AuditConnectionError extends Error {
  override readonly name = 'AuditConnectionError';
}

const CONNECT_TIMEOUT_MS = 10_000;

/** So that values come back in the form that they are compared in, whatever the database's own settings are. */
const SETTINGS = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET standard_conforming_strings = on";

/**
 * Runs `work` on one connection of its own and closes it. The session has the settings that the database gives to it.
 *
 * @throws AuditConnectionError when there is no connection to be had; what `work` throws passes unchanged
 */
export async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = clientFor(url);
  // A server that goes away between two statements is noticed by the next statement; unheard, it would end Node.
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
 * The same, in a session whose time zone, style of dates and reading of strings are known.
 *
 * @throws AuditConnectionError when there is no connection to be had; what `work` throws passes unchanged
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
    // `postgres://user@/database?host=/run/postgresql`, a Unix socket, is no URL to Node without a host.
    if (!/^postgres(ql)?:$/.test(new URL(url.replace('@/', '@localhost/')).protocol)) throw new TypeError();
    return new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      fallback_application_name: 'tenantry-audit',
    });
  } catch {
    // Without a cause: Node's own error quotes the URL.
    throw new AuditConnectionError(
      'The URL of the database is not of the form postgres://user:password@host:5432/database.',
    );
  }
}

async function closed(client: pg.Client): Promise<void> {
  // The connection is given up either way, and why it failed is already known.
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

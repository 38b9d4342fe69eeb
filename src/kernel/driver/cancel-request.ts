/**
 * Asks PostgreSQL to cancel the running statement of a connection. The request uses a separate connection, which needs
 * no login and does not count towards `max_connections`. A pooler forwards it.
 */
import pg from 'pg';

/** The address and the backend of a client's connection. Its types declare only some of these properties. */
interface Address {
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean | object;
  readonly sslNegotiation: string;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** The part of pg's connection that this file uses. */
interface Wire extends NodeJS.EventEmitter {
  readonly stream: { destroy(): void };
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
}

/**
 * Resolves when PostgreSQL has handled the request and closed the connection, or when that fails or takes longer than
 * `timeoutMs`. Never rejects. It does not say whether a statement was cancelled: the client learns that from its own
 * answer.
 *
 * PostgreSQL sends the signal before it closes the connection, so statements that begin later are not cancelled.
 */
export function requestCancel(client: pg.Client, timeoutMs: number): Promise<void> {
  const { host, port, ssl, sslNegotiation, processID, secretKey } = client as unknown as Address;
  if (processID === null || secretKey === null) return Promise.resolve();
  return new Promise((resolve) => {
    const wire = new pg.Connection({ ssl, sslNegotiation } as pg.ConnectionConfig) as unknown as Wire;
    const timer = setTimeout(() => wire.stream.destroy(), timeoutMs);
    const send = () => wire.cancel(processID, secretKey);
    wire.on('connect', () => {
      if (!ssl) send();
      else if (sslNegotiation !== 'direct') wire.requestSsl();
    });
    wire.on('sslconnect', send);
    wire.on('error', () => wire.stream.destroy());
    wire.on('end', () => {
      clearTimeout(timer);
      resolve();
    });
    if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${String(port)}`);
    else wire.connect(port, host);
  });
}
